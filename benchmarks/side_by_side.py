"""Timing two things fairly on a noisy machine: in turn, A B A B, and the medians compared."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    """From its start to its end."""
    cpu_s: float
    """Processor time of all its threads: steadier than seconds on a machine that others use."""
    peak_mb: float
    """The most memory that it had resident."""


def alternate_processes(*commands: Sequence[str | Path], rounds: int, warm_up: bool = True) -> list[Cost]:
    """Return the median cost of each command over `rounds` rounds; the first round is not counted if `warm_up`."""
    costs: list[list[Cost]] = [[] for _ in commands]
    for number in range(rounds + warm_up):
        for command, spent in zip(commands, costs, strict=True):
            cost = cost_of(command)
            if number >= warm_up:
                spent.append(cost)
    return [
        Cost(*(median(each) for each in zip(*((c.seconds, c.cpu_s, c.peak_mb) for c in spent), strict=True)))
        for spent in costs
    ]


def cost_of(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and return what it took; raises CalledProcessError with what it said if it failed.

    Python may keep what it compiles, as for users: if a shell forbids that, only what pip installed starts fast.
    """
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})}
    begin = perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables
    ) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), said)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
