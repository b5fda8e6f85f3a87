"""What the benchmarks need and the project does not hold: the full-size model and the peer, made on first use.

Both lie in the user's cache folder, outside the tree; delete them whenever you like.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

HERE = Path(__file__).resolve().parent
FOLDER = platformdirs.user_cache_path("storyflow", appauthor=False) / "benchmarks"
STORY = HERE.parent / "examples" / "the-red-headed-league.md"
STORYFLOW = Path(sys.executable).with_name("storyflow")
VOICE = "af_bella"


def model() -> Path:
    """Return the full-size Kokoro with random weights, with its voices beside it; building it takes minutes."""
    path = FOLDER / "model" / "kokoro-v0_19.onnx"
    if not path.exists():
        python = _environment("stand-in", [HERE / "stand_in" / "requirements.txt"], alone=["kokoro>=0.9.4"])
        building = path.parent.with_name("model.unfinished")  # so that what was interrupted is not taken for whole
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        subprocess.run([python, HERE / "stand_in" / "build.py", building], check=True)
        building.rename(path.parent)
    return path


def peer(*arguments: str | Path, folder: Path | None = None) -> list[str | Path]:
    """Return the command that runs the peer on the same model: in an environment of its own, as its README says.

    `folder` holds another model, under the names that `peer.py` looks for.
    """
    python = _environment("peer", [HERE / "peer-requirements.txt"])
    return [python, HERE / "peer.py", folder or model().parent, *arguments]


def chapter(characters: int) -> str:
    """Return the first `characters` of the example story, in whole paragraphs, without its title."""
    paragraphs = [line.strip() for line in STORY.read_text(encoding="utf-8").split("\n\n") if not line.startswith("#")]
    text = ""
    for paragraph in paragraphs * (1 + characters // sum(map(len, paragraphs))):
        if len(text) >= characters:
            break
        text += paragraph.replace("\n", " ") + "\n\n"
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
