"""Measure how the run time of a function grows with its input, as a ratio that does not depend on the machine."""

import time
from collections.abc import Callable

LINEAR = 9.0
"""Four times the input takes four times as long if linear, sixteen times if quadratic."""


def growth(function: Callable[[str], object], text: str, length: int) -> float:
    """Return how many times longer `function` takes for `text` repeated to 4 × `length` characters than to `length`.

    Only a suspicious ratio is measured again: a busy machine makes a run longer, never shorter.
    """
    short, long = _flood(text, length), _flood(text, 4 * length)
    shortest = min(_seconds(function, short) for _ in range(3))
    longest = _seconds(function, long)
    if longest / shortest >= LINEAR:
        longest = min(longest, *(_seconds(function, long) for _ in range(2)))
    return longest / shortest


def _flood(text: str, length: int) -> str:
    return (text * (length // len(text) + 1))[:length]


def _seconds(function: Callable[[str], object], flood: str) -> float:
    start = time.process_time()
    function(flood)
    return time.process_time() - start + 1e-3  # below a millisecond, clock noise dominates
