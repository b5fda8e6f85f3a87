"""The wheel, installed into an environment of its own and used from a folder that knows nothing of the source."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import venv
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engines.conformance.trial import free_port

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("core_engine", "engines", "storyflow")
DJANGO_SCRIPT = """
import json
import django
django.setup()
from core_engine.tts_wrapper import construct_audio_path, generate_audio
print(json.dumps(generate_audio("It speaks.", output_path=construct_audio_path("p", "s"))))
"""

pytestmark = [pytest.mark.install, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Installation:
    """The wheel in an environment of its own, on a machine with a home of its own."""

    bin: Path
    site_packages: Path
    home: Path
    work: Path
    """The working folder, far from the source."""

    @property
    def environment(self) -> dict[str, str]:
        """That of a user who has set nothing."""
        ours = ("STORYFLOW_", "MEDIA_ROOT", "PYTHON", "DJANGO", "XDG_", "COV_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "HOME": str(self.home), "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}

    def run(self, *command: str, code: int = 0, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command of the environment in the working folder and check its exit code."""
        done = subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            cwd=cwd or self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def files(self) -> set[str]:
        """Return the files of the packages as they are now, and whatever lies beside site-packages."""
        packages = {path for name in PACKAGES for path in (self.site_packages / name).rglob("*")}
        beside = set(self.site_packages.parent.iterdir())
        return {str(path) for path in packages | beside if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("installed")
    wheel = built_wheel(folder)
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip(str(binaries / "python"), "install", f"{wheel}[engines]")
    (folder / "home").mkdir()
    (folder / "work").mkdir()
    found = subprocess.run(
        [str(binaries / "python"), "-c", "import core_engine; print(core_engine.__file__)"],
        cwd=folder, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    site_packages = Path(found.stdout.strip()).parents[1]
    assert site_packages.is_relative_to(folder)
    made = Installation(binaries, site_packages, folder / "home", folder / "work")
    before = made.files()
    yield made
    assert made.files() == before, "something was written into the installed packages"


def built_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of what git knows, so that nothing is left in the source."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(folder / "source"))
    return next(folder.glob("*.whl"))


def pip(python: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def own_model(installation: Installation) -> str:
    """A model that the user has added: the built-in voice under another name."""
    given = installation.home / "downloads"
    shutil.copytree(installation.site_packages / "engines" / "tts" / "kokoro" / "models" / "default", given)
    done = installation.run("storyflow", "models", "add", str(given), "--name", "my-voice")
    assert "my-voice" in done.stdout + done.stderr
    return "my-voice"


def test_say_writes_into_the_working_folder(installation: Installation) -> None:
    installation.run("storyflow", "say", "It speaks.", "-o", "hello.wav")
    with wave.open(str(installation.work / "hello.wav")) as file:
        assert file.getnframes() > file.getframerate() // 2


def test_narrate_writes_below_the_working_folder_and_says_so(installation: Installation) -> None:
    (installation.work / "story.txt").write_text("The first paragraph.\n\nThe second one.\n")
    done = installation.run("storyflow", "narrate", "story.txt")
    media = installation.work / "media"
    assert f"Writing to '{media}'" in done.stderr
    assert len(list((media / "projects" / "story" / "audio").glob("*.wav"))) == 2


def test_models_lie_in_the_data_folder_of_the_user(installation: Installation, own_model: str) -> None:
    models = Path(installation.run("storyflow", "models", "where").stdout.strip())
    assert models.is_relative_to(installation.home)
    assert (models / own_model).is_dir()
    assert str(models / own_model) in installation.run("storyflow", "doctor").stdout.replace("\n", "")
    installation.run("storyflow", "say", "It speaks.", "-o", "own.wav", "--model", own_model)


def test_engines_are_listed_checked_and_made(installation: Installation) -> None:
    assert "debug-tts" in installation.run("storyflow", "engines", "list").stdout
    assert "debug-tts conforms." in installation.run("storyflow", "engines", "check", "debug-tts").stdout
    installation.run("storyflow", "engines", "new", "tts", "my-engine")
    assert (installation.work / "my-engine" / "server.py").is_file()
    assert "my-engine conforms." in installation.run("storyflow", "engines", "check", "my-engine").stdout


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
def test_served_kokoro_speaks_with_the_models_of_the_user(installation: Installation, own_model: str) -> None:
    port = free_port()
    command = [str(installation.bin / "storyflow"), "serve", "kokoro", "--port", str(port)]
    with (
        (installation.work / "log").open("w") as log,
        subprocess.Popen(command, cwd=installation.work, env=installation.environment, stderr=log) as server,
    ):
        try:
            listed = asked(port, "/models")
            assert {"default", own_model} <= {model["name"] for model in json.loads(listed)["models"]}
            asked(port, "/load", {"engineModelName": own_model})
            body = {"text": "It speaks.", "language": "en", "ttsSpeakerWav": [], "parameters": {}}
            assert asked(port, "/generate", body).startswith(b"RIFF")
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(15) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
def test_studio_shows_its_page_and_narrates_into_the_working_folder(installation: Installation) -> None:
    port = free_port()
    command = [str(installation.bin / "storyflow"), "studio", "--no-browser", "--port", str(port)]
    with (
        (installation.work / "log").open("w") as log,
        subprocess.Popen(command, cwd=installation.work, env=installation.environment, stderr=log) as server,
    ):
        try:
            assert b"/studio/static/main.js" in asked(port, "/")
            for name in ("main.js", "style.css", "icon.svg"):
                assert asked(port, f"/studio/static/{name}")
            story = installation.work / "media" / "projects" / "mine" / "story.json"
            story.parent.mkdir(parents=True)
            story.write_text('{"segments": [{"text_content": "It speaks."}]}')
            asked(port, "/studio/api/projects/mine/narrate", {})
            while b'"is_complete":true' not in asked(port, "/studio/api/projects/mine/progress"):
                time.sleep(0.2)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(15) == 0
    assert len(list((story.parent / "audio").glob("*.wav"))) == 1


def test_fresh_django_project_speaks_with_the_models_of_the_user(installation: Installation, own_model: str) -> None:
    site = installation.work / "my_site"
    installation.run("django-admin", "startproject", "my_site")
    settings = site / "my_site" / "settings.py"
    added = f'\nINSTALLED_APPS += ["core_engine"]\nSTORYFLOW_TTS_MODEL = "{own_model}"\n'
    settings.write_text(settings.read_text() + added)
    assert "no issues" in installation.run("python", "manage.py", "check", cwd=site).stdout
    script = "import os, sys; sys.path.insert(0, ''); os.environ['DJANGO_SETTINGS_MODULE'] = 'my_site.settings'"
    done = installation.run("python", "-c", f"{script}\n{DJANGO_SCRIPT}", cwd=site)
    result = json.loads(done.stdout)
    assert result["success"], result
    assert Path(result["audio_path"]) == site / "media" / "projects" / "p" / "audio" / "s.wav"


def asked(port: int, path: str, body: Any = None) -> bytes:
    """Return what the server answers, which may still be starting."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    for _ in range(150):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return bytes(answer.read())
        except ConnectionError:
            time.sleep(0.2)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.2)
    raise AssertionError(f"nobody listens on port {port}")
