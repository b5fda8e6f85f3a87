"""Checks of model discovery: the scenarios of the standard, with copies of the engine's own model."""

import contextlib
import functools
import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from engines.conformance.checklist import Checklist, NotApplicableError, UncheckedError, require
from engines.conformance.trial import NO_MODEL, Trial
from engines.contract.engine_config import ENGINE_YAML

checks: Checklist[Trial] = Checklist()


@checks.add("Model discovery scans models_dir", "List self.store.loadable(), or each entry of self.models_dir.")
def _scans(trial: Trial) -> None:
    _copy_model(trial, trial.models_dir, "check-baked-in")
    require("check-baked-in" in trial.listed(), "a model put into models/ is not listed")
    _check_loads(trial, "check-baked-in")


@checks.add(
    "/models: the default first, the others sorted", "Put the default first: the client uses the first as its default."
)
def _order(trial: Trial) -> None:
    names = trial.listed()
    if not names:
        raise UncheckedError(NO_MODEL)
    default = trial.config.default_model
    require(default not in names or names[0] == default, f"'{default}' is not the first of {names}")
    others = [name for name in names if name != default]
    require(others == sorted(others) and len(set(names)) == len(names), f"not sorted: {names}")


@checks.add(
    "/models lists only what can be loaded", "Skip hidden, *.part, empty and incomplete entries and dangling links."
)
def _only_loadable(trial: Trial) -> None:
    for name in (".check-hidden", "lost+found"):
        _copy_model(trial, trial.models_dir, name)
    half = _copy_model(trial, trial.models_dir, "check-half")
    half.rename(half.with_name(f"{half.name}.part"))
    (trial.models_dir / "check-empty").mkdir()
    (trial.models_dir / "check-dead").symlink_to(trial.external_models_dir / "check-dead")
    bad = {".check-hidden", "lost+found", half.name, f"{half.name}.part", half.stem, "check-empty", "check-dead"}
    listed = sorted(bad & set(trial.listed()))
    require(not listed, f"listed by mistake: {', '.join(listed)}")


@checks.add(
    "Read models from self.models_dir: external models are linked", "Call self.store.prepare(), as the base does."
)
def _links(trial: Trial) -> None:
    target = _copy_model(trial, trial.external_models_dir, "check-mounted")
    require("check-mounted" in trial.listed(), "a model put into external_models/ is not listed")
    link = trial.models_dir / target.name
    require(link.is_symlink() and link.samefile(target), f"models/{target.name} is not a link to it")
    _check_loads(trial, "check-mounted")


@checks.add("Baked-in models take precedence", "Never replace an entry of models/.")
def _precedence(trial: Trial) -> None:
    model = _model_entry(trial)
    before = _checksum(model)
    rival = trial.external_models_dir / model.name
    rival.mkdir() if model.is_dir() else rival.write_bytes(b"not the baked-in model")
    if model.is_dir():
        (rival / "rival").write_bytes(b"not the baked-in model")
    _check_loads(trial, trial.load())
    require(not model.is_symlink() and _checksum(model) == before, f"models/{model.name} has changed")


@checks.add("A link is repaired when its target returns", "Call self.store.prepare() before reading models/.")
def _repairs(trial: Trial) -> None:
    target = _copy_model(trial, trial.external_models_dir, "check-away")
    require("check-away" in trial.listed(), "a model put into external_models/ is not listed")
    away = target.with_name(f".{target.name}")
    target.rename(away)
    require("check-away" not in trial.listed(), "it is still listed after its folder was unmounted")
    away.rename(target)
    require("check-away" in trial.listed(), "it is not listed again after its folder returned")


@checks.add("Download to self.external_models_dir, symlink after download", "Call self.store.obtain() before loading.")
def _downloads(trial: Trial) -> None:
    source = _model_entry(trial)
    if not source.is_dir():
        raise NotApplicableError("the model is a single file")
    with _mirror(trial.folder / "check-mirror") as address:
        served = trial.folder / "check-mirror" / "check-download"
        shutil.copytree(source, served)
        _declare_download(trial, served)
        trial.stop()
        trial.environment["STORYFLOW_MODELS_URL"] = address
        trial.start()
        require("check-download" in trial.listed(), "a model that engine.yaml can download is not listed")
        _check_loads(trial, "check-download")
    external, link = trial.external_models_dir / "check-download", trial.models_dir / "check-download"
    require(external.is_dir(), "it was not stored in external_models/")
    require(link.is_symlink() and link.samefile(external), "models/check-download is not a link to it")


def _check_loads(trial: Trial, name: str) -> None:
    answer = trial.post("/load", {"engineModelName": name})
    require(answer.status == 200, f"/load '{name}' answered {answer.status}: {answer.body[:200]!r}")


def _model_entry(trial: Trial) -> Path:
    """Return the entry of models/ for the model on trial."""
    if trial.model is None:
        raise UncheckedError(NO_MODEL)
    real = [path for path in sorted(trial.models_dir.iterdir()) if not path.is_symlink()]
    found = next((path for path in real if trial.model in (path.name, path.stem)), None)
    if found is None:
        raise NotApplicableError(f"'{trial.model}' is not an entry of models/")
    return found


def _copy_model(trial: Trial, folder: Path, name: str) -> Path:
    source = _model_entry(trial)
    folder.mkdir(exist_ok=True)
    if source.is_dir():
        return Path(shutil.copytree(source, folder / name))
    return Path(shutil.copy2(source, folder / f"{name}{source.suffix}"))


def _checksum(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()


def _declare_download(trial: Trial, served: Path) -> None:
    """Add the files in the folder `served` to the copy's engine.yaml as a downloadable model."""
    path = trial.folder / ENGINE_YAML
    config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = [
        {
            "path": file.relative_to(served).as_posix(),
            "url": "https://example.com/never-asked",
            "size": file.stat().st_size,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in sorted(served.rglob("*"))
        if file.is_file()
    ]
    declared = {"name": served.name, "display_name": "Downloaded by the check", "download": files}
    config["models"] = [*config.get("models", []), declared]
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


@contextlib.contextmanager
def _mirror(folder: Path) -> Iterator[str]:
    """Serve `folder` on 127.0.0.1 and yield its URL."""
    folder.mkdir()
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""
