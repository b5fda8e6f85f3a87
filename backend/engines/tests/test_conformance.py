"""The conformance check: it passes what conforms and finds what does not."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

import engines
from engines.conformance import contract, discovery
from engines.conformance.checklist import Checklist, Result
from engines.conformance.folder import EngineFolder, checks
from engines.conformance.imports import copied_files
from engines.conformance.run import check_engine
from engines.conformance.trial import Trial, trial_of
from engines.templates import EngineExistsError, make_engine

ENGINES = Path(engines.__file__).parent


def failed(results: Any) -> dict[str, str]:
    return {result.check: f"{result.found} {result.remedy}" for result in results if result.outcome == "failed"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what images are built from."""
    root = _project(tmp_path)
    own = Path("tts", "debug-tts", "models", "default")
    shutil.copytree(ENGINES / own, root / own)
    return root


@pytest.mark.parametrize("engine", ["tts/debug-tts", "tts/kokoro", "text_processing/segmenter"])
def test_engine_of_the_project_conforms(engine: str) -> None:
    if engine == "tts/kokoro":
        pytest.importorskip("onnxruntime")
    results = list(check_engine(ENGINES / engine))
    assert failed(results) == {}
    assert not [result.check for result in results if result.outcome == "unchecked"]


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in ENGINES.glob("*/*/engine.yaml")), ids=lambda f: f.name
)
def test_files_of_every_engine_of_the_project_conform(folder: Path) -> None:
    assert failed(checks.run(EngineFolder(folder))) == {}


# An engine of the kind "tts" is made and checked by the command: storyflow/tests/test_engines_cli.py.
@pytest.mark.parametrize(("kind", "folder"), [("stt", "stt"), ("text", "text_processing"), ("audio", "audio_analysis")])
def test_new_engine_conforms_as_it_is(tmp_path: Path, kind: str, folder: str) -> None:
    made = make_engine(kind, "my-engine", tmp_path / folder)
    assert failed(check_engine(made)) == {}


