"""The packages that speech needs: listed with minimum versions, installed, and importable."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

from django.test import SimpleTestCase

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
SPECIFIED = ("onnxruntime>=1.17.0", "soundfile>=0.12.1", "numpy>=1.26.0")


def is_installed(distribution: Any) -> Any:
    try:
        return bool(importlib.metadata.version(distribution))
    except importlib.metadata.PackageNotFoundError:
        return False


def numbers(version: Any) -> Any:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


class RequirementsTests(SimpleTestCase):
    def lines(self) -> Any:
        text = REQUIREMENTS.read_text(encoding="utf-8")
        return [line.partition("#")[0].strip() for line in text.splitlines() if line.partition("#")[0].strip()]

    def test_onnxruntime_soundfile_and_numpy_have_the_specified_floors(self) -> None:
        for line in SPECIFIED:
            self.assertIn(line, self.lines())

    def test_no_version_is_pinned(self) -> None:
        for line in self.lines():
            self.assertRegex(line, r"^[A-Za-z0-9_.-]+>=[0-9.]+$")

    @unittest.skipUnless(importlib.util.find_spec("pip"), "this environment has no pip")
    @unittest.skipUnless(is_installed("onnxruntime"), "another build of onnxruntime is installed")
    def test_pip_accepts_the_file_and_finds_every_floor_met(self) -> None:
        command = [sys.executable, "-m", "pip", "--isolated", "install", "--dry-run", "--no-index", "--no-deps"]
        done = subprocess.run([*command, "-r", str(REQUIREMENTS)], capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_imported_packages_are_not_older_than_their_floors(self) -> None:
        for line in SPECIFIED:
            name, floor = line.split(">=")
            self.assertGreaterEqual(numbers(importlib.import_module(name).__version__), numbers(floor), name)
