"""Speak one segment repeatedly from several threads.

Usage: regenerator TARGET THREADS TIMES SEED; prints the number of failures and wrong durations as JSON.
"""

import json
import logging
import random
import sys
from concurrent.futures import ThreadPoolExecutor

import django

TEXTS = ("Wait.", "The lamp is lit.", "The ship turned slowly away from the rocks.")


def main(target: str, threads: int, times: int, seed: int) -> None:
    django.setup()
    from core_engine.tts_wrapper import generate_audio

    logging.disable(logging.CRITICAL)
    durations = {}
    for text in TEXTS:
        durations[text] = generate_audio(text, output_path=f"{target}.{seed}.alone")["duration"]

    def speak(thread: int) -> int:
        chance, wrong = random.Random(seed * 1000 + thread), 0
        for _ in range(times):
            text = chance.choice(TEXTS)
            result = generate_audio(text, output_path=target)
            wrong += not result["success"] or result["duration"] != durations[text]
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps({"wrong": sum(pool.map(speak, range(threads)))}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
