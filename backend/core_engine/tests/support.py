"""What several tests of this app need."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.test import SimpleTestCase, override_settings

from core_engine.kokoro.voices import VOICES
from core_engine.model_loader import KokoroModelLoader

SAMPLE_TEXT = "The keeper lit the lamp. It was a quarter past six."


class FolderTestCase(SimpleTestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class LoaderTestCase(FolderTestCase):
    """A test that finds no session loaded and leaves none behind."""

    def setUp(self) -> None:
        super().setUp()
        forget_session()
        self.addCleanup(forget_session)


def forget_session() -> None:
    """Make the loader as it is when a process starts."""
    KokoroModelLoader._session = None
    KokoroModelLoader._model_path = None


@contextlib.contextmanager
def built_in_voice() -> Iterator[None]:
    """Let the built-in voice be the configured model."""
    with override_settings(STORYFLOW_TTS_MODEL="default"):
        forget_session()
        try:
            yield
        finally:
            forget_session()


def random_pack(seed: int, rows: int = 511) -> npt.NDArray[np.float32]:
    """Return a voice pack of random numbers in the range of real ones."""
    return np.random.default_rng(seed).normal(0, 0.3, (rows, 1, 256)).astype(np.float32)


def seven_packs() -> dict[str, Any]:
    """Return a random pack for each of the seven voices."""
    return {voice.id: random_pack(seed) for seed, voice in enumerate(VOICES)}
