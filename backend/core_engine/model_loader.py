"""The ONNX session that the whole process shares."""

import logging
import os
import threading
from pathlib import Path
from typing import Any

import onnxruntime as ort
from django.conf import settings

from core_engine.kokoro.model.runtime import open_session
from core_engine.model_choice import AUTO, choose_model
from core_engine.model_paths import KOKORO, is_built_in, model_path
from core_engine.places import models_dir

logger = logging.getLogger(__name__)


class KokoroModelLoader:
    """Loads the configured Kokoro model once, on first use, and then always returns the same session."""

    _session: Any = None
    _lock = threading.Lock()
    _model_path: str | None = None

    @classmethod
    def get_session(cls) -> Any:
        """Return the onnxruntime InferenceSession; thread-safe.

        Raises:
            FileNotFoundError: the model file is missing; the message says where it belongs and how to get it.
            ModelFileError: the model refers to data outside its folder.
            Exception: any error of the runtime for a file that it cannot load.
        """
        if cls._session is None:
            with cls._lock:
                if cls._session is None:  # another thread may have loaded it while this one waited
                    cls._load_model()
        return cls._session

    @classmethod
    def _load_model(cls) -> None:
        path = cls._resolve_model_path()
        if not os.path.exists(path):  # noqa: PTH110  # the specified check
            raise FileNotFoundError(_missing_message(Path(path)))
        session = open_session(path, create=ort.InferenceSession)
        cls._model_path = path
        cls._session = session  # last: the fast path of get_session only checks this
        if _configured() == AUTO and is_built_in(Path(path)):
            logger.warning("No Kokoro model is installed, so the small built-in voice speaks")
        logger.info("Kokoro-82M ONNX model loaded from %s", path)

    @classmethod
    def _resolve_model_path(cls) -> str:
        """Return the absolute path of the configured model; the default is the project's models/kokoro-v0_19.onnx.

        `auto` gives the best installed model, or that of the session once one is open.
        """
        if _configured() != AUTO:
            return str(model_path(_configured(), configured_models_dir()).absolute())
        if cls._session is not None and cls._model_path:
            return cls._model_path
        return str(choose_model(AUTO, configured_models_dir()).path.absolute())

    @classmethod
    def is_model_available(cls) -> bool:
        """Return whether the model file exists, without loading it."""
        return os.path.exists(cls._resolve_model_path())  # noqa: PTH110  # the specified check

    @classmethod
    def get_model_info(cls) -> dict[str, list[dict[str, Any]]]:
        """Return the name, shape and type of each model input and output, for debugging; loads the model."""
        session = cls.get_session()
        return {"inputs": _described(session.get_inputs()), "outputs": _described(session.get_outputs())}


def configured_models_dir() -> Path:
    """Return the models folder: the setting STORYFLOW_MODELS_DIR, otherwise the default of `places`."""
    given = getattr(settings, "STORYFLOW_MODELS_DIR", None)
    base_dir = getattr(settings, "BASE_DIR", None)
    return Path(given) if given else models_dir(Path(base_dir) if base_dir else None)


def _configured() -> str:
    return getattr(settings, "STORYFLOW_TTS_MODEL", None) or KOKORO


def _described(tensors: Any) -> list[dict[str, Any]]:
    return [{"name": tensor.name, "shape": tensor.shape, "type": tensor.type} for tensor in tensors]


def _missing_message(path: Path) -> str:
    if is_built_in(path):
        return (
            f"The built-in voice is missing from this installation.\nExpected location: {path}\n\n"
            "It comes with the software: reinstall the software, or choose another model with STORYFLOW_TTS_MODEL."
        )
    return (
        "Kokoro-82M ONNX model not found.\n"
        f"Expected location: {path}\n\n"
        "To set up TTS:\n"
        f"1. Download '{path.name}' from the official Kokoro release.\n"
        f"2. Place it in: {path.parent}/\n"
        "3. Restart the server.\n"
        f"`storyflow models pull {KOKORO}` does the first two, with the voices.\n\n"
        "StoryFlow will work normally for all other features. "
        "TTS generation will be unavailable until the model is installed."
    )
