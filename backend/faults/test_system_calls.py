"""Let every system call for writing a WAV fail, once or permanently, with strace in a speaking process."""

import json
import mmap
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core_engine.audio_utils import validate_audio_file
from core_engine.tts_wrapper import generate_audio
from engines.store.publishing import sweep
from faults.injected_speaker import DONE, GO, READY, RELEASED, wait_for
from faults.support import SHORT, environment, files_in

OLD = b"the old file"
CALLS = {
    "open": "?open,?openat",
    "write": "?write,?pwrite64",
    "fsync": "?fsync",
    "close": "?close",
    "rename": "?rename,?renameat,?renameat2",
    "link": "?link,?linkat",
    "unlink": "?unlink,?unlinkat",
    "duplicate": "?fcntl,?dup",
    "lock": "?flock",
    "look": "?newfstatat,?fstat,?stat,?lstat,?statx",
}
MUST_FAIL = {"write", "fsync", "rename"}
"""Calls without which no file can appear. When others fail, there may be another way or nothing to lose."""
MOST_CALLS = 200


class Speaker:
    """A speaking child process with strace attached."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        flag = folder / "flag"
        flag.write_bytes(b"\0")
        with flag.open("r+b") as file:
            self.flag = mmap.mmap(file.fileno(), 1)
        command = [sys.executable, "-m", "faults.injected_speaker", str(flag)]
        self.child = subprocess.Popen(
            command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def speak(self, folder: Path, injection: str, calls: str) -> tuple[dict[str, Any], list[str]]:
        """Speak into a folder with injected failures; return the child's report and the calls that failed."""
        assert self.child.stdin
        assert self.child.stdout
        print(folder, file=self.child.stdin, flush=True)
        wait_for(self.flag, READY)
        log = self.folder / "strace.log"
        command = ["strace", "-p", str(self.child.pid), "-o", str(log), "-e", f"trace={calls}"]
        with subprocess.Popen([*command, "-e", f"inject={calls}:{injection}"], stderr=subprocess.PIPE) as strace:
            assert strace.stderr
            answer = strace.stderr.readline()
            if b"attached" not in answer:
                self.flag[0] = GO
                pytest.skip(f"strace cannot attach here: {answer.decode().strip()}")
            self.flag[0] = GO
            wait_for(self.flag, DONE)
            strace.send_signal(signal.SIGINT)
        self.flag[0] = RELEASED
        return json.loads(self.child.stdout.readline()), [
            line for line in log.read_text().splitlines() if "(INJECTED)" in line
        ]

    def close(self) -> None:
        self.child.kill()
        self.child.communicate()


@pytest.fixture
def speaker(tmp_path: Path) -> Iterator[Speaker]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    speaker = Speaker(tmp_path)
    yield speaker
    speaker.close()


def check(call: str, report: dict[str, Any], failed: list[str], folder: Path, new: bytes) -> None:
    result = report["result"]
    assert isinstance(result.get("success"), bool), result
    if result["success"]:
        # libsndfile flushes descriptor -1 after writing to memory; that fails anyway.
        assert call not in MUST_FAIL or all("fsync(-1)" in line for line in failed)
        assert (folder / "a.wav").read_bytes() == new
    else:
        assert (folder / "a.wav").read_bytes() == OLD, result
        assert result["error"]
    # A close that the injection suppresses leaves its descriptor open.
    assert 0 <= report["descriptors"] <= (len(failed) if call == "close" else 0)
    if call == "unlink":
        sweep(folder)
        report["files"] = files_in(folder)
    assert report["files"] == ["a.wav"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("error", "forever"),
    [
        ("EIO", ""),
        pytest.param("ENOSPC", "", marks=pytest.mark.slow),
        pytest.param("EIO", "+", marks=pytest.mark.slow),
        pytest.param("ENOSPC", "+", marks=pytest.mark.slow),
    ],
)
def test_failed_call_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, speaker: Speaker, voice: None, call: Any, error: str, forever: str
) -> None:
    generate_audio(SHORT, output_path=str(tmp_path / "new.wav"))
    new = (tmp_path / "new.wav").read_bytes()
    for number in range(1, MOST_CALLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "a.wav").write_bytes(OLD)
        report, failed = speaker.speak(folder, f"error={error}:when={number}{forever}", CALLS[call])
        if not failed:
            break
        check(call, report, failed, folder, new)
    assert 1 < number < MOST_CALLS, "no call was injected, or too many"
    assert validate_audio_file(folder / "a.wav"), "it speaks again when calls succeed"
