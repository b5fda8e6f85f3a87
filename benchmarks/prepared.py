"""What the benchmarks need and the project does not hold: the real voice and the peer, fetched on first use.

Where the real voice cannot be had, a stand-in of the same size with random weights is built. All lie in the user's
cache folder, outside the tree; delete them whenever you like.
"""

import os
import shutil
import subprocess
import sys
import venv
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from peer import MODEL_NAME, VOICES_NAME

from core_engine.kokoro.voice.packs import find_voices, load_voice
from listening.equipment import EquipmentMissingError, fetched
from storyflow.stories.story import read_story

HERE = Path(__file__).resolve().parent
FOLDER = platformdirs.user_cache_path("storyflow", appauthor=False) / "benchmarks"
STORY = HERE.parent / "examples" / "the-red-headed-league.md"
STORYFLOW = Path(sys.executable).with_name("storyflow")
VOICE = "af_bella"
STAND_IN = "STORYFLOW_BENCHMARK_STAND_IN"
"""Set to measure the stand-in."""


@lru_cache(maxsize=1)
def model() -> Path:
    """Return Kokoro v1.0 int8 with its voices beside it; the stand-in if asked for, or if it cannot be had."""
    if not os.environ.get(STAND_IN):
        try:
            return fetched().model
        except EquipmentMissingError as error:
            print(
                f"{error}\nMeasured with the stand-in, whose figures are not those of the real voice.", file=sys.stderr
            )
    return _stand_in()


def models_dir() -> Path:
    """Return the models folder that `model` lies in."""
    folder = model().parent
    return folder.parent if folder.name == model().stem else folder


def _stand_in() -> Path:
    """Return the full-size Kokoro v0.19 with random weights; building it takes minutes."""
    path = FOLDER / "model" / "kokoro-v0_19.onnx"
    if not path.exists():
        python = _environment("stand-in", [HERE / "stand_in" / "requirements.txt"], alone=["kokoro>=0.9.4"])
        building = path.parent.with_name("model.unfinished")  # so that what was interrupted is not taken for whole
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        subprocess.run([python, HERE / "stand_in" / "build.py", building], check=True)
        building.rename(path.parent)
    return path


def peer(*arguments: str | Path) -> list[str | Path]:
    """Return the command that runs the peer on the same model: in an environment of its own, as its README says."""
    python = _environment("peer", [HERE / "peer-requirements.txt"])
    return [python, HERE / "peer.py", _laid_out_for_peer(), *arguments]


def _laid_out_for_peer() -> Path:
    """Return a folder with the model and its voices under the names that `peer.py` looks for."""
    folder = FOLDER / f"peer-of-{model().stem}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_NAME).unlink(missing_ok=True)
    (folder / MODEL_NAME).symlink_to(model())
    if not (folder / VOICES_NAME).exists():
        packs: dict[str, Any] = {name: load_voice(file, name) for name, file in find_voices(model().parent).items()}
        np.savez(folder / "unfinished.npz", **packs)
        (folder / "unfinished.npz").rename(folder / VOICES_NAME)
    return folder


def chapter(characters: int) -> str:
    """Return the first `characters` of the example story, in whole paragraphs, without its title."""
    paragraphs = [segment.text for segment in read_story(STORY).segments if segment.kind == "paragraph"]
    text = ""
    for paragraph in paragraphs * (1 + characters // sum(map(len, paragraphs))):
        if len(text) >= characters:
            break
        text += f"{paragraph}\n\n"
    return text.strip()


def _environment(name: str, requirements: list[Path], alone: list[str] | None = None) -> Path:
    """Return the Python of a virtual environment with `requirements`, and `alone` without what they depend on."""
    folder = FOLDER / name
    python, done = folder / "bin" / "python", folder / ".installed"
    wanted = "\n".join(path.read_text() for path in requirements)
    if not done.exists() or done.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *(part for path in requirements for part in ("-r", path))], check=True)
        if alone:
            subprocess.run([*install, "--no-deps", *alone], check=True)
        done.write_text(wanted)
    return python
