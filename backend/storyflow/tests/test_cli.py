"""The commands as a person types them: what they print, and their exit codes."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import wave
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from core_engine.tests.support import install
from core_engine.tts_wrapper import VALID_VOICE_IDS
from storyflow import __version__ as storyflow_version
from storyflow.tests.support import process_of, storyflow

FULL = Path("/dev/full")


def test_say_writes_a_wav(tmp_path: Path) -> None:
    done = process_of("say", "Hello there.", "-o", tmp_path / "hello.wav", "--voice", "bm_george", "--speed", "1.2")
    assert done.returncode == 0, done.stderr
    with wave.open(str(tmp_path / "hello.wav")) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (24_000, 1, 2)


def test_say_reads_standard_input(tmp_path: Path) -> None:
    assert process_of("say", "-", "-o", tmp_path / "a.wav", input="From a pipe.").returncode == 0


def test_say_with_the_built_in_voice_says_so_in_plain_words(tmp_path: Path) -> None:
    assert "built-in voice" in storyflow("say", "Hi.", "-o", tmp_path / "a.wav").stderr
    assert storyflow("say", "Hi.", "-o", tmp_path / "a.wav", "--model", "default").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["say", "Hi."], 2, "--output"),
        (["say", "Hi.", "-o", "a.mp3"], 2, ".wav"),
        (["say", "...", "-o", "a.wav"], 3, "nothing that can be spoken"),
        (["say", "Hi.", "-o", "a.wav", "--speed", "3"], 2, "0.5<=x<=2.0"),
        (["say", "Hi.", "-o", "a.wav", "--model", "kokoro-v0_19"], 4, "--model default"),
        (["say", "Hi.", "-o", "/proc/nowhere/a.wav", "--model", "default"], 5, "/proc/nowhere"),
        (["say", "Hi.", "-o", "a.wav", "--speed", "nan"], 2, "0.5<=x<=2.0"),
        (["narrate", "missing.txt"], 2, "missing.txt"),
        (["narrate", "empty.txt"], 3, "nothing to speak"),
        (["narrate", "story.txt", "--project", "../up"], 3, "Invalid project"),
        (["narrate", "story.txt", "--model", "broken.onnx"], 4, "cannot be loaded"),
    ],
)
def test_mistakes_get_one_sentence_and_an_exit_code(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "story.txt").write_text("Once upon a time.")
    (tmp_path / "broken.onnx").write_text("<html>Not found</html>")
    done = storyflow(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_narrate_prints_where_how_long_and_how_fast(story: Path, tmp_path: Path) -> None:
    done = storyflow("narrate", story)
    audio = tmp_path / "media" / "projects" / "my-story" / "audio"
    assert f"3 WAVs in {audio}" in done.stdout
    assert "of audio (3 made now, 0 already there)" in done.stdout
    assert "times real time (default)" in done.stdout
    assert len(list(audio.iterdir())) == 3
    assert "(0 made now, 3 already there)" in storyflow("narrate", story).stdout


def test_narrate_for_programs_prints_json_alone(story: Path, tmp_path: Path) -> None:
    done = storyflow("narrate", story, "--json", "--out", tmp_path / "out", "--project", "mine", "--model", "default")
    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert document["success"] is True
    assert document["manifest"] == str(tmp_path / "out" / "projects" / "mine" / "manifest.json")
    assert len(document["made"]) == len(document["segments"]) == 3


def test_narrate_interrupted_leaves_a_clean_state(tmp_path: Path) -> None:
    story = tmp_path / "long.txt"
    story.write_text("\n\n".join(f"This is paragraph number {number} of a long story." for number in range(3000)))
    command = [sys.executable, "-m", "storyflow", "narrate", str(story), "--model", "default"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    audio = tmp_path / "media" / "projects" / "long" / "audio"
    while not audio.is_dir() or len(list(audio.glob("*.wav"))) < 5:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "to continue" in stderr
    assert "Traceback" not in stderr
    assert [path.name for path in audio.iterdir() if path.suffix != ".wav"] == []
    entries = json.loads((audio.parent / "manifest.json").read_text())["segments"]
    assert abs(len(entries) - len(list(audio.iterdir()))) <= 1


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_narrate_shows_a_bar_on_a_terminal(story: Path) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "storyflow", "narrate", str(story), "--model", "default"]
    subprocess.run(command, stderr=terminal, stdout=subprocess.DEVNULL, check=True, timeout=60)
    os.close(terminal)
    shown = b""
    try:
        while chunk := os.read(controller, 65536):
            shown += chunk
    except OSError:  # the other end is closed
        pass
    os.close(controller)
    assert b"Narrating" in shown


def catches(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler of its own for a signal, as the kernel says."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)
    return bool(caught >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the kernel does not say what a process catches")
@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.2, 0.3])
def test_interrupted_while_it_starts_ends_as_interrupted(story: Path, delay: float) -> None:
    command = [sys.executable, "-m", "storyflow", "narrate", str(story), "--model", "default"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not catches(process.pid, signal.SIGINT):  # until then the signal is not Python's, and ours still less
        time.sleep(0.001)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    if process.returncode in (130, 0):
        return
    # A shell calls this 130, too. Python ends so, whatever its program says, if the signal met it within an exec() of a
    # string, such as that of a dataclass.
    of_python = process.returncode == -signal.SIGINT and "Traceback" not in stderr
    before_our_first_line = "Traceback" in stderr and "storyflow" not in stderr  # Python itself was still starting
    assert of_python or before_our_first_line, stderr


def test_failure_for_programs_is_json(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    done = storyflow("narrate", tmp_path / "empty.txt", "--json")
    assert done.returncode == 3
    assert "nothing to speak" in json.loads(done.stdout)["error"]


def test_doctor_lets_kokoro_speak_before_it_is_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(tmp_path))
    (tmp_path / "kokoro-v0_19.onnx").write_bytes(b"garbage")
    (tmp_path / "config.json").write_text('{"vocab": {"a": 1}, "n": 2}')
    done = storyflow("doctor")
    assert done.returncode == 1
    assert "cannot be loaded" in done.stdout


def test_voices_lists_the_seven_with_what_has_them() -> None:
    listed = json.loads(storyflow("voices", "--json").stdout)
    assert [voice["id"] for voice in listed] == VALID_VOICE_IDS
    assert listed[0] == {
        "id": "af_bella",
        "gender": "Female",
        "accent": "American",
        "description": "Clear, warm tone",
        "language": "en-us",
        "installed": ["default"],
    }
    assert "BBC-style" in storyflow("voices").stdout


def test_voices_of_a_model_are_listed_by_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(tmp_path))
    install(tmp_path, "kokoro-v1.0-int8", voices=("zf_xiaoni", "ef_dora", "bm_fable", "af_bella", "af_heart"))
    listed = {voice["id"]: voice for voice in json.loads(storyflow("voices", "--json").stdout)}
    others = [name for name in listed if name not in VALID_VOICE_IDS]
    assert others == ["af_heart", "bm_fable", "ef_dora", "zf_xiaoni"]
    assert listed["ef_dora"]["installed"] == ["kokoro-v1.0-int8"]
    assert (listed["ef_dora"]["accent"], listed["ef_dora"]["language"]) == ("Spanish", "es")
    shown = storyflow("voices").stdout
    heads = [line for line in shown.splitlines() if line.endswith(")")]
    assert heads == ["American English (en-us)", "British English (en-gb)", "Spanish (es)", "Mandarin Chinese (zh)"]


def test_voice_of_another_language_is_read_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(tmp_path))
    install(tmp_path, "kokoro-v1.0-int8", voices=("af_bella", "ef_dora", "jf_alpha"))
    spanish = ["say", "Hola, niño.", "-o", tmp_path / "a.wav", "--voice"]
    assert storyflow(*spanish, "ef_dora").returncode == 0
    done = storyflow(*spanish, "jf_alpha")
    if done.returncode:
        assert "Traceback" not in done.stderr
        assert "misaki" in done.stderr or "unidic" in done.stderr


def test_doctor_says_what_reads_each_language() -> None:
    findings = {finding["what"]: finding for finding in json.loads(storyflow("doctor", "--json").stdout)}
    assert findings["English of v1.0"]["ok"]
    assert findings["English of v1.0"]["detail"].startswith(("read by espeak-ng", "read by misaki"))
    for language in ("Japanese", "Mandarin Chinese"):
        assert findings[language]["ok"] or "install" in findings[language]["detail"]
        assert not findings[language]["needed"]


def test_doctor_lets_the_best_model_speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(tmp_path))
    install(tmp_path, "kokoro-v1.0-int8")
    assert "Kokoro: kokoro-v1.0-int8 spoke for" in storyflow("doctor").stdout


def test_doctor_is_content_where_narrating_works() -> None:
    done = storyflow("doctor")
    assert done.returncode == 0, done.stdout
    assert "Kokoro: not installed" in done.stdout


def test_doctor_fails_where_narrating_cannot_work(tmp_path: Path) -> None:
    done = storyflow("doctor", "--json", env={**os.environ, "MEDIA_ROOT": "/proc/nowhere"})
    assert done.returncode == 1
    broken = [finding["what"] for finding in json.loads(done.stdout) if not finding["ok"] and finding["needed"]]
    assert broken == ["Write permission"]


def ending_of(what: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own, with `what` in the place of its commands."""
    script = f"""
import atexit, sys
from storyflow import __main__ as command

class Kept:
    def __del__(self):
        print("freed")

def main():
    command.kept = Kept()
    atexit.register(print, "registered")
    print("spoken")
    {what}

command.main = main
command.program()
"""
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)


