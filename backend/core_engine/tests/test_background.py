"""Speech in the background: a real worker of Django's tasks framework, with tasks in a database without a server."""

import json
import os
import subprocess
import sys
import unittest
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from core_engine.audio_utils import get_audio_duration, validate_audio_file
from core_engine.tests.support import LoaderTestCase

BACKEND = Path(__file__).resolve().parents[2]


@unittest.skipUnless(find_spec("django_tasks_db"), "needs django-tasks-db")
class BackgroundTests(LoaderTestCase):
    def run_project(self, *arguments: Any) -> str:
        environment = {**os.environ, "PYTHONPATH": str(BACKEND), "PROJECT": str(self.folder)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        done = subprocess.run(
            [sys.executable, "-m", "core_engine.tests.background_project", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def results(self, ids: list[str]) -> Any:
        return json.loads(self.run_project("results", *ids))

    def test_worker_speaks_what_was_enqueued_and_keeps_failures(self) -> None:
        self.run_project("migrate", "--verbosity", "0")
        ids = json.loads(self.run_project("enqueue", "The lamp is lit.", "", "The ship is gone."))
        before = self.results(ids)
        self.assertEqual([each["status"] for each in before], ["READY"] * 3)
        self.assertFalse((self.folder / "media").exists())

        self.run_project("db_worker", "--batch", "--no-startup-delay")

        lamp, nothing, ship = self.results(ids)
        for number, result in ((0, lamp), (2, ship)):
            wav = self.folder / "media" / "projects" / "p" / "audio" / f"{number}.wav"
            self.assertEqual((result["status"], result["value"]["success"]), ("SUCCESSFUL", True))
            self.assertEqual(result["value"]["audio_path"], str(wav))
            self.assertEqual(result["value"]["voice_id"], "bm_george")
            self.assertTrue(validate_audio_file(wav))
            self.assertAlmostEqual(get_audio_duration(wav), result["value"]["duration"], places=3)
        self.assertEqual(nothing["value"]["success"], False)
        self.assertIn("empty", nothing["value"]["error"])
