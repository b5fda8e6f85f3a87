"""An engine with its real library: its own virtual environment, its real server, a folder of its own for each trial."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engines
from engines.conformance.trial import Answer, Trial, free_port
from engines.contract.engine_config import ENGINE_YAML, load_engine_config
from engines.tests.audiobook_client import AudiobookClient
from engines.tests.cloning import samples_of

ENGINES = Path(engines.__file__).parent
TINY_MODELS = Path(__file__).parent / "tiny_models"
BUILD = ENGINES.parents[1] / "build" / "tiny-models"  # git-ignored
NO_NETWORK = Path(__file__).parent / "no_network"
TINY_MODEL_S = 600.0

_NOT_COPIED = ("venv", "models", "external_models", "samples", "__pycache__", "tests", "templates", "conformance")


@dataclass
class RealEngine(Trial):
    """A trial of an engine with its own Python and no models but those that a test puts there."""

    refusal: str = ""  # why the last load was refused

    @property
    def network_notes(self) -> list[str]:
        """What its processes wanted of other machines; all of it was refused."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / "network.txt").read_text(encoding="utf-8").splitlines()
        return []

    @property
    def health(self) -> dict[str, Any]:
        """What /health answers."""
        return dict(self.get("/health").json())

    def load_named(self, name: str) -> int:
        """Return the status of /load; `refusal` then tells why it was refused."""
        answer = self.post("/load", {"engineModelName": name})
        self.refusal = "" if answer.status == 200 else str(answer.json()["detail"])
        return answer.status

    def upload(self, name: str, wav: bytes) -> None:
        """Give it a speaker sample."""
        assert self.post(f"/samples/upload/{name}", wav, {"Content-Type": "audio/wav"}).status == 200

    def shut_down(self) -> int | None:
        """Ask it to shut down and return its exit code."""
        self.post("/shutdown", timeout_s=5)
        assert self.process
        return self.process.wait(15)

    def resident_mib(self) -> float:
        """Return the memory of the server's process in MiB."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def client(self) -> AudiobookClient:
        """Return the faithful client for this folder; the test stops it."""
        return AudiobookClient(self.folder, free_port())


def python_of(engine: str) -> Path:
    """Return the Python of the engine `KIND/NAME`; skip the test where its environment has not been made."""
    python = ENGINES / engine / "venv" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{engine} has no virtual environment here; `make engine-venv ENGINE={engine}` makes it")
    return python


@contextlib.contextmanager
def real_engine_in(parent: Path, engine: str) -> Iterator[RealEngine]:
    """Yield the engine `KIND/NAME` copied below `parent` as it lies in the project, not started; stop it afterwards.

    models/, external_models/ and samples/ are empty. Only its own machine can be reached from it.
    """
    python_of(engine)
    backend = Path(tempfile.mkdtemp(dir=parent)) / "backend"
    kept_out = shutil.ignore_patterns(*_NOT_COPIED)
    shutil.copytree(
        ENGINES, backend / "engines", ignore=lambda folder, names: {*kept_out(folder, names), *_others(folder, names)}
    )
    shutil.copytree(ENGINES.parent / "core_engine", backend / "core_engine", ignore=kept_out)  # reads text aloud
    folder = backend / "engines" / engine
    shutil.copytree(ENGINES / engine, folder, ignore=kept_out)
    for name in ("models", "external_models", "samples"):
        (folder / name).mkdir()
    (folder / "venv").symlink_to(ENGINES / engine / "venv")
    made = RealEngine(
        folder, load_engine_config(folder / ENGINE_YAML), str(folder / "venv" / "bin" / "python"), backend
    )
    # Not the project's own packages: as with the client, server.py has to find them.
    made.environment = {"PYTHONPATH": str(NO_NETWORK), "NETWORK_LOG": str(folder / "network.txt")}
    try:
        yield made
    finally:
        made.stop()


def tiny_model_of(engine: str, name: str = "tiny", arguments: Sequence[str] = ()) -> Path:
    """Return a folder that `tiny_models/tiny_ENGINE.py FOLDER ARGUMENTS` has filled, made once for each version of it.

    Kept below build/; do not write there: copy or link.
    """
    script = TINY_MODELS / f"tiny_{Path(engine).name}.py"
    version = hashlib.sha256(script.read_bytes() + repr(list(arguments)).encode()).hexdigest()[:12]
    folder = BUILD / engine / f"{name}-{version}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as parent:
            made = Path(parent) / "made"
            _run([str(python_of(engine)), str(script), str(made), *arguments])
            made.rename(folder)
    return folder


def give(model: Path, folder: Path) -> None:
    """Put a model there; of its files, which may be large, only a second name, where the disk can do that."""
    shutil.copytree(model, folder, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another disk
        shutil.copy2(source, target)


def _run(command: list[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "NETWORK_LOG"}
    environment["PYTHONPATH"] = str(NO_NETWORK)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TINY_MODEL_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}"


def _others(folder: str, names: list[str]) -> set[str]:
    """Leave out the engines themselves: only the packages that they share are wanted."""
    return {"tts", "stt", "audio_analysis"} & set(names) if Path(folder) == ENGINES else set()


def sound_of(answer: Answer) -> "np.ndarray":
    """Return the samples of an answer that has to be speech."""
    assert answer.status == 200, answer.body
    return samples_of(answer.body)
