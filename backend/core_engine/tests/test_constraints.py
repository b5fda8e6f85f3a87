"""What this app must not do: use the network or a database, run in the background, or use another speech engine."""

import ast
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import soundfile as sf
from django.test import SimpleTestCase

from core_engine.audio_utils import validate_audio_file
from core_engine.tests.support import SAMPLE_TEXT, LoaderTestCase, built_in_voice
from core_engine.tts_wrapper import generate_audio

APP = Path(__file__).resolve().parents[1]


class SpeechConstraintTests(LoaderTestCase):
    """Speech on the real runtime; SimpleTestCase refuses all database queries."""

    def spoken(self) -> Any:
        path = str(self.folder / "a.wav")
        with built_in_voice():
            return generate_audio(SAMPLE_TEXT, output_path=path)

    def test_speech_uses_no_network_and_no_database(self) -> None:
        def refuse(*_arguments: Any, **_more: Any) -> NoReturn:
            raise AssertionError("a connection was opened")

        with patch.object(socket.socket, "connect", refuse), patch("socket.getaddrinfo", refuse):
            result = self.spoken()
        self.assertTrue(result["success"], result)

    def test_speech_is_over_when_the_call_returns(self) -> None:
        before = set(threading.enumerate())
        result = self.spoken()
        self.assertLessEqual(set(threading.enumerate()), before)
        self.assertTrue(validate_audio_file(result["audio_path"]))

    def test_audio_has_the_sample_rate_and_length_of_the_model(self) -> None:
        result = self.spoken()
        info = sf.info(result["audio_path"])
        self.assertEqual((info.samplerate, result["sample_rate"], info.format), (24_000, 24_000, "WAV"))
        self.assertEqual(info.subtype, "PCM_16")
        self.assertEqual(info.frames, round(result["duration"] * 24_000))


class ImportTests(SimpleTestCase):
    def test_audio_utils_need_neither_django_nor_a_model(self) -> None:
        code = "import sys, core_engine.audio_utils; print({'django', 'onnxruntime', 'wave'} & set(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], cwd=APP.parent, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.strip(), "set()", done.stderr)

    def test_no_other_speech_engine_is_imported(self) -> None:
        for path in APP.rglob("*.py"):
            for name in imported_by(path):
                self.assertFalse(name.startswith(("engines.tts", "engines.stt", "engines.base")), f"{path}: {name}")


def imported_by(path: Path) -> Iterator[Any]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
