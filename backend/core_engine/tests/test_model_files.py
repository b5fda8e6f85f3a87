"""ONNX files read without the runtime, versions, paths of models, and voices versus other JSON."""

import json
import shutil
import unittest
from pathlib import Path

import numpy as np
import onnxruntime

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.model.facts import NotOnnxError, TruncatedModelError, read_model_facts
from core_engine.kokoro.model.runtime import open_session
from core_engine.kokoro.speech.versions import version_of_notes, version_of_pack
from core_engine.kokoro.vocabulary import VOCABULARY, VOCABULARY_V1_0
from core_engine.kokoro.voice.packs import find_voices
from core_engine.model_loader import KokoroModelLoader
from core_engine.model_paths import BUILT_IN, installed_models, model_path
from core_engine.tests.support import FolderTestCase, LoaderTestCase
from engines.store.manifest import NAME, FileEntry, manifest_path, sha256_of, to_json

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    onnx = None  # type: ignore[assignment]

BUILT_IN_MODEL = model_path(BUILT_IN, Path())


@unittest.skipIf(onnx is None, "needs the onnx package, a development dependency")
class ModelFactsTests(FolderTestCase):
    def test_facts_are_those_of_the_onnx_package_and_the_runtime(self) -> None:
        facts = read_model_facts(BUILT_IN_MODEL)
        model, session = onnx.load(BUILT_IN_MODEL), onnxruntime.InferenceSession(BUILT_IN_MODEL)
        self.assertEqual([tensor.name for tensor in facts.inputs], [tensor.name for tensor in session.get_inputs()])
        self.assertEqual([list(tensor.shape) for tensor in facts.inputs], [t.shape for t in session.get_inputs()])
        self.assertEqual([tensor.name for tensor in facts.outputs], [tensor.name for tensor in session.get_outputs()])
        self.assertEqual(facts.opset, model.opset_import[0].version)
        self.assertEqual(facts.producer, model.producer_name)
        learned = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer]
        self.assertEqual(facts.parameters, sum(a.size for a in learned if a.dtype not in (np.int32, np.int64, bool)))

    def test_constants_notes_and_initialized_inputs_are_understood(self) -> None:
        weight = helper.make_tensor("weight", TensorProto.FLOAT, [2, 3], [0.0] * 6)
        constant = helper.make_tensor("value", TensorProto.FLOAT16, [4], np.zeros(4, np.float16).tobytes(), raw=True)
        inputs = [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
            helper.make_tensor_value_info("weight", TensorProto.FLOAT, [2, 3]),
        ]
        outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, [None])]
        nodes = [helper.make_node("Constant", [], ["audio"], value=constant)]
        graph = helper.make_graph(nodes, "g", inputs, outputs, [weight])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19), helper.make_opsetid("own", 3)])
        helper.set_model_props(model, {"kokoro_config": "{}"})
        onnx.save(model, self.folder / "model.onnx")
        facts = read_model_facts(self.folder / "model.onnx")
        self.assertEqual([tensor.name for tensor in facts.inputs], ["tokens"])
        self.assertEqual(facts.inputs[0].shape, (1, "n"))
        self.assertEqual(facts.outputs[0].shape, ("?",))
        self.assertEqual((facts.parameters, facts.precision, facts.opset), (10, "float32", 19))
        self.assertEqual(facts.notes, {"kokoro_config": "{}"})

    def test_truncated_models_are_distinguished_from_other_files(self) -> None:
        whole, path = BUILT_IN_MODEL.read_bytes(), self.folder / "model.onnx"
        for length in (40, 1000, len(whole) - 1):
            path.write_bytes(whole[:length])
            with self.assertRaises(TruncatedModelError) as caught:
                read_model_facts(path)
            self.assertLessEqual(caught.exception.missing, len(whole) - length)
        for content in (b"", b"<html></html>", b"Not found", bytes(100), b"\x08", b"\x08\x07"):
            path.write_bytes(content)
            with self.assertRaises(NotOnnxError):
                read_model_facts(path)


class VersionTests(FolderTestCase):
    def test_vocabularies_are_of_the_published_sizes(self) -> None:
        self.assertEqual(len(VOCABULARY_V1_0), 114)
        same = [symbol for symbol, number in VOCABULARY_V1_0.items() if VOCABULARY.get(symbol) == number]
        self.assertEqual(len(same), 103)
        self.assertEqual(len(set(VOCABULARY_V1_0.values())), 114)
        self.assertEqual((VOCABULARY["A"], VOCABULARY_V1_0["A"], VOCABULARY_V1_0["ᵊ"]), (17, 24, 42))
        self.assertNotIn("$", VOCABULARY_V1_0)

    def test_version_of_a_pack_is_known_from_its_rows(self) -> None:
        self.assertEqual([version_of_pack(rows) for rows in (511, 510, 509, 1)], [V0_19, V1_0, None, None])

    def test_version_of_a_model_is_known_from_its_vocabulary(self) -> None:
        for version, vocabulary in ((V0_19, VOCABULARY), (V1_0, VOCABULARY_V1_0)):
            self.assertEqual(version_of_notes({"kokoro_config": json.dumps({"vocab": vocabulary})}), version)

    def test_model_without_metadata_has_no_version(self) -> None:
        for notes in ({}, {"kokoro_config": "no JSON"}, {"kokoro_config": "[]"}, {"kokoro_config": "{}"}):
            self.assertIsNone(version_of_notes(notes))

    def test_other_vocabulary_is_refused(self) -> None:
        for vocabulary in ({"a": 1}, {}, [1]):
            with self.assertRaises(ModelFileError):
                version_of_notes({"kokoro_config": json.dumps({"vocab": vocabulary})})


