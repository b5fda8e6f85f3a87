"""Speak into one folder after another while another process makes system calls fail.

Usage: injected_speaker FLAG. Reads a folder per line, waits for a value in FLAG, a file of one byte, speaks, and prints
the result once FLAG says that calls work again. In between it communicates only through the mapped flag, without calls.
"""

import json
import logging
import mmap
import os
import sys
import time
from pathlib import Path

import django

from faults.support import SHORT, descriptors, files_in

READY, GO, DONE, RELEASED = 1, 2, 3, 4


def main(flag_path: str) -> None:
    django.setup()
    from core_engine.tts_wrapper import generate_audio

    logging.disable(logging.CRITICAL)
    with open(flag_path, "r+b") as file:
        flag = mmap.mmap(file.fileno(), 1)
    generate_audio(SHORT, output_path=os.path.join(os.path.dirname(flag_path), "warm.wav"))
    for line in sys.stdin:
        folder = Path(line.rstrip("\n"))
        before = descriptors()
        flag[0] = READY
        wait_for(flag, GO)
        try:
            result = generate_audio(SHORT, output_path=str(folder / "a.wav"))
        except BaseException as error:
            result = {"raised": repr(error)}
        flag[0] = DONE
        wait_for(flag, RELEASED)
        report = {"result": result, "descriptors": descriptors() - before, "files": files_in(folder)}
        print(json.dumps(report), flush=True)


def wait_for(flag: mmap.mmap, value: int) -> None:
    """Sleep until the flag has the value."""
    while flag[0] != value:
        time.sleep(0.001)


if __name__ == "__main__":
    main(sys.argv[1])
