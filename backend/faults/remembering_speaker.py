"""Speak, or load and unload, and measure the growth of the process.

Usage: remembering_speaker speak|leak|load TIMES; prints the growth of the resident memory in bytes as JSON. `leak`
keeps the audio of every request, like an unbounded cache.
"""

import gc
import json
import logging
import os
import random
import sys
import tempfile
from collections.abc import Callable

import django

from faults.support import resident_bytes

WORDS = ["the", "keeper", "lit", "lamp", "at", "quarter", "past", "six", "and", "ship", "turned", "slowly", "away"]
KEPT_BYTES = 256 << 10


def main(what: str, times: int) -> None:
    django.setup()
    from core_engine.tests.support import forget_session
    from core_engine.tts_wrapper import generate_audio

    logging.disable(logging.CRITICAL)
    chance = random.Random(3)
    kept: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "a.wav")

        def speak() -> None:
            text = " ".join(chance.choices(WORDS, k=chance.randint(1, 10)))
            if not generate_audio(text, output_path=target)["success"]:
                raise SystemExit("a request failed")

        def leak() -> None:
            speak()
            kept.append(os.urandom(KEPT_BYTES))

        def load() -> None:
            forget_session()
            generate_audio("The lamp is lit.", output_path=target)

        work: Callable[[], None] = {"speak": speak, "leak": leak, "load": load}[what]
        generate_audio(" ".join(WORDS), output_path=target)  # as long as the longest of the following
        warm_up = load if what == "load" else speak
        for _ in range(min(40, times)):
            warm_up()
        gc.collect()
        before = resident_bytes()
        for _ in range(times):
            work()
        gc.collect()
        print(json.dumps({"grown": resident_bytes() - before}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
