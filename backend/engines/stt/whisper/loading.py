"""Which library runs a model: openai-whisper; faster-whisper for its own folders and, if installed, on CPUs."""

import importlib.util
import os
from pathlib import Path

from engines.contract.wire import Device
from engines.speech.torch_device import torch_device
from engines.stt.whisper.ctranslate_listener import NEEDED_FILES, CTranslateListener
from engines.stt.whisper.hearing import Listener
from engines.stt.whisper.openai_listener import OpenAIListener

WEIGHTS_SUFFIX = ".pt"


def is_model(path: Path) -> bool:
    """Return whether `path` is a .pt file, or a folder with the files that faster-whisper needs."""
    if path.is_dir():
        return all((path / name).is_file() for name in NEEDED_FILES)
    return path.is_file() and path.stat().st_size > 0


def opened(path: Path, cache: Path) -> tuple[Device, Listener]:
    """Return the device and the model in `path`; a .pt file is converted for faster-whisper into `cache`.

    Raises UnusableModelError for files that are no model.
    """
    # Threads of OpenMP spin after their work, and take the cores from other programs. Read when PyTorch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if path.is_dir():
        return "cpu", CTranslateListener.load(path)
    device: Device = torch_device() if _is_installed("torch") else "cpu"
    if device == "cpu" and _is_installed("faster_whisper"):
        from engines.stt.whisper.conversion import converted

        return "cpu", CTranslateListener.load(converted(path, cache))
    return device, OpenAIListener.load(path, device)


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