class PlaceTests(FolderTestCase):
    def test_model_is_a_file_or_a_folder_of_its_name(self) -> None:
        (self.folder / "kokoro-v1.0").mkdir()
        for file in ("kokoro-v0_19.onnx", "kokoro-v1.0/a.onnx", "kokoro-v1.0/kokoro-v1.0.onnx"):
            (self.folder / file).write_bytes(b"x")
        self.assertEqual(model_path("kokoro-v0_19", self.folder), self.folder / "kokoro-v0_19.onnx")
        self.assertEqual(model_path("kokoro-v1.0", self.folder), self.folder / "kokoro-v1.0" / "kokoro-v1.0.onnx")
        self.assertEqual(list(installed_models(self.folder)), ["kokoro-v0_19", "kokoro-v1.0"])

    def test_missing_model_is_expected_at_the_specified_path(self) -> None:
        self.assertEqual(model_path("kokoro-v0_19", self.folder), self.folder / "kokoro-v0_19.onnx")
        self.assertEqual(installed_models(self.folder / "nowhere"), {})

    def test_name_never_leads_out_of_the_folder(self) -> None:
        (self.folder / "model.onnx").write_bytes(b"x")
        (self.folder / "models").mkdir()
        for name in ("..", "", "a\0b"):
            self.assertEqual(model_path(name, self.folder / "models").parent, self.folder / "models")

    def test_partial_downloads_and_other_folders_are_not_models(self) -> None:
        for folder in (".kokoro.part", "notes"):
            (self.folder / folder).mkdir()
        (self.folder / ".kokoro.part" / "kokoro.onnx").write_bytes(b"x")
        (self.folder / "folder.onnx").mkdir()
        self.assertEqual(installed_models(self.folder), {})


class VoicesBesideManifestTests(FolderTestCase):
    def test_manifest_and_configuration_are_not_voices(self) -> None:
        shutil.copy(BUILT_IN_MODEL.with_name("voices.npz"), self.folder)
        (self.folder / NAME).write_bytes(to_json([FileEntry("voices.npz", 1, "0" * 64)]))
        (self.folder / f".model.onnx.{NAME}").write_bytes(to_json([FileEntry("model.onnx", 1, "0" * 64)]))
        (self.folder / "config.json").write_text('{"n_token": 178, "files": [{"a": 1}], "vocab": {"a": 43}}')
        with self.assertLogs("core_engine.kokoro.voice.packs", "WARNING"):
            voices = find_voices(self.folder)
        self.assertEqual(len(voices), 7)


class ChangedModelTests(LoaderTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.model = self.folder / "kokoro-v0_19.onnx"
        shutil.copy(BUILT_IN_MODEL, self.model)
        listed = FileEntry(self.model.name, self.model.stat().st_size, sha256_of(self.model))
        manifest_path(self.model).write_bytes(to_json([listed]))

    def test_unchanged_model_is_opened(self) -> None:
        self.assertTrue(open_session(self.model).get_inputs())
        self.assertTrue(open_session(self.model).get_inputs())

    def test_changed_model_is_refused_before_the_runtime_sees_it(self) -> None:
        open_session(self.model)
        with self.model.open("r+b") as file:
            file.seek(500_000)
            file.write(b"rot")
        with self.assertRaisesRegex(ModelFileError, "not loaded.*storyflow models verify"):
            open_session(self.model)

    def test_loader_refuses_it_too(self) -> None:
        with self.model.open("ab") as file:
            file.write(b"more")
        with self.settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="kokoro-v0_19"):
            with self.assertRaises(ModelFileError):
                KokoroModelLoader.get_session()
            self.assertTrue(KokoroModelLoader.is_model_available())

    def test_missing_model_message_names_the_command(self) -> None:
        self.model.unlink()
        with (
            self.settings(STORYFLOW_MODELS_DIR=self.folder, STORYFLOW_TTS_MODEL="kokoro-v0_19"),
            self.assertRaisesRegex(FileNotFoundError, "storyflow models pull kokoro-v0_19"),
        ):
            KokoroModelLoader.get_session()