@pytest.mark.parametrize(("code", "expected"), [("0", 0), ("None", 0), ("7", 7), ("True", 1)])
def test_the_end_frees_nothing_and_loses_nothing(code: str, expected: int) -> None:
    done = ending_of(f"sys.exit({code})")
    assert (done.returncode, done.stdout, done.stderr) == (expected, "spoken\nregistered\n", "")


@pytest.mark.parametrize("what", ["sys.exit('In words.')", "raise ValueError('In words.')"])
def test_an_end_with_words_is_left_to_python(what: str) -> None:
    done = ending_of(what)
    assert done.returncode == 1
    assert done.stdout == "spoken\nregistered\nfreed\n"
    assert "In words." in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full, which Linux has")
def test_what_cannot_be_printed_at_the_end_is_reported() -> None:
    with FULL.open("wb") as full:
        done = ending_of("sys.exit(0)", full.fileno())
    assert done.returncode == 120
    assert "No space left on device" in done.stderr


def test_the_command_and_the_module_end_so(tmp_path: Path) -> None:
    (script,) = entry_points(group="console_scripts", name="storyflow")
    assert script.value == "storyflow.__main__:program"
    kept = "class Kept:\n    def __del__(self):\n        print('freed')\nkept = Kept()\n"
    (tmp_path / "sitecustomize.py").write_text(kept)
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    assert process_of("--version", env=environment).stdout == f"storyflow, version {storyflow_version}\n"
    freed = subprocess.run([sys.executable, "-c", ""], env=environment, capture_output=True, text=True, timeout=60)
    assert freed.stdout == "freed\n"


