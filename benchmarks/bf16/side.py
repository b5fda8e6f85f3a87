"""One measurement in a process of its own, since a process may be killed and peaks of memory do not go down.

    python side.py compare FOLDER VARIANT THREADS TOKENS ROUNDS
    python side.py alone FOLDER VARIANT THREADS TOKENS ROUNDS

FOLDER holds what `models.py` prepared; VARIANT is `onnxruntime` or one of `lowered.VARIANTS`. Prints one line of JSON.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import numpy as np
from distance import log_mel_distance
from models import ORIGINAL, WITHOUT_LOOP, inputs, threads_session

Run = Callable[[dict], list]
"""Inputs by name → audio, pitch, source."""

LENGTHS = (12, 95, 33, 61, 140, 20, 77, 48, 111, 27)
"""Tokens of the texts of changing length."""
MEGABYTE = 1 << 20


def compare(folder: Path, variant: str, threads: int, tokens: int, rounds: int) -> dict:
    """Run onnxruntime and the variant in turn; return the times of each round and the distances of the results."""
    reference, ours = runner(folder, "onnxruntime", threads), runner(folder, variant, threads)
    result = {"times": times(reference, ours, inputs(tokens), rounds), "sounds": []}
    for length in (tokens // 10, tokens // 3, tokens):
        result["sounds"].append({"tokens": length, **sounds(reference, ours, inputs(length))})
    return result


def times(reference: Run, ours: Run, feed: dict, rounds: int) -> dict[str, list[float]]:
    """Return seconds by the clock and of the processor, A B A B, after one round that is not counted."""
    found: dict[str, list[float]] = {"reference": [], "ours": [], "reference cpu": [], "ours cpu": []}
    for counted in range(rounds + 1):
        for name, run in (("reference", reference), ("ours", ours)):
            clock, processor = perf_counter(), process_time()
            run(feed)
            if counted:
                found[name].append(perf_counter() - clock)
                found[f"{name} cpu"].append(process_time() - processor)
    return found


def sounds(reference: Run, ours: Run, feed: dict) -> dict[str, float]:
    """Return how far ours is from the reference, and how far two runs of the reference are from each other."""
    audio, pitch, source = reference(feed)
    audio_again, _, source_again = reference(feed)
    our_audio, our_pitch, our_source = ours(feed)
    if our_audio.shape != audio.shape:
        return {"samples": audio.size, "our samples": our_audio.size}
    return {
        "audio (dB)": log_mel_distance(audio, our_audio),
        "audio, twice onnxruntime (dB)": log_mel_distance(audio, audio_again),
        "source (dB)": log_mel_distance(source, our_source),
        "source, twice onnxruntime (dB)": log_mel_distance(source, source_again),
        "pitch (Hz)": float(np.abs(pitch - our_pitch).max()),
    }


def alone(folder: Path, variant: str, threads: int, tokens: int, rounds: int) -> dict:
    """Load, speak once, then texts of changing length over and over; return seconds and megabytes."""
    begin = perf_counter()
    run = runner(folder, variant, threads)
    loaded = perf_counter() - begin
    run(inputs(tokens))
    first = perf_counter() - begin
    resident = [memory("VmRSS")]
    seconds = []
    for _ in range(max(2, rounds)):
        seconds.append([_seconds(run, inputs(length)) for length in LENGTHS])
        resident.append(memory("VmRSS"))
    new, known = zip(*((one[0], median(one[1:])) for one in zip(*seconds, strict=True)), strict=True)
    return {
        "load (s)": loaded,
        "load and speak (s)": first,
        "new length / known length": sum(new) / sum(known),
        "peak (MB)": memory("VmHWM"),
        "resident after each pass (MB)": resident,
    }


def runner(folder: Path, variant: str, threads: int) -> Run:
    """Return a function that runs one side."""
    if variant == "onnxruntime":
        session = threads_session(folder / ORIGINAL, threads)
        return lambda feed: session.run(None, feed)
    from lowered import compiled

    model = compiled(folder / WITHOUT_LOOP, variant, threads)
    request = model.create_infer_request()

    def run(feed: dict) -> list:
        results = request.infer(feed)
        return [np.array(results[output]) for output in model.outputs]

    return run


def memory(field: str) -> int:
    """Return megabytes of this process: VmRSS for now, VmHWM for the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 // MEGABYTE for line in lines if line.startswith(field))


def _seconds(run: Run, feed: dict) -> float:
    begin = perf_counter()
    run(feed)
    return perf_counter() - begin


if __name__ == "__main__":
    what, folder, variant, *numbers = sys.argv[1:]
    answer = {"compare": compare, "alone": alone}[what](Path(folder), variant, *map(int, numbers))
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)  # the answer is there; the libraries' threads need no goodbye
