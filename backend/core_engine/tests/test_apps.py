"""The Django app: it starts without a model, warns once, has system checks, and reads the environment."""

import ast
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from django.core.checks import run_checks
from django.test import override_settings

from core_engine.tests.support import LoaderTestCase, built_in_voice

BACKEND = Path(__file__).resolve().parents[2]
WARNING = "Kokoro-82M model not found. TTS features will be unavailable."


class CheckTests(LoaderTestCase):
    def ids(self, **settings: Any) -> Any:
        with override_settings(STORYFLOW_TTS_MODEL="kokoro-v0_19", STORYFLOW_MODELS_DIR=self.folder, **settings):
            return [message.id for message in run_checks() if (message.id or "").startswith("core_engine")]

    def test_check_reports_a_missing_model(self) -> None:
        self.assertEqual(self.ids(), ["core_engine.W001"])

    def test_check_reports_a_model_that_cannot_be_read(self) -> None:
        (self.folder / "kokoro-v0_19.onnx").mkdir()
        self.assertIn("core_engine.W002", self.ids())

    def test_check_reports_a_model_without_voices(self) -> None:
        (self.folder / "kokoro-v0_19.onnx").write_bytes(b"model")
        self.assertEqual(self.ids(), ["core_engine.W003"])

    def test_check_accepts_the_built_in_voice(self) -> None:
        with built_in_voice():
            ours = [message.id for message in run_checks() if (message.id or "").startswith("core_engine")]
            self.assertEqual(ours, [])


@unittest.skipUnless((BACKEND / "storyflow").is_dir(), "tests the settings of this project only")
class StartTests(LoaderTestCase):
    def manage(self, *arguments: Any, **variables: Any) -> Any:
        environment = {**os.environ, "STORYFLOW_MODELS_DIR": str(self.folder), **variables}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BACKEND,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_django_starts_without_a_model_and_warns_once(self) -> None:
        done = self.manage("check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(WARNING), 1, done.stderr)

    def test_no_warning_when_the_model_exists(self) -> None:
        done = self.manage("check", STORYFLOW_TTS_MODEL="default")
        self.assertNotIn("Kokoro", done.stderr)

    def test_settings_come_from_the_environment(self) -> None:
        script = (
            "from django.conf import settings as s;"
            "print(s.DEBUG, s.ALLOWED_HOSTS, s.MEDIA_ROOT, s.STORYFLOW_MODELS_DIR, s.STORYFLOW_TTS_MODEL, s.SECRET_KEY)"
        )
        done = self.manage(
            "shell", "-c", script, DEBUG="1", ALLOWED_HOSTS="a.example, b.example", MEDIA_ROOT="/srv/m",
            STORYFLOW_TTS_MODEL="default", SECRET_KEY="key",
        )  # fmt: skip
        self.assertIn(f"True ['a.example', 'b.example'] /srv/m {self.folder} default key", done.stdout)

    def test_settings_are_safe_by_default(self) -> None:
        variables = {"DEBUG": "", "ALLOWED_HOSTS": "", "SECRET_KEY": ""}
        script = "from django.conf import settings as s; print(s.DEBUG, s.ALLOWED_HOSTS, len(s.SECRET_KEY) >= 50)"
        done = self.manage("shell", "-c", script, **variables)
        self.assertIn("False ['localhost', '127.0.0.1', '[::1]'] True", done.stdout)

    def test_djangos_own_runner_runs_the_tests(self) -> None:
        done = self.manage("test", "core_engine.tests.test_vocabulary", STORYFLOW_TTS_MODEL="default")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"Ran [1-9]\d* test")

    def test_djangos_runner_finds_every_test_of_this_app(self) -> None:
        for path in Path(__file__).parent.glob("test_*.py"):
            top = ast.parse(path.read_text(encoding="utf-8")).body
            functions = [node.name for node in top if isinstance(node, ast.FunctionDef)]
            self.assertEqual([name for name in functions if name.startswith("test")], [], path.name)
            self.assertNotRegex(path.read_text(encoding="utf-8"), r"(?m)^(import|from) pytest", path.name)

    def test_app_has_no_endpoints_and_no_models(self) -> None:
        from django.apps import apps
        from django.urls import get_resolver

        self.assertEqual(get_resolver().url_patterns, [])
        self.assertEqual(list(apps.get_app_config("core_engine").get_models()), [])


class OtherProjectTests(LoaderTestCase):
    """Another project with its own database and pages, in a separate process."""

    def run_project(self, model: Any) -> tuple[Any, ...]:
        command = [sys.executable, "-m", "core_engine.tests.other_project", str(self.folder), str(self.folder), model]
        environment = {**os.environ, "PYTHONPATH": str(BACKEND)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[-1]), done.stderr

    def test_model_is_loaded_by_the_first_speech_not_at_startup(self) -> None:
        result, _ = self.run_project("default")
        self.assertTrue(result["speech"]["success"], result)
        before, after = result["sessions"]
        self.assertEqual(before, 0, "a session was created before the first speech")
        self.assertGreater(after, 0)

    def test_everything_else_works_without_a_model(self) -> None:
        result, log = self.run_project("kokoro-v0_19")
        seen = ["The lamp is lit.", "/media/projects/p/audio/1.wav", "The lamp is out.", 0]
        self.assertEqual(result["stories"], [seen, seen], "before and after speech was refused")
        self.assertEqual(result["sessions"], [0, 0])
        self.assertEqual(result["speech"]["error"], "TTS model not available. Please install kokoro-v0_19.onnx.")
        self.assertIn(WARNING, log)
