"""The command as its users run it."""

import subprocess
import sys
from typing import Any


def storyflow(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `storyflow` and return how it ended and what it printed."""
    command = [sys.executable, "-m", "storyflow", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