@pytest.mark.parametrize("name", ["My-Engine", "1st", "a/b", "..", "", "a_b", "x" * 65])
def test_new_engine_with_a_name_that_no_client_takes_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a valid engine name"):
        make_engine("tts", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_new_engine_never_overwrites(tmp_path: Path) -> None:
    make_engine("tts", "mine", tmp_path)
    with pytest.raises(EngineExistsError, match="exists already"):
        make_engine("tts", "mine", tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        ("tts/debug-tts/README.md", None, None, "The folder is complete"),
        ("tts/debug-tts/engine.yaml", "schema_version: 2", "schema_version: 1", "engine.yaml passes both schemas"),
        ("tts/debug-tts/engine.yaml", "name: debug-tts", "name: x", "engine.yaml names the engine after its folder"),
        ("tts/debug-tts/engine.yaml", "installation:", "engine_config:", "The client can start it as a process"),
        ("tts/debug-tts/engine.yaml", "    step: 0.1\n", "", "Parameters are displayed"),
        ("tts/debug-tts/engine.yaml", "label: Speed", "label: 'Speed: fast'", "Parameters are displayed"),
        ("tts/debug-tts/server.py", "import json", "import torch", "server.py imports heavy libraries during the load"),
        ("tts/debug-tts/Dockerfile", "COPY tts/debug-tts/models/ ./models/", "", "Dockerfile: copy baked-in models"),
        ("tts/debug-tts/Dockerfile", "COPY scripts/docker-entrypoint.sh ./", "", "Dockerfile: copy entrypoint script"),
        ("tts/debug-tts/Dockerfile", "RUN chmod +x", "RUN ls", "Dockerfile: make entrypoint executable"),
        ("tts/debug-tts/Dockerfile", "/app/external_models", "", "Dockerfile: create standard directories"),
        ("tts/debug-tts/Dockerfile", "/app/samples && chmod", "&& chmod", "Dockerfile: create standard directories"),
        ("tts/debug-tts/Dockerfile", "ENTRYPOINT", "LABEL x=", "Dockerfile: set entrypoint"),
        ("tts/debug-tts/Dockerfile", "--host 0.0.0.0", "", "Dockerfile: PORT and 0.0.0.0"),
        ("tts/debug-tts/Dockerfile", "HEALTHCHECK", "LABEL y=", "Dockerfile: HEALTHCHECK"),
        (".dockerignore", "!tts/debug-tts/models/\n", "", ".dockerignore: exception for baked-in models"),
        (".dockerignore", "**/models/", "", ".dockerignore: exception for baked-in models"),
        (
            "scripts/docker-entrypoint.sh", 'exec "$@"', '"$@"',
            "The entrypoint links and keeps models, then becomes the server",
        ),
        (
            "scripts/docker-entrypoint.sh", "    link_all", "    :",
            "The entrypoint links and keeps models, then becomes the server",
        ),
    ],
)  # fmt: skip
def test_check_finds_what_is_wrong_with_the_folder(
    tree: Path, file: str, old: str | None, new: str | None, check: str
) -> None:
    path = tree / file
    if old is None:
        path.unlink()
    else:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new or ""))
    assert check in failed(checks.run(EngineFolder(tree / "tts" / "debug-tts")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return pcm16_wav(", "return b'RIFF' + pcm16_wav(", "/generate: 16-bit PCM mono WAV of one rate"),
        ("DebugTTSServer.main()", "raise SystemExit(7)", "The server starts"),
        (
            "DebugTTSServer.main()",
            "print('Xyzzy plugh'); DebugTTSServer.main()",
            "Logs in the standard format, never the text at INFO",
        ),
    ],
)
def test_check_finds_what_is_wrong_with_the_server(tree: Path, old: str, new: str, expected: str) -> None:
    path = tree / "tts" / "debug-tts" / "server.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    found = failed(check_engine(tree / "tts" / "debug-tts"))
    assert expected in found
    assert found[expected].strip()


NULL_READONLY = """
from fastapi.responses import JSONResponse

def info_with_null(self):
    described = self.__class__.__mro__[1]._info(self).model_dump(by_alias=True)
    described["parameters"]["speed"]["readonly"] = None
    return JSONResponse(described)

DebugTTSServer._info = info_with_null
DebugTTSServer.main()
"""


@contextlib.contextmanager
def started(tree: Path, model: str | None) -> Iterator[Trial]:
    """Yield a running trial of the copy of debug-tts."""
    with trial_of(tree / "tts" / "debug-tts") as trial:
        trial.start()
        trial.model = model
        yield trial


def run_on(trial: Trial, *names: str) -> dict[str, Result]:
    """Return what comes of those checks of a running server whose names begin so."""
    chosen: Checklist[Trial] = Checklist()
    every = [*contract.checks.checks, *discovery.checks.checks]
    chosen.checks = [check for check in every if check.name.startswith(names)]
    assert len(chosen.checks) >= len(names)
    return {result.check: result for result in chosen.run(trial)}


LISTS = "listed = super().get_available_models()"
LISTS_EVERYTHING = "return [ModelInfo(name=p.name, display_name='') for p in sorted(self.models_dir.iterdir())]"
LISTS_BACKWARDS = "return sorted(super().get_available_models(), key=lambda model: model.name, reverse=True)"
LOADS = "    def load_model(self, model_name: str) -> None:\n"
PREFERS_MOUNTED = """        if (mounted := self.external_models_dir / model_name).exists():
            (self.models_dir / model_name).rename(self.models_dir / ".baked-in")
            (self.models_dir / model_name).symlink_to(mounted)
"""
DOWNLOADS_INTO_MODELS = "    def obtain_model(self, model_name): self.store.prepare()\n\n"


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        (LISTS, "return [ModelInfo(name='default', display_name='')]", "Model discovery scans models_dir"),
        (LISTS, LISTS_BACKWARDS, "/models: the default first"),
        (LISTS, LISTS_EVERYTHING, "/models lists only what can be loaded"),
        (LISTS, LISTS_EVERYTHING, "Read models from self.models_dir: external models are linked"),
        (LISTS, LISTS_EVERYTHING, "A link is repaired when its target returns"),
        (LOADS, LOADS + PREFERS_MOUNTED, "Baked-in models take precedence"),
        (LOADS, DOWNLOADS_INTO_MODELS + LOADS, "Download to self.external_models_dir"),
    ],
)  # fmt: skip
def test_check_finds_where_models_are_found_otherwise(tree: Path, old: Any, new: Any, check: str) -> None:
    path = tree / "tts" / "debug-tts" / "server.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    shutil.copytree(tree / "tts/debug-tts/models/default", tree / "tts/debug-tts/models/another")
    with started(tree, "default") as trial:
        (result,) = run_on(trial, check).values()
    assert result.outcome == "failed", result


def test_check_looks_inside_the_parameters_of_info(tree: Path) -> None:
    path = tree / "tts" / "debug-tts" / "server.py"
    path.write_text(path.read_text().replace("    DebugTTSServer.main()", indent(NULL_READONLY, "    ")))
    with started(tree, None) as trial:
        (result,) = run_on(trial, "/info: the client accepts it").values()
    assert result.outcome == "failed"
    assert "parameters.speed.readonly: Input should be a valid boolean" in result.found


@pytest.mark.parametrize("target", ["/nowhere/at/all", "external_models/gone", None])
def test_check_of_an_engine_with_a_dangling_link_or_a_fifo_in_models(tree: Path, target: str | None) -> None:
    odd = tree / "tts" / "debug-tts" / "models" / "odd"
    odd.symlink_to(target) if target else os.mkfifo(odd)
    with started(tree, "default") as trial:
        assert trial.listed() == ["default"]


def test_check_of_an_engine_has_the_models_that_relative_links_lead_to(tree: Path) -> None:
    (tree / "tts" / "debug-tts" / "models" / "other").symlink_to("default")
    with started(tree, "default") as trial:
        assert trial.listed() == ["default", "other"]


