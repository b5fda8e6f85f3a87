"""The rules for names that become parts of a path: models, samples, projects and segments.

A name is one path component on every operating system: it can neither leave its folder nor be a device.
"""

import re
from pathlib import Path

MAX_LENGTH = 128
_GRAMMAR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))]
)


class InvalidNameError(ValueError):
    """The name cannot be part of a path."""


class OutsideRootError(ValueError):
    """The path resolves to a place outside the folder it must stay in."""


def is_name(value: object) -> bool:
    """Return whether `value` is a valid name: 1 to 128 ASCII letters, digits, `.`, `_` and `-`.

    It must not start with a dot or hyphen, end with a dot, or be a Windows device name.
    """
    return (
        isinstance(value, str)
        and len(value) <= MAX_LENGTH
        and _GRAMMAR.fullmatch(value) is not None
        and not value.endswith(".")
        and value.split(".")[0].lower() not in _DEVICES
    )


def checked_name(value: object, kind: str) -> str:
    """Return `value` if it is a valid name; raise InvalidNameError, which mentions its `kind`, otherwise."""
    if not isinstance(value, str) or not is_name(value):
        raise InvalidNameError(
            f"Invalid {kind}: {_shown(value)}. Use 1 to {MAX_LENGTH} letters, digits, '.', '_' or '-', starting with "
            f"a letter, a digit or '_', and not a Windows device name."
        )
    return value


def path_inside(root: Path, *parts: str) -> Path:
    """Return `root` joined with `parts`; raise OutsideRootError if links lead outside `root` or nowhere."""
    path = root.joinpath(*parts)
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # symlink loops, too long names, NUL
        raise OutsideRootError(f"'{path}' cannot be resolved: {error}.") from error
    if not inside:
        raise OutsideRootError(f"'{path}' leads outside '{root}'.")
    return path


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__}"
    return repr(value if len(value) <= MAX_LENGTH else f"{value[:40]}…")
