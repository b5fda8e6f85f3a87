"""Where engines lie: those that come with the software, those of the user, and where one runs."""

import contextlib
import shutil
from pathlib import Path

import click

import engines as engines_package
from core_engine.kokoro.installation import project_root
from core_engine.places import data_dir, models_dir
from engines.store.names import is_name

ENGINES = Path(engines_package.__file__).parent
KIND_FOLDERS = {"tts": "tts", "stt": "stt", "text": "text_processing", "audio": "audio_analysis"}  # as the client scans
_SPEAKS_USERS_MODELS = "kokoro"
_OF_THE_USER = frozenset(["external_models", "samples", "venv"])


def engine_folders() -> list[Path]:
    """Return the folders of the engines that come with the software, sorted by kind and name."""
    return [
        path.parent for kind in KIND_FOLDERS.values() for path in sorted((ENGINES / kind).glob("[!_.]*/engine.yaml"))
    ]


def engine_folder(engine: str) -> Path:
    """Return the folder of an engine given by its name or its path; raise click's usage error for an unknown one."""
    if is_name(engine):
        found = next((folder for folder in engine_folders() if folder.name == engine), None)
        if found:
            return found
    if (Path(engine) / "engine.yaml").is_file():
        return Path(engine).resolve()
    known = ", ".join(folder.name for folder in engine_folders())
    raise click.UsageError(f"No engine '{engine}'. Use one of {known}, or the path of a folder with an engine.yaml.")


def new_engines_dir(kind: str) -> Path:
    """Return where a new engine of `kind` is made: among the others in a source tree, otherwise the working folder."""
    return ENGINES / KIND_FOLDERS[kind] if project_root() else Path.cwd()


def serving_folder(folder: Path) -> Path:
    """Return the folder that the engine in `folder` runs in, where its models and samples may be written.

    In a source tree and for a user's own engine that is `folder`. What pip installed is left as it is: such an engine
    runs in a copy of its files in the user's data folder. Kokoro is given the user's models.
    """
    if project_root() is None and folder.is_relative_to(ENGINES):
        folder = _copied(folder, data_dir() / "engines" / folder.relative_to(ENGINES))
    if folder.name == _SPEAKS_USERS_MODELS:
        _link_models(folder / "external_models")
    return folder


def _copied(source: Path, target: Path) -> Path:
    """Bring the files of an engine up to date in `target`; what the user put there stays."""
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", *_OF_THE_USER))
    return target


def _link_models(external_models: Path) -> None:
    """Let the engine find what `storyflow models` installed, unless somebody mounted models of their own."""
    users = models_dir()
    if external_models.is_symlink() and not external_models.exists():
        external_models.unlink()  # the models have moved
    if users.is_dir() and not external_models.exists():
        with contextlib.suppress(OSError):  # a file system without links, or not ours: the built-in voice speaks
            external_models.symlink_to(users, target_is_directory=True)
