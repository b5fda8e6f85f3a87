"""Shared helpers for the tests of this app."""

import contextlib
import functools
import shutil
import tempfile
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from django.test import SimpleTestCase, override_settings

from core_engine.kokoro.model import control_groups
from core_engine.kokoro.voice.formats import format_of
from core_engine.kokoro.voice.voices import VOICES
from core_engine.model_loader import KokoroModelLoader
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.places import models_dir

REAL_VOICE = "kokoro-v1.0-int8"
SAMPLE_TEXT = "The keeper lit the lamp. It was a quarter past six."


class FolderTestCase(SimpleTestCase):
    """A test with its own temporary folder."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class LoaderTestCase(FolderTestCase):
    """A test that starts and ends without a loaded session."""

    def setUp(self) -> None:
        super().setUp()
        forget_session()
        self.addCleanup(forget_session)


@contextlib.contextmanager
def control_group_files(folder: Path, membership: str, files: Mapping[str, str]) -> Iterator[None]:
    """Let this process be in control groups with these files, below `folder`."""
    proc, mount = folder / "cgroup", folder / "fs"
    proc.write_text(membership)
    for name, text in files.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(text)
    with mock.patch.object(control_groups, "_PROC", proc), mock.patch.object(control_groups, "_MOUNT", mount):
        yield


def forget_session() -> None:
    """Reset the loader to its state at process start."""
    KokoroModelLoader._session = None
    KokoroModelLoader._model_path = None


@contextlib.contextmanager
def built_in_voice() -> Iterator[None]:
    """Configure the built-in voice as the model."""
    with override_settings(STORYFLOW_TTS_MODEL="default"):
        forget_session()
        try:
            yield
        finally:
            forget_session()


@functools.cache
def find_real_voice() -> Path | None:
    """Return Kokoro v1.0 with its voices in `voices/`: as installed, or as fetched for the tests that listen."""
    installed = model_path(REAL_VOICE, models_dir())
    if installed.is_file():
        return installed
    try:
        from listening.equipment import EquipmentMissingError
        from listening.equipment import installed as fetched
    except ImportError:  # in a project of its own the app has no listener
        return None
    try:
        return fetched().model
    except EquipmentMissingError:
        return None


def real_voice() -> Path:
    """Return it where `needs_real_voice` lets a test run."""
    found = find_real_voice()
    assert found
    return found


needs_real_voice = unittest.skipUnless(find_real_voice(), f"needs Kokoro's weights: storyflow models pull {REAL_VOICE}")


def random_pack(seed: int, rows: int = 511) -> npt.NDArray[np.float32]:
    """Return a random voice pack with values in a realistic range."""
    return np.random.default_rng(seed).normal(0, 0.3, (rows, 1, 256)).astype(np.float32)


def seven_packs() -> dict[str, Any]:
    """Return a random pack for each of the seven voices."""
    return {voice.id: random_pack(seed) for seed, voice in enumerate(VOICES)}


def install(models_dir: Path, name: str, rows: int = 510, voices: tuple[str, ...] = ("af_bella", "bf_emma")) -> Path:
    """Install the built-in model as `name`, with packs of `rows` rows under the given voice names."""
    built_in = model_path(BUILT_IN, models_dir)
    folder = models_dir / name
    (folder / "voices").mkdir(parents=True)
    shutil.copy(built_in, folder / f"{name}.onnx")
    pack = format_of(built_in.with_name("voices.npz")).read("af_bella")[:rows]
    np.savez(folder / "voices" / "voices.npz", **dict.fromkeys(voices, pack))  # type: ignore[arg-type]
    return folder / f"{name}.onnx"
