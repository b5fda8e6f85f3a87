"""Paths of models: the user's in the models folder, the built-in voice in the Kokoro engine's."""

from pathlib import Path

import engines
from engines.store.names import is_name

KOKORO = "kokoro-v0_19"
RECOMMENDED = "kokoro-v1.0-int8"
"""The model recommended to new users: small, fast on common processors, and as intelligible as the others."""
BUILT_IN = "default"

_BUILT_IN_MODEL = Path(engines.__file__).parent / "tts" / "kokoro" / "models" / BUILT_IN / "storyflow-voice.onnx"


def is_built_in(path: Path) -> bool:
    """Return whether `path` is the file of the built-in voice."""
    return path == _BUILT_IN_MODEL


def model_path(model: str, models_dir: Path) -> Path:
    """Return the path of the ONNX file for `model`, whether or not it exists.

    `default` is the built-in voice; a value that ends in `.onnx` or has a parent folder is a path; anything else is the
    name of a file in the models folder, or of a folder there with one model and its voices.
    """
    if model == BUILT_IN:
        return _BUILT_IN_MODEL
    if model.endswith(".onnx") or Path(model).name != model:
        return Path(model).expanduser().absolute()
    file = models_dir / f"{model}.onnx"
    if file.exists() or not is_name(model):
        return file
    return _in_folder(models_dir / model) or file


def installed_models(models_dir: Path) -> dict[str, Path]:
    """Return the models in the models folder, without the built-in voice: name → ONNX file."""
    try:
        entries = sorted(models_dir.iterdir())
    except OSError:  # missing or not readable
        return {}
    names = {entry.stem if entry.suffix == ".onnx" else entry.name for entry in entries if is_name(entry.name)}
    paths = {name: model_path(name, models_dir) for name in sorted(names - {BUILT_IN}) if is_name(name)}
    return {name: path for name, path in paths.items() if path.is_file()}


def _in_folder(folder: Path) -> Path | None:
    """Return the ONNX file of a folder: the one with the folder's name, otherwise the first by name."""
    found = sorted(folder.glob("*.onnx"), key=lambda file: (file.stem != folder.name, file.name))
    return found[0] if found else None
