"""Speak requests on the engine's worker, one run of the model at a time, and pass the audio on as it is made.

Between two runs of one client the worker does the runs of the others, so that a long text does not make everybody
wait. At most one run is done ahead of what was sent: a client that reads slowly or goes away stops its own work.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from functools import partial

from starlette.concurrency import run_in_threadpool

from core_engine.kokoro.errors import KokoroError, SynthesisError
from core_engine.kokoro.model.inference import Audio, Sound
from core_engine.kokoro.speech.joints import GrowingJoin
from core_engine.kokoro.speech.streaming import Step, StreamLevel
from core_engine.kokoro.speech.synthesis import Kokoro, Speech, Utterance
from core_engine.reading.aloud import Reading
from engines.contract.errors import BusyError, RequestError

MOST_STREAMS = 16
"""Requests that wait for the model at the same time; more are refused for the moment."""

Submit = Callable[[Callable[[], Sound]], "Future[Sound]"]
"""Queues a run of the model on the worker."""


class Stage:
    """The requests that are being spoken."""

    def __init__(self, submit: Submit) -> None:
        self._submit = submit
        self._speaking = 0

    async def pieces(self, steps: Iterator[Step], speed: float) -> AsyncGenerator[Audio, None]:
        """Yield the audio of `steps`, float32, with its peak at -1 dB at most.

        Raises BusyError if too many requests are being spoken, RequestError if the text or the voice cannot be, and
        what the model raises.
        """
        waiting: Future[Sound] | None = None
        self._enter()
        try:
            joint, level = GrowingJoin(speed), StreamLevel()
            step = await _next(steps)
            while step is not None:
                waiting = waiting or self._submit(step.run)
                sound = await asyncio.wrap_future(waiting)
                following = await _next(steps)
                waiting = self._submit(following.run) if following else None
                with self._waiting_for_its_client():
                    yield level.applied(joint.add(step.chunk, sound))
                step = following
            yield level.applied(joint.end())
        finally:
            self._speaking -= 1
            if waiting is not None:
                waiting.cancel()

    async def whole(self, kokoro: Kokoro, reading: Reading, voice: str, speed: float) -> Speech:
        """Return the speech for all of a text; raises as `pieces` does."""
        self._enter()
        waiting: Future[Sound] | None = None
        try:
            utterance = await _prepared(kokoro, reading.text, voice, speed)
            sounds = []
            for chunk in utterance.chunks:
                waiting = self._submit(partial(kokoro.run, utterance, chunk))
                sounds.append(await asyncio.wrap_future(waiting))
            return await run_in_threadpool(kokoro.joined, utterance, sounds)
        finally:
            self._speaking -= 1
            if waiting is not None:
                waiting.cancel()

    @contextlib.contextmanager
    def _waiting_for_its_client(self) -> Iterator[None]:
        """Leave the place to others while the client has not taken what is ready: it may be a player, far behind."""
        self._speaking -= 1
        try:
            yield
        finally:
            self._speaking += 1

    def _enter(self) -> None:
        if self._speaking >= MOST_STREAMS:
            raise BusyError(f"The server is speaking {MOST_STREAMS} texts. Retry in a moment.")
        self._speaking += 1


async def _prepared(kokoro: Kokoro, text: str, voice: str, speed: float) -> Utterance:
    try:
        return await run_in_threadpool(kokoro.prepare, text, voice, speed)
    except KokoroError as error:
        raise RequestError(str(error)) from error


async def _next(steps: Iterator[Step]) -> Step | None:
    """Return the next step, prepared on a thread; raise RequestError for a text or voice that cannot be spoken."""
    try:
        return await run_in_threadpool(next, steps, None)
    except SynthesisError:
        raise
    except KokoroError as error:
        raise RequestError(str(error)) from error
