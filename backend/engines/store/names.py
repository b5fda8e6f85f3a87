"""The one grammar of names that become parts of a path: models, samples, projects and segments.

A name is one path component on every operating system: it can neither leave its folder nor mean a device.
"""

import re
from pathlib import Path

MAX_LENGTH = 128
_GRAMMAR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))]
)


class InvalidNameError(ValueError):
    """A name that may not become a part of a path."""


class OutsideRootError(ValueError):
    """A path that resolves to somewhere outside the folder it must stay in."""


def is_name(value: object) -> bool:
    """Tell whether `value` is a valid name: 1 to 128 letters, digits, `.`, `_` and `-` of ASCII.

    It does not begin with a dot or hyphen, does not end with a dot, and is no device name of Windows.
    """
    return (
        isinstance(value, str)
        and len(value) <= MAX_LENGTH
        and _GRAMMAR.fullmatch(value) is not None
        and not value.endswith(".")
        and value.split(".")[0].lower() not in _DEVICES
    )


def checked_name(value: object, kind: str) -> str:
    """Return `value` as a valid name; raise InvalidNameError, which names its `kind`, for anything else."""
    if not isinstance(value, str) or not is_name(value):
        raise InvalidNameError(
            f"Invalid {kind}: {_shown(value)}. Use 1 to {MAX_LENGTH} letters, digits, '.', '_' or '-', beginning with "
            f"a letter, a digit or '_', and no name that Windows keeps for a device."
        )
    return value


def path_inside(root: Path, *parts: str) -> Path:
    """Return `root` joined with `parts`; raise OutsideRootError where links lead it out of `root`, or nowhere."""
    path = root.joinpath(*parts)
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, names too long, NUL
        raise OutsideRootError(f"'{path}' leads nowhere: {error}.") from error
    if not inside:
        raise OutsideRootError(f"'{path}' leads outside '{root}'.")
    return path


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__}"
    return repr(value if len(value) <= MAX_LENGTH else f"{value[:40]}…")
