"""Where models lie: the user's own in the models folder, the built-in voice with the Kokoro engine."""

from pathlib import Path

import engines

KOKORO = "kokoro-v0_19"
BUILT_IN = "default"

_BUILT_IN_MODEL = Path(engines.__file__).parent / "tts" / "kokoro" / "models" / BUILT_IN / "storyflow-voice.onnx"


def model_path(model: str, models_dir: Path) -> Path:
    """Return the ONNX file that `model` means; whether it exists is for the caller to see.

    `default` is the built-in voice; what ends in `.onnx` or names a folder above is a path; everything else is the name
    of a file in the models folder.
    """
    if model == BUILT_IN:
        return _BUILT_IN_MODEL
    if model.endswith(".onnx") or Path(model).name != model:
        return Path(model).expanduser().absolute()
    return models_dir / f"{model}.onnx"
