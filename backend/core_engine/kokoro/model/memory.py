"""The memory this process may still take: limited by the machine or by the container."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

from core_engine.kokoro.model.control_groups import limits

_MEMINFO = Path("/proc/meminfo")


def free_memory() -> int | None:
    """Return the bytes that can be taken before the system swaps or kills; None where it does not say, as on macOS.

    Files that are only kept in memory to be read faster count as free.
    """
    free = min((*_of_the_machine(), *limits("memory", _read_v2, _read_v1)), default=math.inf)
    return max(0, int(free)) if math.isfinite(free) else None


def _of_the_machine() -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError, KeyError):
        yield _table(_MEMINFO)["MemAvailable:"] * 1024


def _read_v2(folder: Path) -> float | None:
    limit = (folder / "memory.max").read_text().strip()
    if limit == "max":
        return None
    cached = _table(folder / "memory.stat")["inactive_file"]
    return int(limit) - int((folder / "memory.current").read_text()) + cached


def _read_v1(folder: Path) -> float:
    cached = _table(folder / "memory.stat")["total_inactive_file"]
    used = int((folder / "memory.usage_in_bytes").read_text())
    return int((folder / "memory.limit_in_bytes").read_text()) - used + cached


def _table(path: Path) -> dict[str, int]:
    """Read lines of a name, a number, and perhaps a unit."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1}
