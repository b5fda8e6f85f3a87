"""Show the progress of long work: a bar with the time left on a terminal, occasional lines elsewhere.

Everything goes to stderr; stdout is for results.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from engines.downloading.staging import Progress
from storyflow.narration.narration import AfterEach, Step
from storyflow.output.tables import size_text, times_real_time
from storyflow.stories.story import Segment

_LINE_EVERY_S = 5.0
_SHOWN = 60
"""Characters of a segment's text."""

Report = Callable[[Progress], None]
"""Called regularly while files are downloaded or copied."""


@dataclass(frozen=True)
class _Display:
    """A place to show progress."""

    move: Callable[[float, float, str], None]
    """Updates the progress: amount done, total, and description."""
    say: Callable[[str], None]
    """Prints a permanent line."""
    note: Callable[[str], None] = lambda _line: None
    """Changes the lines below the bar, if there is one."""
    aside: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    """Hides the progress during a block."""


@contextlib.contextmanager
def narration_shown(segments: Sequence[Segment], quiet: bool = False) -> Iterator[AfterEach]:
    """Yield a callback for each segment: shows how many are done, how fast, and the file to listen to now."""
    with narrations_shown(quiet) as shown:
        yield shown.expect(segments)


@contextlib.contextmanager
def narrations_shown(quiet: bool = False, where: Callable[[], str] | None = None) -> Iterator["NarrationsShown"]:
    """Yield the progress of stories that are narrated at once; `where` returns the places that speak now."""
    if quiet:
        yield NarrationsShown(_Display(lambda _done, _total, _said: None, lambda _line: None), where)
        return
    with _shown("Narrating") as display:
        yield NarrationsShown(display, where)


class NarrationsShown:
    """What narrations have done so far."""

    def __init__(self, display: _Display, where: Callable[[], str] | None) -> None:
        self._display, self._where = display, where
        self._turn = threading.Lock()
        # Counted in characters: segments differ too much in length to estimate the time left.
        self._segments = self._characters = 0
        self._number = self._done = 0
        self._audio_s = 0.0
        self._began = time.monotonic()

    def aside(self) -> contextlib.AbstractContextManager[None]:
        """Hide the progress during the block, so that results can be printed."""
        return self._display.aside()

    def expect(self, segments: Sequence[Segment]) -> AfterEach:
        """Add the segments of a story; return the callback for them."""
        with self._turn:
            self._segments += len(segments)
            self._characters += sum(len(segment.text) for segment in segments)
        return self.after

    def after(self, step: Step) -> None:
        """Show that a segment is done."""
        with self._turn:
            self._number, self._done = self._number + 1, self._done + len(step.segment.text)
            if step.new_s and step.wav:
                self._say_new(step, step.wav)
            said = f"{self._number} of {self._segments} segments"
            if self._audio_s:
                said += f", {times_real_time(self._audio_s / max(time.monotonic() - self._began, 1e-3))}"
            if self._where:
                said += f", {self._where()}"
            self._display.move(self._done, self._characters, said)

    def _say_new(self, step: Step, wav: Path) -> None:
        if not self._audio_s:
            self._display.say(f"The first WAV is ready to play: {wav}")
        self._audio_s += step.new_s
        text = step.segment.text
        words = text if len(text) <= _SHOWN else f"{text[:_SHOWN].rstrip()}…"
        self._display.note(f"{words}\nListen now: {wav}")


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
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    below = Text()

    class BarWithLines(Bar):
        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            if below:
                yield below

    def note(lines: str) -> None:
        below.plain = lines

    @contextlib.contextmanager
    def aside() -> Iterator[None]:
        bar.stop()
        try:
            yield
        finally:
            bar.start()

    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
    with BarWithLines(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield _Display(
            lambda done, total, said: bar.update(task, completed=done, total=total, description=said),
            lambda line: bar.console.print(line, markup=False, highlight=False, soft_wrap=True),
            note,
            aside,
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
