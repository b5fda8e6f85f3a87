"""Arenas in one region: who has them, and that they end with their sessions."""

import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import onnxruntime as ort

from core_engine.kokoro.model import arenas
from core_engine.kokoro.model.arenas import with_arena_for
from core_engine.kokoro.model.runtime import open_session, session_options
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.places import models_dir
from core_engine.tests.support import FolderTestCase

MODEL = model_path(BUILT_IN, models_dir())
REGION = 512 << 20
IS_POSSIBLE = sys.platform == "linux" and arenas._is_possible()


def large_mappings() -> int:
    """Return the bytes of this process's address space that are in mappings of at least a region; threads have less."""
    ranges = (line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines())
    sizes = (int(end, 16) - int(begin, 16) for begin, end in ranges)
    return sum(size for size in sizes if size >= REGION)


@unittest.skipUnless(IS_POSSIBLE, "needs Linux without a limit of address space, and onnxruntime 1.23")
class RegionTests(FolderTestCase):
    def setUp(self) -> None:
        super().setUp()
        large = mock.patch.object(arenas, "LARGE_MODEL_BYTES", 1)
        large.start()
        self.addCleanup(large.stop)
        open_session(MODEL)  # what the runtime makes once
        self.before = large_mappings()

    def regions(self) -> float:
        """Return how many regions were added since the test began."""
        return (large_mappings() - self.before) / REGION

    def test_region_ends_with_the_session(self) -> None:
        one = open_session(MODEL)
        self.assertAlmostEqual(self.regions(), 1, delta=0.2)
        other = open_session(MODEL)
        self.assertAlmostEqual(self.regions(), 2, delta=0.2)
        del one
        self.assertAlmostEqual(self.regions(), 1, delta=0.2)
        del other
        self.assertAlmostEqual(self.regions(), 0, delta=0.2)

    def test_region_for_several_runs_is_twice_as_large(self) -> None:
        with mock.patch("core_engine.kokoro.model.runtime.allowed_cores", return_value=2):
            session = open_session(MODEL, threads=1)
        self.assertAlmostEqual(self.regions(), 2, delta=0.2)
        del session

    def test_small_model_has_the_default_arena(self) -> None:
        with mock.patch.object(arenas, "LARGE_MODEL_BYTES", 1 << 40):
            session = open_session(MODEL)
        self.assertAlmostEqual(self.regions(), 0, delta=0.2)
        del session

    def test_session_that_fails_to_open_leaves_nothing(self) -> None:
        broken = self.folder / "broken.onnx"
        broken.write_bytes(b"no model")
        with self.assertRaisesRegex(Exception, "Protobuf"):
            open_session(broken)
        self.assertAlmostEqual(self.regions(), 0, delta=0.2)

    def test_options_may_be_used_twice(self) -> None:
        options = session_options(1)
        create = with_arena_for(MODEL, ort.InferenceSession, several_runs=False)
        for _ in range(2):
            create(MODEL, sess_options=options)
        self.assertEqual(options.get_session_config_entry("session.use_env_allocators"), "1")

    def test_session_opens_without_an_arena_if_the_runtime_makes_none(self) -> None:
        with mock.patch.object(ort, "create_and_register_allocator", side_effect=RuntimeError("no")):
            session = open_session(MODEL)
        self.assertAlmostEqual(self.regions(), 0, delta=0.2)
        self.assertTrue(session.get_outputs())

    def test_default_arena_where_address_space_is_limited_or_the_runtime_is_old(self) -> None:
        strict = self.folder / "overcommit_memory"
        strict.write_text("2\n")
        for what in (
            mock.patch("resource.getrlimit", return_value=(8 << 30, 8 << 30)),
            mock.patch.object(arenas, "_OVERCOMMIT", strict),
            mock.patch.object(ort, "__version__", "1.22.1"),
            mock.patch.object(sys, "platform", "win32"),
        ):
            with self.subTest(what.attribute), what:
                create = with_arena_for(MODEL, ort.InferenceSession, several_runs=False)
                self.assertIs(create, ort.InferenceSession)


class MissingFileTests(FolderTestCase):
    def test_missing_file_is_left_to_the_runtime(self) -> None:
        def create() -> Any: ...

        self.assertIs(with_arena_for(self.folder / "missing.onnx", create, several_runs=False), create)
