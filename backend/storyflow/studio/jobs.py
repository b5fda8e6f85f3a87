"""The work that the page starts: narrations and downloads, one at a time per project, each on a thread of its own.

A job keeps only what no file says: how far it is, and how the last one failed. All else is in the project's folder.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from engines.contract.errors import BusyError, RequestError
from engines.store.file_state import sampled_digest
from storyflow.captions.files import captions_wanted, write_project_captions
from storyflow.narration.lock import alone_now_in, is_narrated
from storyflow.narration.narration import Narration, Outcome, Step
from storyflow.narration.planning import Task
from storyflow.narration.spoken import speakers_here
from storyflow.stories.story import read_story
from storyflow.studio.downloads import current, make
from storyflow.studio.draft import STORY_NAME
from storyflow.studio.engine import Engine, TakingTurns
from storyflow.studio.errors import sentence_of

logger = logging.getLogger(__name__)

MOST_JOBS = 8


class _StoppedError(Exception):
    """The user has stopped the job."""


class _ChangedError(Exception):
    """The story has changed: read it again."""


@dataclass
class Job:
    """Something that is being done to a project."""

    kind: str
    """ "narrating", or the kind of a download."""
    phase: str = "loading"
    """ "loading" (the model) or "working"."""
    done: float = 0
    whole: float = 0
    stop: threading.Event = field(default_factory=threading.Event)
    changed: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise what ends this run, if something does."""
        if self.stop.is_set():
            raise _StoppedError
        if self.changed.is_set():
            raise _ChangedError


class Jobs:
    """The jobs of this server."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine, self._root = engine, root
        self._lock = threading.Lock()
        self._running: dict[str, Job] = {}
        self._failures: dict[str, str] = {}

    def narrate(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        """Narrate what is new or changed; a narration of this server that is running takes up the changes.

        `loop` is where the engine lives. Raises BusyError if the project is being narrated elsewhere.
        """
        with self._lock:
            running = self._running.get(folder.name)
            if running and running.kind == "narrating" and not running.stop.is_set():
                running.changed.set()
                return
        if not running and is_narrated(folder):
            raise BusyError("This story is being narrated by another program. Wait for it, or stop it there.")
        self._start(folder, Job("narrating"), lambda job: self._narrate(folder, job, loop))

    def download(self, folder: Path, kind: str) -> None:
        """Make a file of a finished narration."""

        def report(job: Job, share: float) -> None:
            job.done = share
            job.check()

        job = Job(kind, "working", whole=1)
        self._start(folder, job, lambda job: make(folder, self._root, kind, lambda share: report(job, share)))

    def stop(self, folder: Path) -> None:
        """Stop the job of a project within one run of the model; finished work is kept."""
        with self._lock:
            if job := self._running.get(folder.name):
                job.stop.set()

    def check_idle(self, folder: Path) -> None:
        """Raise RequestError if somebody works on the project."""
        with self._lock:
            is_running = folder.name in self._running
        if is_running or is_narrated(folder):
            raise RequestError("This story is being narrated. Stop that first.")

    def state(self, folder: Path) -> dict[str, object]:
        """Return what happens to a project."""
        with self._lock:
            job, failure = self._running.get(folder.name), self._failures.get(folder.name)
        if job is None:
            state = "elsewhere" if is_narrated(folder) else "idle"
            return {"state": state, "error": failure, "files": current(folder)}
        state = "stopping" if job.stop.is_set() else job.phase
        return {"state": state, "job": job.kind, "done": job.done, "whole": job.whole, "error": None, "files": []}

    def _start(self, folder: Path, job: Job, work: Callable[[Job], str | None]) -> None:
        with self._lock:
            if folder.name in self._running:
                raise BusyError("Something else is being made of this story. Retry in a moment.")
            if len(self._running) >= MOST_JOBS:
                raise BusyError(f"{MOST_JOBS} stories are being worked on. Retry when one is done.")
            self._running[folder.name] = job
            self._failures.pop(folder.name, None)
        threading.Thread(target=self._run, args=(folder.name, job, work), name="studio-job", daemon=True).start()

    def _run(self, name: str, job: Job, work: Callable[[Job], str | None]) -> None:
        """Do the work, again if the story has changed meanwhile."""
        while not self._settled(name, job, _attempt(name, job, work)):
            pass

    def _settled(self, name: str, job: Job, failure: str | None) -> bool:
        """End the job; return False if it has to be done again. From then on a change starts a new one."""
        with self._lock:
            if job.changed.is_set() and not job.stop.is_set():
                job.changed.clear()
                return False
            del self._running[name]
            if failure:
                self._failures[name] = failure
            return True

    def _narrate(self, folder: Path, job: Job, loop: asyncio.AbstractEventLoop) -> str | None:
        """Narrate what is new or changed; return what could not be spoken."""
        model = self._engine.best()
        digest = sampled_digest(self._engine.file(model))
        loading = asyncio.run_coroutine_threadsafe(_awaited(self._engine, model), loop)
        kokoro = TakingTurns.of(loading.result(), self._engine.submit, job.check)
        job.phase = "working"
        return self._told(folder, job, kokoro, digest)

    def _told(self, folder: Path, job: Job, kokoro: Kokoro, digest: str) -> str | None:
        with alone_now_in(folder) as is_alone:
            if not is_alone:
                raise BusyError("This story is being narrated by another program. Wait for it, or stop it there.")
            outcome = self._narration(folder, job, kokoro, digest)
            write_project_captions(folder, captions_wanted(folder, ()))
        if not outcome.entries and not outcome.errors:
            raise RequestError("The story has nothing to speak: it has no words or numbers. Write some text.")
        return _unspoken(outcome)

    def _narration(self, folder: Path, job: Job, kokoro: Kokoro, digest: str) -> Outcome:
        source = folder / STORY_NAME
        story = read_story(source)
        voice, speed = story.front.voice or DEFAULT_VOICE_ID, story.front.speed or 1.0
        job.done, job.whole = 0, len(story.segments)

        def after_each(_step: Step) -> None:
            job.done += 1
            job.check()

        task = Task(story, source, folder.name, self._root, voice, speed, needs_times=True)
        return Narration(task, kokoro, digest, speakers_here(kokoro)).run(after_each)


def _attempt(name: str, job: Job, work: Callable[[Job], str | None]) -> str | None:
    """Do the work once; return what went wrong."""
    try:
        return work(job)
    except (_StoppedError, _ChangedError):
        logger.info("Interrupted: %s of '%s'.", job.kind, name)
        return None
    except Exception as error:
        logger.warning("Failed: %s of '%s': %s", job.kind, name, sentence_of(error))
        logger.debug("The job failed:", exc_info=True)
        return sentence_of(error)


async def _awaited(engine: Engine, model: str) -> Kokoro:
    return await engine.loaded(model)


def _unspoken(outcome: Outcome) -> str | None:
    if not outcome.errors:
        return None
    reason = next(iter(outcome.errors.values()))
    count = len(outcome.errors)
    return f"{count} paragraph{'s' if count > 1 else ''} could not be spoken: {reason}"
