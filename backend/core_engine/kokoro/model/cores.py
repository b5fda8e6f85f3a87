"""The number of cores this process may use: limited by the machine, its affinity, or the container's CPU quota."""

import math
import os
from pathlib import Path

from core_engine.kokoro.model.control_groups import limits


def allowed_cores() -> int:
    """Return the number of threads that can run at once, at least 1.

    A process pinned to one core, or a container with `--cpus 2` on a 64-core machine, gets slower with more threads.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    quota = min(limits("cpu", _read_v2, _read_v1), default=math.inf)
    return max(1, min(cores, math.ceil(quota))) if math.isfinite(quota) else cores


def _read_v2(folder: Path) -> float | None:
    quota, period = (folder / "cpu.max").read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def _read_v1(folder: Path) -> float | None:
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    return None if quota <= 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
