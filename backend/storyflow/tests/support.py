"""The command as its users run it: in this process, which takes less time, or in a process of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from storyflow.__main__ import main

AT_LAST_S = 180.0
"""What a test waits for where only a fault keeps the event away; on a busy machine a server takes a minute to start."""


def storyflow(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run `storyflow` in this process and return how it ended and what it printed.

    `process_of` is for what a process has of its own: its start, signals, terminals, limits, the log.
    """
    streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for name in ("stdout", "stderr")}
    with pytest.MonkeyPatch.context() as patch, _environment(env):
        patch.setattr(sys, "argv", ["storyflow", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8"))
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        if cwd is not None:
            patch.chdir(cwd)
        with pytest.raises(SystemExit) as end:
            main()
    stdout, stderr = (stream.buffer.getvalue().decode() for stream in streams.values())
    return subprocess.CompletedProcess(arguments, end.value.code or 0, stdout, stderr)  # type: ignore[arg-type]


def process_of(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `storyflow` in a process of its own and return how it ended and what it printed."""
    command = [sys.executable, "-m", "storyflow", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def children_of(process: int) -> list[int]:
    """Return the processes that `process` has started (Linux)."""
    listed = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for path in listed for child in path.read_text().split()]


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def _environment(variables: Mapping[str, str] | None) -> Iterator[None]:
    """Replace the environment of this process for a while; None leaves it."""
    before = dict(os.environ)
    if variables is not None:
        os.environ.clear()
        os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
