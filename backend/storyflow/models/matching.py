"""Find the model and its voices among a user's files, and check that they belong together."""

from collections.abc import Iterable
from pathlib import Path

from core_engine.kokoro.voice.packs import find_voices
from storyflow.models.errors import RefusedModelError, WrongFileError
from storyflow.models.identify import ModelFile, VoicesFile, describe, identify
from storyflow.models.registry import Registry

_CANDIDATES = frozenset([".onnx", ".bin", ".npz", ".npy", ".json"])


def model_and_voices(paths: Iterable[Path], registry: Registry) -> tuple[ModelFile, tuple[VoicesFile, ...]]:
    """Return the one model in `paths`, which are files or folders, and its voices; by default those next to it.

    Raises WrongFileError for a file that is neither a model nor voices, RefusedModelError for files that do not
    belong together.
    """
    model, voices = _sorted_out([identify(path, registry) for path in _files_in(paths)], registry)
    _check_pair(model, voices)
    return model, voices


def _check_pair(model: ModelFile, voices: Iterable[VoicesFile]) -> None:
    """Raise RefusedModelError for voices of another version than the model's, or of several versions."""
    versions = {file.path.name: file.version for file in voices}
    for file, version in versions.items():
        if model.version and version and version != model.version:
            raise RefusedModelError(
                f"'{file}' has voices of Kokoro {version}, but '{model.path.name}' is Kokoro {model.version}. Together "
                f"they would speak nonsense. Give the voices that belong to the model."
            )
    if len(set(versions.values())) > 1:
        named = ", ".join(f"'{file}' {version or 'unknown'}" for file, version in versions.items())
        raise RefusedModelError(f"The voices are of different versions of Kokoro: {named}. Give voices of one version.")


def _files_in(paths: Iterable[Path]) -> list[Path]:
    found = []
    for path in paths:
        if not path.exists():
            raise WrongFileError(f"'{path}' does not exist. Check the path.")
        if not path.is_dir():
            found.append(path)
            continue
        places = [entry for folder in (path, path / "voices") if folder.is_dir() for entry in sorted(folder.iterdir())]
        inside = [entry for entry in places if entry.is_file() and entry.suffix.lower() in _CANDIDATES]
        found += [entry for entry in inside if entry.suffix == ".onnx" or entry in _voice_paths(path)]
    if not found:
        raise WrongFileError("The folder has neither an ONNX file nor a voice pack. Give the folder of the model.")
    return found


def _voice_paths(folder: Path) -> list[Path]:
    return sorted({file.path for file in find_voices(folder).values()})


def _sorted_out(
    files: Iterable[ModelFile | VoicesFile], registry: Registry
) -> tuple[ModelFile, tuple[VoicesFile, ...]]:
    """Return the one model and its voices; by default those next to it."""
    files = list(files)
    models = [file for file in files if isinstance(file, ModelFile)]
    voices = [file for file in files if isinstance(file, VoicesFile)]
    if len(models) != 1:
        listed = "; ".join(describe(file) for file in files)
        raise RefusedModelError(f"Give exactly one model, with its voices. These files are: {listed}.")
    if not voices:
        beside = (identify(path, registry) for path in _voice_paths(models[0].path.parent))
        voices = [file for file in beside if isinstance(file, VoicesFile)]
    if not voices:
        raise RefusedModelError(
            f"{describe(models[0])}. It cannot speak without voices, and there are none next to it. Give their file "
            f"too, as in `storyflow models add {models[0].path.name} voices.bin`."
        )
    return models[0], tuple(voices)
