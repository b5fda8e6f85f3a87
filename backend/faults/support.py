"""Helpers to run speaking processes and to check the files they leave."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BACKEND = Path(__file__).resolve().parent.parent

SHORT = "The lamp is lit."
LONG = "The keeper lit the lamp at a quarter past six, and the ship turned slowly away from the rocks. " * 6


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that speaks with the built-in voice."""
    voice = {"STORYFLOW_TTS_MODEL": "default", "DJANGO_SETTINGS_MODULE": "storyflow_backend.settings"}
    return {**os.environ, **voice, "PYTHONPATH": str(BACKEND), **more}


def run_module(name: str, *arguments: object, timeout_s: float = 100, **more: str) -> Any:
    """Run `python -m faults.name arguments` and return the JSON of its last line."""
    command = [sys.executable, "-m", f"faults.{name}", *map(str, arguments)]
    done = subprocess.run(command, env=environment(**more), capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def files_in(folder: Path) -> list[str]:
    """Return the names of all files in a folder, including temporary files."""
    return sorted(os.listdir(folder))


def descriptors() -> int:
    """Return the number of open descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_root() -> bool:
    """Return whether this process may mount and create control groups."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextlib.contextmanager
def mounted_tmpfs(folder: Path, size: str) -> Any:
    """Mount a tmpfs of `size` at `folder` temporarily; raise PermissionError if that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        raise PermissionError("mounting is not permitted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