def imported_by(*arguments: str | Path) -> set[str]:
    """Return the modules that a command has imported when it is done."""
    script = """
import sys
from storyflow.__main__ import main
try:
    main()
except SystemExit as ending:
    assert not ending.code, ending.code
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


SLOW = {"numpy", "onnxruntime", "django", "rich", "fastapi", "platformdirs", "importlib.metadata", "urllib.request"}


def test_help_imports_nothing_slow() -> None:
    imported = imported_by("--help")
    assert {"click", "storyflow.commands.serve"} <= imported
    assert SLOW & imported == set()


def test_a_command_imports_no_other() -> None:
    imported = imported_by("say", "Hello.", "--dry-run")
    assert {"storyflow.commands.say", "core_engine.reading.aloud"} <= imported
    assert {"storyflow.commands.narrate", "storyflow.commands.serve", "onnxruntime", "soundfile"} & imported == set()


def test_say_imports_only_what_speaks(tmp_path: Path) -> None:
    imported = imported_by("say", "Hello.", "-o", tmp_path / "a.wav", "--model", "default")
    assert {"onnxruntime", "soundfile", "core_engine.kokoro.text.espeak"} <= imported
    unneeded = {"numpy.ma", "importlib.metadata", "urllib.request", "rich", "django", "storyflow.stories.story"}
    assert unneeded & imported == set()


def test_dictionaries_are_imported_only_where_they_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = tmp_path / "imported"
    for name in ("misaki", "spacy", "num2words", "en_core_web_sm"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"open({str(noted)!r}, 'a').write('{name} ')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    story = tmp_path / "story.txt"
    story.write_text("The lamp was lit.\n\nIt burned all night.")
    for arguments in (
        ["say", "Hello.", "-o", tmp_path / "a.wav", "--model", "default"],
        ["narrate", story, "--out", tmp_path / "media", "--model", "default"],
        ["narrate", story, "--dry-run", "--phonemes", "--model", "default"],
        ["voices"],
    ):
        storyflow(*arguments)
        assert not noted.exists(), f"{arguments[0]} imports {noted.read_text()}"
    needed = "from core_engine.kokoro.text.phonemes_v1_0 import phonemize_v1_0; phonemize_v1_0('Hello.')"
    subprocess.run([sys.executable, "-c", needed], capture_output=True, timeout=60)
    assert noted.read_text() == "misaki "  # this stand-in has no more than its name
