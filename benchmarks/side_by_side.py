"""Timing two things fairly on a noisy machine: in turn, A B A B, and the medians compared."""

from collections.abc import Callable
from statistics import median
from time import perf_counter


def alternate(*sides: Callable[[], object], rounds: int) -> list[float]:
    """Return the median seconds of each side over `rounds` rounds, after one round that is not counted."""
    seconds: list[list[float]] = [[] for _ in sides]
    for counted in range(rounds + 1):
        for side, times in zip(sides, seconds, strict=True):
            begin = perf_counter()
            side()
            if counted:
                times.append(perf_counter() - begin)
    return [median(times) for times in seconds]
