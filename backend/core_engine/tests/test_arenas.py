"""Arenas in one region: who has them, and that they end with their sessions."""

import re
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import onnxruntime as ort

from core_engine.kokoro.model import arenas
from core_engine.kokoro.model.arenas import with_arena_for
from core_engine.kokoro.model.runtime import session_options
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.places import models_dir
from core_engine.tests.support import FolderTestCase

STATUS = Path("/proc/self/status")
MAY_REPLACE = tuple(map(int, ort.__version__.split(".")[:2])) >= (1, 23)


REGION = 1 << 29
MODEL = model_path(BUILT_IN, models_dir())


def opened(runs_at_once: int = 1) -> Any:
    return with_arena_for(MODEL, runs_at_once, ort.InferenceSession)(MODEL, sess_options=session_options(1))


def address_space() -> int:
    """Return the bytes of address space of this process."""
    found = re.search(r"VmSize:\s+(\d+) kB", STATUS.read_text())
    assert found
    return int(found[1]) << 10


class ArenaTests(FolderTestCase):
    def large(self) -> Any:
        """Take any model for a large one."""
        return mock.patch.object(arenas, "_LARGE_MODEL_BYTES", 1)

    @unittest.skipUnless(STATUS.exists() and MAY_REPLACE, "needs Linux and onnxruntime 1.23")
    def test_region_ends_with_the_session(self) -> None:
        with self.large():
            opened()
            before = address_space()
            one = opened()
            self.assertGreater(address_space() - before, REGION * 0.9)
            other = opened(runs_at_once=5)
            self.assertGreater(address_space() - before, 3 * REGION * 0.9)
        del one, other
        self.assertLess(address_space() - before, REGION * 0.1)

    @unittest.skipUnless(STATUS.exists(), "needs Linux")
    def test_small_model_has_the_default_arena(self) -> None:
        before = address_space()
        session = opened()
        self.assertLess(address_space() - before, REGION * 0.5)
        self.assertTrue(session.get_inputs())

    def test_session_without_it_where_the_runtime_cannot_replace_an_arena(self) -> None:
        options: list[Any] = []

        def create(_: Path, sess_options: Any) -> str:
            options.append(sess_options)
            return "session"

        refused = mock.patch.object(ort, "create_and_register_allocator", side_effect=[None, RuntimeError(), None])
        with self.large(), refused:
            session = with_arena_for(MODEL, 1, create)(Path("m.onnx"), sess_options=session_options(1))
        self.assertEqual(session, "session")
        with self.assertRaises(RuntimeError):  # there is no such entry
            options[0].get_session_config_entry("session.use_env_allocators")

    def test_missing_file_is_left_to_the_runtime(self) -> None:
        def create() -> None: ...

        self.assertIs(with_arena_for(self.folder / "missing.onnx", 1, create), create)
