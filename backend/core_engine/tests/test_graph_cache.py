"""The cached graph of a model: it speaks the same, and is only used if it verifies."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime as ort

from core_engine.kokoro.model import graph_cache, graph_key
from core_engine.kokoro.model.graph_cache import SETTING, GraphCache, graph_cache_for
from core_engine.kokoro.model.inference import read_signature
from core_engine.kokoro.model.parts import in_parts, part_paths
from core_engine.kokoro.model.runtime import open_session, session_options
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.versions import version_of_model
from core_engine.model_paths import BUILT_IN, model_path

try:
    import onnx
except ImportError:
    onnx = None  # type: ignore[assignment]

TEXTS = ("Hello.", "The lighthouse keeper climbed the stairs at dusk, carrying a lantern.", "Who is there? " * 40)
BACKEND = Path(__file__).resolve().parents[2]


class Recorder:
    """Creates sessions and records their files."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.options: list[ort.SessionOptions] = []

    def __call__(self, path: Path, sess_options: Any) -> Any:
        self.opened.append(Path(path).name)
        self.options.append(sess_options)
        return ort.InferenceSession(path, sess_options=sess_options)


class GraphCacheCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.model = self.folder / "model.onnx"
        shutil.copy(model_path(BUILT_IN, Path()), self.model)
        os.utime(self.model, (1, 1))
        self.cache = GraphCache(self.folder / "graphs")
        self.create = Recorder()

    def open(self, cache: GraphCache | None = None) -> Any:
        cache = cache or self.cache
        return cache.find(self.model, session_options(1), self.create) or cache.make(
            self.model, lambda: session_options(1), self.create
        )

    def kept(self) -> list[Path]:
        return [path for path in self.cache.folder.iterdir() if path.is_dir()]

    def fed(self, session: Any) -> Any:
        ids = np.arange(1, 60)[None, :]
        return session.run(None, self.feed(session, ids))[0]

    def feed(self, session: Any, ids: Any) -> dict[str, Any]:
        signature = read_signature(session)
        style = np.full((1, 256), 0.1, np.float32)
        assert signature.tokens and signature.speed  # noqa: PT018
        tokens = ids.astype(signature.tokens.dtype)
        return {signature.tokens.name: tokens, "style": style, "speed": np.ones(1, signature.speed.dtype)}


