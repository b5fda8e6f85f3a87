"""Narrate stories for the command: one after another on this machine, several at once on a cluster."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.globals import push_context

from storyflow.cluster.errors import ClusterError
from storyflow.commands.exits import EXPECTED, Exit, exit_code_of, interrupts_wait, report_error, sentence_of
from storyflow.commands.manner import Manner

if TYPE_CHECKING:
    from storyflow.cluster.dispatcher import Dispatcher
    from storyflow.narration.loading import LoadedModel
    from storyflow.narration.narration import AfterEach
    from storyflow.narration.spoken import Speakers
    from storyflow.output.playing import Queue
    from storyflow.output.progress import NarrationsShown
    from storyflow.stories.story import Segment, Story

logger = logging.getLogger(__name__)

_STORIES_AT_ONCE = 8
"""On a cluster: while one is finished, others keep all nodes busy."""


@dataclass(frozen=True)
class Wishes:
    """What the user wants of all stories, besides how they are spoken."""

    root: Path
    captions: Sequence[str]
    dialogue: str | None


@dataclass(frozen=True)
class Told:
    """A story that was narrated, or not."""

    document: dict[str, Any]
    """The result for programs."""
    code: Exit
    report: Callable[[], None]
    """Prints the result for people."""


class Narrator:
    """Narrates stories with one model."""

    def __init__(self, manner: Manner, wishes: Wishes, queue: "Queue | None") -> None:
        self._manner, self._wishes, self._queue = manner, wishes, queue
        self._loaded: LoadedModel | None = None
        self._cluster: Dispatcher | None = None
        self._progress: NarrationsShown | None = None

    @property
    def model(self) -> "LoadedModel":
        """The model, loaded when it is first needed."""
        from storyflow.narration.loading import load_model

        self._loaded = self._loaded or load_model(self._manner.model, threads=1)
        return self._loaded

    def on_cluster(self, cluster: "Dispatcher", progress: "NarrationsShown") -> None:
        """Let a cluster speak, and show the progress of all stories together."""
        self._cluster, self._progress = cluster, progress

    def aside(self) -> contextlib.AbstractContextManager[None]:
        """Hide the progress during the block, so that results can be printed."""
        return self._progress.aside() if self._progress else contextlib.nullcontext()

    def attempt_all(self, stories: Sequence[Path], projects: Sequence[str]) -> Iterator[Told]:
        """Narrate several stories and yield the results in order; the failure of one does not stop the others."""
        if self._cluster is None:
            for story, project in zip(stories, projects, strict=True):
                self._head(story)
                yield self._attempt(story, project)
            return
        # The options of the command are looked up in click's context, which each thread has its own of.
        context = click.get_current_context()
        threads = ThreadPoolExecutor(_STORIES_AT_ONCE, "story", initializer=push_context, initargs=(context,))
        try:
            for story, told in zip(stories, threads.map(self._attempt, stories, projects), strict=True):
                with self.aside():
                    self._head(story)
                yield told
        finally:
            self._cluster.close()  # ends what is still running, if there was an error
            threads.shutdown(cancel_futures=True)

    def _head(self, story: Path) -> None:
        if not self._manner.as_json:
            click.echo(f"{story}:")

    def _attempt(self, story: Path, project: str) -> Told:
        try:
            return self.narrate(story, project)
        except ClusterError:  # the others would fail, too
            raise
        except EXPECTED as error:
            logger.debug("The story failed", exc_info=True)
            sentence = sentence_of(error)
            document = {"success": False, "story": str(story), "error": sentence}
            return Told(document, exit_code_of(error), lambda: report_error(sentence))

    def narrate(self, story: Path, project: str) -> Told:
        """Narrate a story; raises the error if that is not possible."""
        with interrupts_wait():
            from engines.store.file_state import sampled_digest
            from storyflow.captions.files import captions_wanted, write_project_captions
            from storyflow.narration.lock import alone_in
            from storyflow.narration.narration import Narration
            from storyflow.narration.planning import Task
            from storyflow.output.narration import narration_document, report_narration
            from storyflow.stories.errors import StoryError
            from storyflow.stories.story import read_story

        text = read_story(story, self._wishes.dialogue)
        manner = self._manner.for_story(story, text.front)
        lexicon = manner.pronunciations()
        mismatch = warn_of_language_in(text, manner)
        root = self._wishes.root
        task = Task(text, story.absolute(), project, root, manner.voice, manner.speed, manner.as_written, lexicon)
        kinds = captions_wanted(task.folder, self._wishes.captions)
        task = replace(task, needs_times=bool(kinds))
        model = self.model.model
        with alone_in(task.folder, lambda: _say_waiting(task.folder)):
            narration = Narration(task, self.model.kokoro, sampled_digest(model.path), self._speakers)
            with self._shown(text.segments) as after_each:
                outcome = narration.run(self._queue.playing(after_each, task) if self._queue else after_each)
            captions = write_project_captions(task.folder, kinds)
        if not outcome.entries and not outcome.errors:
            raise StoryError(f"The story '{story}' has nothing to speak: it has no words or numbers. Write some text.")
        return Told(
            narration_document(story, outcome, text.left_out, model.name, mismatch, captions),
            Exit.FAILED if outcome.errors else Exit.OK,
            lambda: report_narration(outcome, text.left_out, model.name, captions),
        )

    @cached_property
    def _speakers(self) -> "Speakers":
        from core_engine.kokoro.speech.throughput import workers_for
        from storyflow.narration.spoken import speakers_here

        if self._cluster:
            return self._cluster.speak
        return speakers_here(self.model.kokoro, workers_for(self.model.model.path))

    def _shown(self, segments: "Sequence[Segment]") -> "contextlib.AbstractContextManager[AfterEach]":
        from storyflow.output.progress import narration_shown

        if self._progress:
            return contextlib.nullcontext(self._progress.expect(segments))
        return narration_shown(segments, self._manner.as_json)


def warn_of_language_in(story: "Story", manner: Manner) -> Any:
    """Warn once if a voice cannot read the language of a story; return the mismatch."""
    from storyflow.output.narration import warn_of_language

    return warn_of_language(lines_of(story, manner), manner.as_json)


def lines_of(story: "Story", manner: Manner) -> Iterator[tuple[str, str]]:
    """Yield the text of each segment and the voice that speaks it."""
    return ((segment.text, segment.voice or manner.voice) for segment in story.segments)


def _say_waiting(folder: Path) -> None:
    click.echo(f"Another `storyflow narrate` is running in '{folder}'. Waiting for it to finish.", err=True)
