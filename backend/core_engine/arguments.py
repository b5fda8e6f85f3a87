"""What callers may hand to the voice, checked before any work is done."""

import logging
import math
import numbers
import os
from pathlib import Path

logger = logging.getLogger(__name__)

MIN_SPEED = 0.5
MAX_SPEED = 2.0


class RefusedArgumentError(ValueError):
    """An argument that no audio can be made from; the message goes to the caller as it is."""


def checked_text(text: object) -> str:
    """Return a text that is not blank; raise RefusedArgumentError for anything else."""
    if not isinstance(text, str):
        raise RefusedArgumentError(f"The text must be a string, not {type(text).__name__}.")
    if not text.strip():
        raise RefusedArgumentError("The text is empty. Give some text to speak.")
    return text


def checked_output_path(output_path: object) -> str:
    """Return the path of a file that may exist or not; raise RefusedArgumentError for what cannot be one."""
    if output_path is None:
        raise RefusedArgumentError("No output_path was given. Say where to save the WAV file.")
    if not isinstance(output_path, (str, os.PathLike)) or not isinstance(path := os.fspath(output_path), str):
        raise RefusedArgumentError(f"The output_path must be a path as text, not {type(output_path).__name__}.")
    if not path.strip() or "\0" in path:
        raise RefusedArgumentError("The output_path is empty or holds a NUL character. Say where to save the WAV file.")
    try:
        is_folder = Path(path).is_dir()
    except OSError as error:  # a name too long, or a folder on the way that is not ours
        raise RefusedArgumentError(f"The output_path '{path[:80]}' cannot be used: {error.strerror}.") from error
    if is_folder:
        raise RefusedArgumentError(f"The output_path '{path}' is a folder. Give the path of a WAV file.")
    return path


def checked_speed(speed: object) -> float:
    """Return a speed within 0.5 to 2.0: a finite number outside is clamped, with a logged warning.

    Raises RefusedArgumentError for what is no finite number.
    """
    if isinstance(speed, bool) or not isinstance(speed, numbers.Real):
        kind = type(speed).__name__
        raise RefusedArgumentError(f"The speed must be a number from {MIN_SPEED} to {MAX_SPEED}, not {kind}.")
    value: float = speed if isinstance(speed, int) else float(speed)
    if isinstance(value, float) and not math.isfinite(value):
        raise RefusedArgumentError(f"The speed must be a number from {MIN_SPEED} to {MAX_SPEED}, not {value}.")
    # Compared before it is converted: a large whole number does not fit into a float.
    clamped = float(min(max(value, MIN_SPEED), MAX_SPEED))
    if clamped != value:
        logger.warning("The speed is outside %s to %s; using %s", MIN_SPEED, MAX_SPEED, clamped)
    return clamped