class GraphCacheTest(GraphCacheCase):
    def test_second_open_uses_the_cached_graph_and_speaks_the_same_samples(self) -> None:
        plain = self.fed(ort.InferenceSession(self.model, sess_options=session_options(1)))
        made, found = self.fed(self.open()), self.fed(self.open())
        self.assertEqual(self.create.opened, ["model.onnx", "graph.onnx"])
        np.testing.assert_array_equal(made, plain)
        np.testing.assert_array_equal(found, plain)

    def test_weights_of_the_cached_graph_stay_mapped(self) -> None:
        self.open(), self.open()
        self.assertEqual(self.create.options[-1].get_session_config_entry("session.disable_prepacking"), "1")

    @unittest.skipUnless(onnx, "needs onnx to build the test's model")
    def test_integer_weights_are_prepacked(self) -> None:
        onnx.save(
            onnx.parser.parse_model(
                """<ir_version: 8, opset_import: ["" : 17]> quantized (float[1, n] x) => (float[1, n] y) {
                    small, scale, zero = DynamicQuantizeLinear (x)
                    y = DequantizeLinear (small, scale, zero)
                }"""
            ),
            self.model,
        )
        self.open()
        session = self.open()
        self.assertEqual(self.create.opened, ["model.onnx", "graph.onnx"])
        with self.assertRaises(RuntimeError):
            self.create.options[-1].get_session_config_entry("session.disable_prepacking")
        np.testing.assert_allclose(session.run(None, {"x": np.ones((1, 3), np.float32)})[0], 1, atol=0.01)

    def test_cached_graph_has_the_same_metadata(self) -> None:
        sessions = [self.open(), self.open()]
        self.assertEqual(*(session.get_modelmeta().custom_metadata_map for session in sessions))
        self.assertEqual(*map(read_signature, sessions))
        self.assertEqual(*(version_of_model(self.model, session) for session in sessions))

    def test_model_with_other_bytes_has_another_graph(self) -> None:
        self.open()
        with self.model.open("r+b") as file:  # a byte of a weight
            file.seek(self.model.stat().st_size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        self.open()
        self.assertEqual(self.create.opened, ["model.onnx", "model.onnx"])

    def test_model_changed_without_a_change_of_its_size_and_time_has_another_graph(self) -> None:
        before = graph_key.graph_key(self.model, self.cache.folder)
        content = bytearray(self.model.read_bytes())
        content[len(content) // 2] ^= 1
        self.model.write_bytes(content)
        os.utime(self.model, (1, 1))
        self.assertNotEqual(graph_key.graph_key(self.model, self.cache.folder), before)

    def test_copy_of_the_model_elsewhere_has_the_same_graph(self) -> None:
        self.open()
        self.model = Path(shutil.copy(self.model, self.folder / "copy.onnx"))
        self.open()
        self.assertEqual(self.create.opened, ["model.onnx", "graph.onnx"])

    def test_model_is_read_once_for_its_digest(self) -> None:
        later = time.time_ns() + 60_000_000_000
        with mock.patch("engines.store.file_state.time.time_ns", return_value=later):
            first = graph_key.graph_key(self.model, self.cache.folder)
            with mock.patch.object(graph_key, "sha256_of", side_effect=AssertionError("read again")):
                self.assertEqual(graph_key.graph_key(self.model, self.cache.folder), first)

    def test_other_runtime_processor_or_content_has_another_graph(self) -> None:
        keys = {graph_key.graph_key(self.model, self.cache.folder)}
        with mock.patch("core_engine.kokoro.model.graph_key.ort.__version__", "0.0"):
            keys.add(graph_key.graph_key(self.model, self.cache.folder))
        with mock.patch.object(graph_key, "_processor", return_value="another"):
            keys.add(graph_key.graph_key(self.model, self.cache.folder))
        with mock.patch.object(graph_key, "_CONTENT", 1):
            keys.add(graph_key.graph_key(self.model, self.cache.folder))
        self.assertEqual(len(keys), 4)

    def test_graph_that_does_not_verify_is_never_opened_and_made_again(self) -> None:
        def flip(entry: Any) -> None:
            content = bytearray((entry / "weights.bin").read_bytes())
            content[len(content) // 2] ^= 1
            (entry / "weights.bin").write_bytes(content)

        def cut(entry: Any) -> None:
            os.truncate(entry / "weights.bin", 1000)

        def zero(entry: Any) -> None:
            (entry / "graph.onnx").write_bytes(bytes((entry / "graph.onnx").stat().st_size))

        def without_weights(entry: Any) -> None:
            (entry / "weights.bin").unlink()

        def without_manifest(entry: Any) -> None:
            (entry / "storyflow-manifest.json").unlink()

        def with_another_manifest(entry: Any) -> None:
            (entry / "storyflow-manifest.json").write_text("{}")

        for damage in (flip, cut, zero, without_weights, without_manifest, with_another_manifest):
            with self.subTest(damage.__name__):
                self.open()
                damage(*self.kept())
                self.create.opened.clear()
                with self.assertLogs(graph_cache.logger, "WARNING"):
                    self.open()
                self.assertEqual(self.create.opened, ["model.onnx"])
                self.open()
                self.assertEqual(self.create.opened, ["model.onnx", "graph.onnx"])

    def test_graph_that_the_runtime_rejects_is_made_again(self) -> None:
        self.open()
        refused = mock.Mock(side_effect=RuntimeError("no"))
        with self.assertLogs(graph_cache.logger, "WARNING"):
            self.assertIsNone(self.cache.find(self.model, session_options(1), refused))
        self.assertEqual(self.kept(), [])

    def test_folder_that_cannot_be_written_costs_only_the_time(self) -> None:
        (self.folder / "file").touch()
        for _ in range(2):
            self.assertTrue(self.open(GraphCache(self.folder / "file" / "graphs")).get_inputs())
        self.assertEqual(self.create.opened, ["model.onnx", "model.onnx"])

    def test_full_disk_costs_only_the_time(self) -> None:
        with mock.patch("core_engine.kokoro.model.graph_cache.shutil.disk_usage", return_value=mock.Mock(free=1000)):
            self.open()
        self.assertEqual(self.kept(), [])

    def test_disk_that_fills_while_the_graph_is_written_costs_only_the_time(self) -> None:
        def full(path: Path, sess_options: Any) -> Any:
            if sess_options.optimized_model_filepath:
                raise RuntimeError("No space left on device")
            return self.create(path, sess_options)

        self.assertTrue(self.cache.make(self.model, lambda: session_options(1), full).get_inputs())
        self.assertEqual(self.kept(), [])

    def test_bad_model_is_reported_as_without_a_cache(self) -> None:
        self.model.write_bytes(b"no model" * 1000)
        with self.assertRaisesRegex(Exception, "model"):
            self.open()
        self.assertEqual(self.kept(), [])

    def test_folder_deleted_during_use_changes_nothing(self) -> None:
        self.open()
        session = self.open()
        before = self.fed(session)
        shutil.rmtree(self.cache.folder)
        np.testing.assert_array_equal(self.fed(session), before)
        self.open()
        self.assertEqual(self.create.opened, ["model.onnx", "graph.onnx", "model.onnx"])

    def test_least_recently_used_graphs_are_deleted(self) -> None:
        self.open()
        one = sum(file.stat().st_size for file in self.kept()[0].iterdir())
        small, keys = GraphCache(self.folder / "small", limit_bytes=one * 5 // 2), []
        for version in ("1", "2", "3"):
            with mock.patch("core_engine.kokoro.model.graph_key.ort.__version__", version):
                self.open(small)
                keys.append(graph_key.graph_key(self.model, small.folder))
            if version == "2":
                os.utime(small.folder / keys[1], (2, 2))
        kept = {path.name for path in small.folder.iterdir() if path.is_dir()}
        self.assertEqual(kept, {keys[0], keys[2]})

    def test_concurrent_processes_keep_one_graph_and_leave_nothing_else(self) -> None:
        sessions = []
        threads = [threading.Thread(target=lambda: sessions.append(self.fed(self.open()))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(sessions), 4)
        self.assertEqual(len(self.kept()), 1)
        for session in sessions:
            np.testing.assert_array_equal(session, sessions[0])

    def test_writer_killed_at_any_moment_leaves_nothing_that_is_trusted(self) -> None:
        code = (
            "import sys; from pathlib import Path; import onnxruntime as ort\n"
            "from core_engine.kokoro.model.graph_cache import GraphCache\n"
            "from core_engine.kokoro.model.runtime import session_options\n"
            "cache, model = GraphCache(Path(sys.argv[1])), Path(sys.argv[2])\n"
            "print('ready', flush=True)\n"
            "cache.make(model, lambda: session_options(1), ort.InferenceSession)\n"
        )
        reference = self.fed(ort.InferenceSession(self.model, sess_options=session_options(1)))
        for kill in range(8):
            command = [sys.executable, "-c", code, str(self.cache.folder), str(self.model)]
            environment = {**os.environ, "PYTHONPATH": str(BACKEND)}
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
                assert writer.stdout
                writer.stdout.readline()
                time.sleep(kill * 0.02)
                writer.send_signal(signal.SIGKILL)
            session = self.cache.find(self.model, session_options(1), self.create)
            if session is not None:
                np.testing.assert_array_equal(self.fed(session), reference)
                shutil.rmtree(self.cache.folder)

    def test_unfinished_folders_of_killed_writers_are_deleted(self) -> None:
        left = self.cache.folder / ".building-of-a-dead-process"
        left.mkdir(parents=True)
        os.utime(left, (1, 1))
        self.open()
        self.assertFalse(left.exists())


@unittest.skipUnless(onnx, "needs onnx to add the types of tensors to the test's model")
class CachedPartsTest(GraphCacheCase):
    def setUp(self) -> None:
        super().setUp()
        onnx.save(onnx.shape_inference.infer_shapes(onnx.load(self.model)), self.model)

    def test_graph_lies_in_parts_too_and_both_speak_the_same_samples(self) -> None:
        self.open()
        parts = self.cache.find(self.model, session_options(1), in_parts(self.create))
        self.assertEqual(sorted(self.create.opened[1:]), ["first-part.onnx", "second-part.onnx"])
        np.testing.assert_array_equal(self.fed(parts), self.fed(self.open()))

    def test_damaged_part_is_made_again(self) -> None:
        self.open()
        for part in part_paths(self.kept()[0] / "graph.onnx"):
            part.write_bytes(b"no model")
            with self.assertLogs(graph_cache.logger, "WARNING") as logged:
                self.assertIsNone(self.cache.find(self.model, session_options(1), in_parts(self.create)))
            self.assertIn("SHA-256 differs", logged.output[0])
            self.open()

    def test_parts_that_do_not_open_are_not_kept(self) -> None:
        def write(_graph: Path, *parts: Path) -> bool:
            for part in parts:
                part.write_bytes(b"no model")
            return True

        with mock.patch("core_engine.kokoro.graph.halves.write_halves", write):
            self.open()
        self.assertEqual([path.name for path in self.kept()[0].glob("*part*")], [])

    def test_parts_that_do_not_speak_are_not_kept(self) -> None:
        with mock.patch("core_engine.kokoro.model.prepared.run", side_effect=ValueError("wrong shape")) as tried:
            self.open()
        self.assertTrue(tried.called)
        self.assertEqual([path.name for path in self.kept()[0].glob("*part*")], [])

    def test_graph_that_could_not_be_cut_is_cached_whole(self) -> None:
        def fail(_graph: Path, first: Path, _second: Path) -> bool:
            first.write_bytes(b"half a part")
            raise OSError("disk full")

        with mock.patch("core_engine.kokoro.graph.halves.write_halves", fail):
            self.open()
        self.assertNotIn(part_paths(Path("graph.onnx"))[0].name, os.listdir(self.kept()[0]))
        self.cache.find(self.model, session_options(1), in_parts(self.create))
        self.assertEqual(self.create.opened, ["model.onnx", "graph.onnx"])


class WhichModelsTest(GraphCacheCase):
    def test_small_model_is_opened_directly(self) -> None:
        with mock.patch.dict(os.environ, {SETTING: str(self.folder / "cache")}):
            open_session(self.model, 1, self.create)
        self.assertEqual(self.create.opened, ["model.onnx"])
        self.assertFalse((self.folder / "cache").exists())

    def test_large_model_is_cached_in_the_configured_folder(self) -> None:
        setting = mock.patch.dict(os.environ, {SETTING: str(self.folder / "cache")})
        with setting, mock.patch.object(graph_cache, "SMALLEST_BYTES", 1000):
            speeches = [Kokoro.load(self.model, threads=1) for _ in range(2)]
            open_session(self.model, 1, self.create)
        self.assertEqual(self.create.opened, ["graph.onnx"])
        self.assertEqual(speeches[0].signature, speeches[1].signature)

    def test_every_text_sounds_the_same_from_the_cached_graph(self) -> None:
        shutil.copy(model_path(BUILT_IN, Path()).with_name("voices.npz"), self.folder)
        setting = mock.patch.dict(os.environ, {SETTING: str(self.folder / "cache")})
        plain = Kokoro.load(self.model, threads=1)
        with setting, mock.patch.object(graph_cache, "SMALLEST_BYTES", 1000):
            Kokoro.load(self.model, threads=1)
            kept = Kokoro.load(self.model, threads=1)
        for text in TEXTS:
            np.testing.assert_array_equal(kept.speak(text).audio, plain.speak(text).audio)

    def test_cache_can_be_turned_off_and_is_off_without_a_home(self) -> None:
        with mock.patch.object(graph_cache, "SMALLEST_BYTES", 1000):
            with mock.patch.dict(os.environ, {SETTING: "off"}):
                self.assertIsNone(graph_cache_for(self.model))
            with mock.patch.object(graph_cache, "_users_cache", side_effect=RuntimeError("no home")):
                self.assertIsNone(graph_cache_for(self.model))
            with mock.patch.dict(os.environ, {SETTING: ""}):
                self.assertIsNotNone(graph_cache_for(self.model))

    def test_missing_model_has_no_graph(self) -> None:
        self.assertIsNone(graph_cache_for(self.folder / "none.onnx"))
