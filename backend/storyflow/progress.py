"""How far a narration has come: a bar with the time left on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import click

from storyflow.stories import Segment

_LINE_EVERY_S = 5.0

Step = Callable[[Segment], None]


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
        yield lambda segment: progress.advance(task, len(segment.text))


def _nothing(_segment: Segment) -> None:
    pass


def _lines(segments: Sequence[Segment]) -> Step:
    done = 0
    said = time.monotonic()

    def step(_segment: Segment) -> None:
        nonlocal done, said
        done += 1
        if time.monotonic() - said >= _LINE_EVERY_S:
            said = time.monotonic()
            click.echo(f"Narrated {done} of {len(segments)} segments", err=True)

    return step
