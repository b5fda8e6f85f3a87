"""The way into the Django project of StoryFlow, which has a core_engine and a storyflow_backend of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = {
    "manage.py": """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storyflow_backend.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""",
    "storyflow_backend/__init__.py": "",
    "storyflow_backend/urls.py": """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("api/projects/", lambda request: HttpResponse("[]"))]
""",
    "storyflow_backend/settings.py": """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "theirs"
INSTALLED_APPS = ["api", "core_engine"]
ROOT_URLCONF = "storyflow_backend.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MEDIA_ROOT = BASE_DIR.parent / "media"
MEDIA_URL = "/media/"
""",
    "api/__init__.py": "",
    "api/migrations/__init__.py": "",
    "api/models.py": """
from django.db import models
class Segment(models.Model):
    text_content = models.TextField()
    audio_file = models.CharField(max_length=500, blank=True)
    audio_duration = models.FloatField(null=True)
""",
    "api/tests.py": """
from django.test import TestCase, override_settings
from api.models import Segment
from core_engine.model_loader import KokoroModelLoader
from core_engine.tts_wrapper import construct_audio_path, generate_audio
from core_engine.video_renderer import render
class SegmentTests(TestCase):
    def test_url_of_theirs(self):
        self.assertEqual(self.client.get("/api/projects/").status_code, 200)
    def test_file_of_theirs(self):
        self.assertEqual(render(), "theirs")
    def test_model_is_looked_for_beside_backend(self):
        from django.conf import settings
        self.assertEqual(
            KokoroModelLoader._resolve_model_path(), str(settings.BASE_DIR.parent / "models" / "kokoro-v0_19.onnx")
        )
    def test_segment_gets_its_audio(self):
        segment = Segment.objects.create(text_content="It speaks.")
        with override_settings(STORYFLOW_TTS_MODEL="default"):
            result = generate_audio(segment.text_content, output_path=construct_audio_path(1, segment.id))
        self.assertTrue(result["success"], result)
        segment.audio_file, segment.audio_duration = result["audio_path"], result["duration"]
        segment.save()
        self.assertGreater(Segment.objects.get().audio_duration, 0.5)
""",
    "core_engine/__init__.py": "",
    "core_engine/tts_wrapper.py": "def generate_audio(*args):\n    raise NotImplementedError\n",
    "core_engine/video_renderer.py": "def render():\n    return 'theirs'\n",
}


@pytest.fixture
def storyflow(tmp_path: Path) -> Path:
    """The backend of StoryFlow as it is before the voice comes."""
    for name, content in FILES.items():
        file = tmp_path / "backend" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.lstrip("\n"))
    return tmp_path / "backend"


def manage(backend: Path, *arguments: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STORYFLOW", "DJANGO", "MEDIA"))}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=backend, env=kept, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_into_leaves_their_project_working_and_gives_it_the_voice(storyflow: Path) -> None:
    subprocess.run(["make", "into", f"TARGET={storyflow}"], cwd=ROOT, check=True, capture_output=True)
    where = "import core_engine, engines; print(core_engine.__file__, engines.__file__)"
    assert manage(storyflow, "shell", "-c", where).count(str(storyflow)) == 2
    manage(storyflow, "makemigrations", "api")
    manage(storyflow, "migrate")
    output = manage(storyflow, "test", "api")
    assert "Ran 4 tests" in output
    assert "core_engine.W001" in manage(storyflow, "check")
    parts = ("audio_utils", "places", "tts")
    assert "OK" in manage(storyflow, "test", *(f"core_engine.tests.test_{part}" for part in parts))


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_into_refuses_what_is_no_django_project(tmp_path: Path) -> None:
    done = subprocess.run(["make", "into", f"TARGET={tmp_path}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "a folder with a manage.py" in done.stdout
    assert not list(tmp_path.iterdir())
