"""How far a narration has come: a bar with the time left on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from storyflow.stories.story import Segment

_LINE_EVERY_S = 5.0

Step = Callable[[Segment, Path | None], None]
"""Called after each segment with the WAV that was made for it; None where none had to be, or could be."""
Say = Callable[[str], None]


@contextlib.contextmanager
def shown(segments: Sequence[Segment], quiet: bool = False) -> Iterator[Step]:
    """Yield what to call after each segment. Everything goes to stderr, since stdout is for results."""
    if quiet:
        yield _nothing
    elif sys.stderr.isatty():
        with _bar(segments) as step:
            yield step
    else:
        yield _lines(segments)


@contextlib.contextmanager
def _bar(segments: Sequence[Segment]) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Narrating"), BarColumn(), TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, MofNCompleteColumn(), console=Console(stderr=True), transient=True) as progress:
        # Counted in characters: the time left is wrong by far when a long paragraph counts like a short one.
        task = progress.add_task("", total=sum(len(segment.text) for segment in segments))
        first = _first_named(lambda line: progress.console.print(line, markup=False, highlight=False, soft_wrap=True))

        def step(segment: Segment, wav: Path | None) -> None:
            first(wav)
            progress.advance(task, len(segment.text))

        yield step


def _nothing(_segment: Segment, _wav: Path | None) -> None:
    pass


def _first_named(say: Say) -> Callable[[Path | None], None]:
    """Return what names the first WAV that is made, so that one can listen while the others are."""
    named = False

    def step(wav: Path | None) -> None:
        nonlocal named
        if wav and not named:
            named = True
            say(f"The first WAV is there, listen while the others are made: {wav}")

    return step


def _lines(segments: Sequence[Segment]) -> Step:
    done = 0
    said = time.monotonic()
    first = _first_named(lambda line: click.echo(line, err=True))

    def step(_segment: Segment, wav: Path | None) -> None:
        nonlocal done, said
        first(wav)
        done += 1
        if time.monotonic() - said >= _LINE_EVERY_S:
            said = time.monotonic()
            click.echo(f"Narrated {done} of {len(segments)} segments", err=True)

    return step
