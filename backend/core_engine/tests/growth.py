"""Measure how the run time of a function grows with its input, as a ratio that does not depend on the machine."""

import time
from collections.abc import Callable

LINEAR = 9.0
"""Four times the input takes four times as long if linear, sixteen times if quadratic."""


def growth(function: Callable[[str], object], text: str, length: int) -> float:
    """Return how many times longer `function` takes for `text` repeated to 4 × `length` characters than to `length`."""
    return _seconds(function, text, 4 * length) / _seconds(function, text, length)


def _seconds(function: Callable[[str], object], text: str, length: int) -> float:
    flood = (text * (length // len(text) + 1))[:length]
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        function(flood)
        best = min(best, time.process_time() - start)
    return best + 1e-3  # below a millisecond, clock noise dominates
