"""The exception of the cluster, and what Ray's errors say in a line."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ray.exceptions import RayTaskError


class ClusterError(RuntimeError):
    """The cluster cannot narrate; the message says why and what to do."""


def reason_of(error: "RayTaskError") -> str:
    """Return the message of the error that a speaker raised."""
    cause = getattr(error, "cause", None)
    return str(cause) if isinstance(cause, Exception) and str(cause) else last_line(error)


def first_line(error: Exception) -> str:
    """Return the first line of an error of Ray."""
    return str(error).strip().partition("\n")[0]


def last_line(error: Exception) -> str:
    """Return the last line of an error of Ray, where its cause stands."""
    return str(error).strip().rpartition("\n")[2].strip()
