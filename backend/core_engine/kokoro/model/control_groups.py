"""Limits that the control groups of this process set, as containers have them, in both versions of control groups."""

from collections.abc import Callable, Iterator
from pathlib import Path

_PROC = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")

Read = Callable[[Path], float | None]
"""Reads a limit from a group's folder; None if it has none."""


def limits(controller: str, read_v2: Read, read_v1: Read) -> Iterator[float]:
    """Yield the limits of this process's control group and of all its parents; none where there are no such groups.

    `controller` is its name in version 1, such as `cpu`. What cannot be read is skipped.
    """
    try:
        memberships = _PROC.read_text(errors="replace").splitlines()
    except OSError:
        return
    for line in memberships:
        _, _, membership = line.partition(":")
        controllers, _, group = membership.partition(":")
        if not controllers:
            yield from _along(_MOUNT, group, read_v2)
        elif controller in controllers.split(","):
            yield from _along(_MOUNT / controllers, group, read_v1)
            yield from _along(_MOUNT / controller, group, read_v1)


def _along(mount: Path, group: str, read: Read) -> Iterator[float]:
    own = mount / group.lstrip("/")
    for folder in (own, *own.parents):
        try:
            limit = read(folder)
        except (OSError, ValueError, ArithmeticError):
            limit = None  # a container's group is often not visible under its own path
        if limit is not None:
            yield limit
        if folder == mount:
            return
