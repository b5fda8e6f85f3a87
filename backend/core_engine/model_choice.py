"""The model to use, in Django and on the command line: the one requested, or the best installed."""

from dataclasses import dataclass
from pathlib import Path

from core_engine.model_paths import BUILT_IN, KOKORO, RECOMMENDED, installed_models, model_path

AUTO = "auto"
_BEST = ("kokoro-v1.0", "kokoro-v1.0-fp16", RECOMMENDED, KOKORO)
"""Published models, best first, except that int8 comes first where it is the fastest."""


class ModelMissingError(Exception):
    """The requested model is not installed; the message says how to get it."""


@dataclass(frozen=True)
class Model:
    """A model file that exists."""

    name: str
    path: Path


def choose_model(wanted: str, models_dir: Path) -> Model:
    """Return the model for `wanted`: `auto`, the name of an installed model, `default` or a path.

    `auto` is the best installed model that has voices, `default` the built-in voice. Raises ModelMissingError.
    """
    if wanted != AUTO:
        return _existing(wanted, models_dir)
    return best_model(models_dir) or _existing(BUILT_IN, models_dir)


def best_model(models_dir: Path) -> Model | None:
    """Return the best installed model: a published one that serves this machine best, otherwise any with voices."""
    from core_engine.kokoro.voice.packs import find_voices

    installed = [Model(name, path) for name, path in installed_models(models_dir).items()]
    published = [model for name in _BEST for model in installed if model.name == name]
    int8 = next((model for model in published if model.name == RECOMMENDED), None)
    if int8 and int8 != published[0] and _int8_is_fastest():
        return int8
    others = (model for model in installed if find_voices(model.path.parent))
    return published[0] if published else next(others, None)


def _int8_is_fastest() -> bool:
    try:
        from core_engine.kokoro.model.runtime import int8_is_fastest  # the runtime is loaded only for this question
    except ImportError:  # reported where it is needed
        return False
    return int8_is_fastest()


def _pulled(wanted: str) -> str:
    return wanted if wanted in _BEST else RECOMMENDED


def _existing(name: str, models_dir: Path) -> Model:
    path = model_path(name, models_dir)
    if not path.is_file():
        where = f"at '{path}'" if name.endswith(".onnx") or Path(name).name != name else f"'{name}' in '{models_dir}'"
        raise ModelMissingError(
            f"There is no model {where}. `storyflow models pull {_pulled(name)}` fetches Kokoro, "
            f"`storyflow models list` shows what is installed, and --model {BUILT_IN} is the built-in voice."
        )
    return Model(name, path)
