"""Show the progress of long work: a bar with the time left on a terminal, occasional lines elsewhere.

Everything goes to stderr; stdout is for results.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from engines.downloading.staging import Progress
from storyflow.output.tables import size_text
from storyflow.stories.story import Segment

_LINE_EVERY_S = 5.0

Step = Callable[[Segment, Path | None], None]
"""Called after each segment with its new WAV; None if it was kept, skipped or failed."""
Report = Callable[[Progress], None]
"""Called regularly while files are downloaded or copied."""


@dataclass(frozen=True)
class _Display:
    """A place to show progress."""

    move: Callable[[float, float, str], None]
    """Updates the progress: amount done, total, and description."""
    say: Callable[[str], None]
    """Prints a permanent line."""


@contextlib.contextmanager
def narration_shown(segments: Sequence[Segment], quiet: bool = False) -> Iterator[Step]:
    """Yield a callback for each segment; it prints the first WAV's path, so that one can start to listen."""
    if quiet:
        yield lambda _segment, _wav: None
        return
    # Counted in characters: segments differ too much in length to estimate the time left.
    characters = sum(len(segment.text) for segment in segments)
    done = number = 0
    named = False
    with _shown("Narrating") as display:

        def step(segment: Segment, wav: Path | None) -> None:
            nonlocal done, number, named
            done, number = done + len(segment.text), number + 1
            if wav and not named:
                named = True
                display.say(f"The first WAV is ready to play: {wav}")
            display.move(done, characters, f"{number} of {len(segments)} segments")

        yield step


@contextlib.contextmanager
def transfer_shown(what: str, quiet: bool = False) -> Iterator[Report]:
    """Yield a callback for a download or a copy, which shows the speed too."""
    if quiet:
        yield lambda _progress: None
        return
    began, before = time.monotonic(), None
    with _shown(what) as display:

        def report(at: Progress) -> None:
            nonlocal began, before
            if before is None:
                began, before = time.monotonic(), at.done  # excludes what an earlier attempt downloaded
            speed = (at.done - before) / max(time.monotonic() - began, 1e-3)
            said = f"{at.file}, {size_text(at.done)} of {size_text(at.total)}, {size_text(speed)}/s"
            display.move(at.done, at.total, said)

        yield report


@contextlib.contextmanager
def export_shown(quiet: bool = False) -> Iterator[Callable[[float, float], None]]:
    """Yield a callback for the seconds of audio done and in all."""
    if quiet:
        yield lambda _done, _all: None
        return
    with _shown("Exporting") as display:
        yield lambda done, all_s: display.move(done, all_s, "measuring" if done <= all_s / 2 else "writing")


@contextlib.contextmanager
def _shown(what: str) -> Iterator[_Display]:
    if not sys.stderr.isatty():
        yield _Display(_lines(what), lambda line: click.echo(line, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield _Display(
            lambda done, total, said: bar.update(task, completed=done, total=total, description=said),
            lambda line: bar.console.print(line, markup=False, highlight=False, soft_wrap=True),
        )


def _lines(what: str) -> Callable[[float, float, str], None]:
    began = printed = time.monotonic()
    first: float | None = None

    def move(done: float, total: float, said: str) -> None:
        nonlocal began, printed, first
        now = time.monotonic()
        if first is None:
            began, first = now, done
        if now - printed < _LINE_EVERY_S:
            return
        printed = now
        speed = max(1.0, (done - first) / max(now - began, 1e-3))
        click.echo(f"{what}: {said}, {(total - done) / speed:.0f} s left", err=True)

    return move
