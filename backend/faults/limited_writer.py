"""Speak under limits on the size of a file.

Usage: limited_writer FOLDER VALUES; prints the number of requests by kind of failure as JSON.
"""

import json
import logging
import resource
import sys
from pathlib import Path

import django

from faults.support import SHORT, descriptors, files_in

OLD = b"the old file"


def main(folder: Path, values: int) -> None:
    django.setup()
    from core_engine.tts_wrapper import generate_audio

    logging.disable(logging.CRITICAL)
    target = folder / "a.wav"
    generate_audio(SHORT, output_path=str(target))
    new, before = target.read_bytes(), descriptors()
    found = {"failures": 0, "successes": 0, "wrong": 0}
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for number in range(values):
        target.write_bytes(OLD)
        limit = number * len(new) * 5 // (values * 4)  # up to a quarter more than needed
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        result = generate_audio(SHORT, output_path=str(target))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        expected = new if limit >= len(new) else OLD
        found["wrong"] += target.read_bytes() != expected or result["success"] != (expected == new)
        found["wrong"] += files_in(folder) != ["a.wav"]
        found["successes" if result["success"] else "failures"] += 1
    print(json.dumps({**found, "descriptors": descriptors() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