def test_check_of_an_engine_without_a_model_says_what_was_not_checked(tree: Path) -> None:
    with started(tree, None) as trial:
        results = run_on(trial, "/load: loaded", "/load of the loaded", "/generate", "/health answers")
    assert {result.outcome for result in results.values()} == {"unchecked"}
    assert all(result.found.startswith("needs a model") for result in results.values())


def test_check_of_a_cloning_engine_runs_what_needs_no_model(tree: Path) -> None:
    _make_cloning(tree)
    with started(tree, None) as trial:
        results = run_on(trial, "A request without", "A body of 64 MiB", "Browser pages", "/samples")
    assert {name: result.found for name, result in results.items() if result.outcome != "passed"} == {}


def test_check_of_a_cloning_engine_with_a_model_lets_it_speak_with_a_sample(tree: Path) -> None:
    _make_cloning(tree)
    with started(tree, "default") as trial:
        results = run_on(trial, "/generate: 16-bit", "/generate: every refusal")
    assert {name: result.found for name, result in results.items() if result.outcome != "passed"} == {}


def _make_cloning(tree: Path) -> None:
    path = tree / "tts" / "debug-tts" / "engine.yaml"
    assert "supports_speaker_cloning: false" in path.read_text()
    path.write_text(path.read_text().replace("supports_speaker_cloning: false", "supports_speaker_cloning: true"))


MODULES = "Dockerfile: copy every module that server.py imports"
SOURCES = "Dockerfile: copy only existing files"


@pytest.mark.parametrize("inside", [True, False], ids=["in-the-project", "outside"])
def test_image_of_a_new_engine_has_its_helpers_and_speech(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    if inside:
        monkeypatch.setattr("engines.templates.ROOT", _project(tmp_path))
    made = make_engine("tts", "my-engine", tmp_path / "engines" / "tts")
    (made / "melody.py").write_text("from engines.speech import sound\n")
    server = made / "server.py"
    server.write_text(server.read_text().replace("import math", "import math\nimport melody"))
    engine = EngineFolder(made)
    assert {"server.py", "melody.py", "engines/speech/sound.py", "engines/base_tts_server.py"} <= copied_files(
        engine.context, engine.instructions()
    )
    assert not {MODULES, SOURCES} & set(failed(checks.run(engine)))


def _project(tmp_path: Path) -> Path:
    kept_out = shutil.ignore_patterns("venv", "models", "external_models", "samples", "tests", "__pycache__")
    return Path(shutil.copytree(ENGINES, tmp_path / "engines", ignore=kept_out))


@pytest.mark.parametrize(
    ("copied", "imported", "missing"),
    [
        ("COPY tts/my-engine/*.py", "import melody", ""),
        ("COPY tts/my-engine/server.py", "import melody", "melody"),
        ("COPY tts/my-engine/server.py", "if TYPE_CHECKING:\n    import melody", ""),
        ("COPY tts/my-engine/server.py", "def load():\n    import melody", "melody"),
        ("COPY tts/my-engine/*.py", "import scratch", "scratch"),  # which .dockerignore leaves out
        ("COPY tts/my-engine/*.py", "from engines.conformance import run", "engines.conformance.run"),
        ("COPY tts/my-engine/*.py", "import numpy, json", ""),
    ],
)
def test_check_compares_what_is_imported_with_what_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: str, imported: str, missing: str
) -> None:
    monkeypatch.setattr("engines.templates.ROOT", _project(tmp_path))
    made = make_engine("tts", "my-engine", tmp_path / "engines" / "tts")
    with (tmp_path / "engines" / ".dockerignore").open("a") as ignored:
        ignored.write("**/scratch.py\n")
    for name in ("melody", "scratch"):
        (made / f"{name}.py").write_text("")
    (made / "server.py").write_text(f"{imported}\n{(made / 'server.py').read_text()}")
    docker = made / "Dockerfile"
    docker.write_text(docker.read_text().replace("COPY tts/my-engine/*.py", copied))
    found = failed(checks.run(EngineFolder(made))).get(MODULES, "")
    assert missing in found
    assert bool(found) is bool(missing)


def test_check_finds_a_helper_of_a_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.templates.ROOT", _project(tmp_path))
    made = make_engine("tts", "my-engine", tmp_path / "engines" / "tts")
    (made / "server.py").write_text("import engines.speech.sound\n" + (made / "server.py").read_text())
    (made / "Dockerfile").write_text((made / "Dockerfile").read_text().replace("COPY speech/ ./engines/speech/\n", ""))
    assert "engines.speech.sound" in failed(checks.run(EngineFolder(made)))[MODULES]


def test_check_finds_a_source_that_is_not_there(tree: Path) -> None:
    path = tree / "tts" / "debug-tts" / "Dockerfile"
    path.write_text(path.read_text() + "\nCOPY weights/ ./weights/\n")
    assert "weights/" in failed(checks.run(EngineFolder(tree / "tts" / "debug-tts")))[SOURCES]
