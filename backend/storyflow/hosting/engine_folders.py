"""The folders of engines: those that come with the software, those of the user, and the folder an engine runs in."""

import contextlib
import importlib.util
import os
import shutil
from pathlib import Path

import click

import engines as engines_package
from core_engine.kokoro.installation import install_command, project_root
from core_engine.places import data_dir, models_dir
from engines.store.names import is_name

ENGINES = Path(engines_package.__file__).parent
KIND_FOLDERS = {"tts": "tts", "stt": "stt", "text": "text_processing", "audio": "audio_analysis"}  # as the client scans
_SPEAKS_USERS_MODELS = "kokoro"
_PACKAGES = ("fastapi", "uvicorn", "pydantic", "yaml", "python_multipart")
_OF_THE_USER = frozenset(["external_models", "samples", "venv"])


def engine_folders() -> list[Path]:
    """Return the folders of the engines that come with the software, sorted by kind and name."""
    return [
        path.parent for kind in KIND_FOLDERS.values() for path in sorted((ENGINES / kind).glob("[!_.]*/engine.yaml"))
    ]


def engine_folder(engine: str) -> Path:
    """Return the folder of an engine by its name or path; raise click's usage error for an unknown engine."""
    if is_name(engine):
        found = next((folder for folder in engine_folders() if folder.name == engine), None)
        if found:
            return found
    if (Path(engine) / "engine.yaml").is_file():
        return Path(engine).resolve()
    known = ", ".join(folder.name for folder in engine_folders())
    raise click.UsageError(f"Unknown engine '{engine}'. Use one of {known}, or the path of a folder with engine.yaml.")


def new_engines_dir(kind: str) -> Path:
    """Return the folder for new engines of `kind`: next to the others in a source tree, else the current folder."""
    return ENGINES / KIND_FOLDERS[kind] if project_root() else Path.cwd()


def need_engine_packages() -> None:
    """Raise click's error, which says what to install, if the packages of engine servers are missing."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"Engines need packages that are not installed: {', '.join(missing)}. "
            f"Install them with: {install_command('engines')}"
        )


def serving_folder(folder: Path) -> Path:
    """Return the folder to run the engine of `folder` in, where its models and samples can be written.

    That is `folder` in a source tree and for a user's own engine. An engine installed by pip runs in a copy in the
    user's data folder. Kokoro gets the user's models.
    """
    if project_root() is None and folder.is_relative_to(ENGINES):
        folder = _copied(folder, data_dir() / "engines" / folder.relative_to(ENGINES))
    if folder.name == _SPEAKS_USERS_MODELS:
        _link_models(folder / "external_models")
    return folder


def _copied(source: Path, target: Path) -> Path:
    """Copy the current files of an engine to `target`; the user's files there are kept."""
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", *_OF_THE_USER))
    return target


def _link_models(external_models: Path) -> None:
    """Link the models installed by `storyflow models` into the engine, unless a folder of models is mounted there.

    A link that leads elsewhere is one to the models folder of an earlier start; an empty folder is what a server leaves
    that started before there were models.
    """
    users = models_dir()
    if external_models.is_symlink() and external_models.resolve() == users.resolve():
        return
    with contextlib.suppress(OSError):  # links unsupported or folder not writable: the built-in voice speaks
        if external_models.is_dir() and not external_models.is_symlink():
            external_models.rmdir()  # an error, if models or a mount are there: they stay
        if users.is_dir():
            link = external_models.with_name(f".{external_models.name}.{os.getpid()}")
            link.symlink_to(users, target_is_directory=True)
            link.replace(external_models)
        else:
            external_models.unlink(missing_ok=True)
