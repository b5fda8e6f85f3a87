"""Is it small and fast? Size, loading, real-time factor on one core, and growth with the length."""

import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime
from sentences import HARVARD
from speakers import inputs, session_of

from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.vocabulary import token_ids

_LONG, _SHORT = 480, 60
_ROUNDS = 7


def cost(model: Path) -> dict[str, float]:
    """Return megabytes with the pack, seconds to load, real-time factor, and that of a long over a short text."""
    pack = model.with_name("voices.npz")
    ids = token_ids(phonemize(" ".join(HARVARD)))
    session = session_of(str(model))
    short, long = (_real_time_factor(session, ids[:count]) for count in (_SHORT, _LONG))
    return {
        "megabytes": (model.stat().st_size + pack.stat().st_size) / 1e6,
        "load_s": _load_seconds(model, pack),
        "real_time_factor": long,
        "long_over_short": long / short,
    }


def _load_seconds(model: Path, pack: Path) -> float:
    times = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        session_of(str(model))
        with np.load(pack) as voices:
            voices["af_bella"]
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _real_time_factor(session: onnxruntime.InferenceSession, ids: list[int]) -> float:
    """Return processor seconds per second of sound; the least of several, since others share the machine."""
    times, length = [], 0
    for _ in range(_ROUNDS):
        begin = time.process_time()
        length = len(session.run(None, inputs(ids, "af_bella"))[0])
        times.append(time.process_time() - begin)
    return min(times) / (length / SAMPLE_RATE)
