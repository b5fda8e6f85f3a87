"""Which model speaks: the one asked for, or the best that is installed."""

from dataclasses import dataclass
from pathlib import Path

from core_engine.model_paths import BUILT_IN, KOKORO, model_path

AUTO = "auto"


class ModelMissingError(Exception):
    """The model that was asked for is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Model:
    """A model file that exists."""

    name: str
    path: Path


def choose_model(wanted: str, models_dir: Path) -> Model:
    """Return the model that `wanted` means: `auto`, `kokoro-v0_19`, `default` (the built-in voice) or a path.

    `auto` is Kokoro where it is installed, otherwise the built-in voice. Raises ModelMissingError.
    """
    if wanted != AUTO:
        return _existing(wanted, models_dir)
    kokoro = Model(KOKORO, model_path(KOKORO, models_dir))
    return kokoro if kokoro.path.is_file() else _existing(BUILT_IN, models_dir)


def _existing(name: str, models_dir: Path) -> Model:
    path = model_path(name, models_dir)
    if not path.is_file():
        raise ModelMissingError(
            f"There is no model at '{path}'. Put the ONNX file there with its voices beside it, or use "
            f"--model {BUILT_IN} for the built-in voice."
        )
    return Model(name, path)
