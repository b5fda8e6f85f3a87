"""Fork processes that only write WAVs or load espeak-ng, and kill each one while it does.

Usage: killed_writer wav|espeak FOLDER KILLS; prints the findings as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core_engine.audio_utils import encode_wav, write_wav_bytes
from core_engine.kokoro.text.espeak import to_ipa
from faults.support import files_in

RATE = 24_000


def killed_after(seconds: float, work: Callable[[], None]) -> None:
    """Run `work` repeatedly in a separate process until it is killed."""
    child = os.fork()
    if child == 0:
        while True:
            work()
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def finished(work: Callable[[], None]) -> None:
    """Run `work` once in a separate process."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("the next start failed")


def kill_writers(folder: Path, kills: int) -> dict[str, int]:
    """Kill writers of one WAV after 1 to 12 ms each."""
    chance = random.Random(11)
    target = folder / "segment.wav"
    versions = [encode_wav(np.full(samples, 0.1, np.float32), RATE) for samples in (RATE, RATE * 3)]
    write_wav_bytes(versions[0], target)

    def work() -> None:
        for version in versions:
            write_wav_bytes(version, target)

    torn = interrupted = most_left = 0
    for _ in range(kills):
        killed_after(chance.uniform(0.001, 0.012), work)
        torn += target.read_bytes() not in versions
        left = len(files_in(folder)) - 1
        interrupted += left > 0
        most_left = max(most_left, left)
    finished(work)
    return {"torn": torn, "interrupted": interrupted, "most_left": most_left, "left": len(files_in(folder)) - 1}


def kill_phonemizers(folder: Path, kills: int) -> dict[str, int]:
    """Kill processes that load espeak-ng and use both accents; `folder` is for temporary files."""
    chance = random.Random(11)
    spoken = folder.parent / "spoken"

    def work() -> None:
        for language in ("en-us", "en-gb"):
            to_ipa(["a lamp"], language)
        with spoken.open("ab", buffering=0) as file:
            file.write(b".")

    for _ in range(kills):
        killed_after(chance.uniform(0.001, 0.08), work)
    finished(work)
    return {"left": len(files_in(folder)), "spoken": spoken.stat().st_size}


if __name__ == "__main__":
    what, where, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    print(json.dumps((kill_writers if what == "wav" else kill_phonemizers)(where, count)))
