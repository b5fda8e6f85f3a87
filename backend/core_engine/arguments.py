"""Checks of the callers' arguments, before any work is done."""

import logging
import math
import numbers
import os
from pathlib import Path

logger = logging.getLogger(__name__)

MIN_SPEED = 0.5
MAX_SPEED = 2.0


class RefusedArgumentError(ValueError):
    """An invalid argument; the message is shown to the caller as it is."""


def checked_text(text: object) -> str:
    """Return `text` if it is a string that is not blank; raise RefusedArgumentError otherwise."""
    if not isinstance(text, str):
        raise RefusedArgumentError(f"The text must be a string, not {type(text).__name__}.")
    if not text.strip():
        raise RefusedArgumentError("The text is empty. Give some text to speak.")
    return text


def checked_output_path(output_path: object) -> str:
    """Return the path as a string, whether or not the file exists; raise RefusedArgumentError if it is unusable."""
    if output_path is None:
        raise RefusedArgumentError("The output_path is missing. Give the path of a WAV file.")
    if not isinstance(output_path, (str, os.PathLike)) or not isinstance(path := os.fspath(output_path), str):
        raise RefusedArgumentError(f"The output_path must be a str or a path, not {type(output_path).__name__}.")
    if not path.strip() or "\0" in path:
        raise RefusedArgumentError("The output_path is empty or contains a NUL character. Give the path of a WAV file.")
    try:
        is_folder = Path(path).is_dir()
    except OSError as error:  # for example a name too long, or a parent folder without permission
        raise RefusedArgumentError(f"The output_path '{path[:80]}' cannot be used: {error.strerror}.") from error
    if is_folder:
        raise RefusedArgumentError(f"The output_path '{path}' is a folder. Give the path of a WAV file.")
    return path


def checked_speed(speed: object) -> float:
    """Return the speed as a float, clamped to 0.5 to 2.0 with a logged warning.

    Raises RefusedArgumentError for anything but a finite number.
    """
    if isinstance(speed, bool) or not isinstance(speed, numbers.Real):
        kind = type(speed).__name__
        raise RefusedArgumentError(f"The speed must be a number from {MIN_SPEED} to {MAX_SPEED}, not {kind}.")
    value: float = speed if isinstance(speed, int) else float(speed)
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedArgumentError(f"The speed must be a number from {MIN_SPEED} to {MAX_SPEED}, not {value}.")
    # Compared before it is converted: a very large int does not fit into a float.
    clamped = float(min(max(value, MIN_SPEED), MAX_SPEED))
    if clamped != value:
        logger.warning("The speed is outside %s to %s; using %s", MIN_SPEED, MAX_SPEED, clamped)
    return clamped
