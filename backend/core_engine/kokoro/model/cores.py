"""The number of cores this process may use: limited by the machine, its affinity, or the container's CPU quota."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

_PROC = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def allowed_cores() -> int:
    """Return the number of threads that can run at once, at least 1.

    A process pinned to one core, or a container with `--cpus 2` on a 64-core machine, gets slower with more threads.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        cores = os.cpu_count() or 1
    quota = min(_quotas(), default=math.inf)
    return max(1, min(cores, math.ceil(quota))) if math.isfinite(quota) else cores


def _quotas() -> Iterator[float]:
    """Yield the CPU quotas, in cores, of this process's control group and of all its parents."""
    try:
        memberships = _PROC.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in memberships:
        _, _, membership = line.partition(":")
        controllers, _, group = membership.partition(":")
        if not controllers:
            yield from _quotas_along(_CGROUPS, group, _read_v2)
        elif "cpu" in controllers.split(","):
            yield from _quotas_along(_CGROUPS / controllers, group, _read_v1)
            yield from _quotas_along(_CGROUPS / "cpu", group, _read_v1)


def _quotas_along(mount: Path, group: str, read: Callable[[Path], float | None]) -> Iterator[float]:
    own = mount / group.lstrip("/")
    for folder in (own, *own.parents):
        try:
            quota = read(folder)
        except (OSError, ValueError, ArithmeticError):
            quota = None  # a container's group is often not visible under its own path
        if quota is not None:
            yield quota
        if folder == mount:
            return


def _read_v2(folder: Path) -> float | None:
    quota, period = (folder / "cpu.max").read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def _read_v1(folder: Path) -> float | None:
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    return None if quota <= 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
