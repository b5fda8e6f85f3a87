"""The driver's side of a cluster: hands out batches, collects the answers, and gives what is lost or late to others.

One thread does all that, so that stories are planned and written meanwhile. Nothing here writes a file: the answers go
to the narrations of their stories, which publish them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import Empty
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from core_engine.kokoro.errors import PhonemizerError, SynthesisError
from storyflow.cluster.backlog import Backlog, Item, Job, batch_tokens, whole_batch
from storyflow.cluster.crew import Crew, first_line, reason_of
from storyflow.cluster.errors import ClusterError
from storyflow.cluster.parcel import Parcel
from storyflow.cluster.speaker import Answers, Request, Speaker
from storyflow.cluster.stations import Batch, Engaged, NodeReport, Placement, reports
from storyflow.narration.planning import PlannedSegment
from storyflow.narration.spoken import Answer, Answered, Spoken, silence_of

logger = logging.getLogger(__name__)

_TICK_S = 0.1
_LOOK_EVERY_S = 0.5
_TOGETHER = 64
"""Segments that are published together at most."""
_MAX_UNWRITTEN = 256 << 20
"""Bytes of WAVs that may wait to be written; until then nothing new is handed out."""
_LATE = 1.5
"""A batch is late when an idle speaker would have needed this many times less for it."""
_LATE_S = 1.0
"""The same in seconds, while no pace is known, and at least."""
_MAX_COPIES = 3
"""Speakers that may have the same batch."""
_TRIES = 3
"""Speakers that try a segment whose speaking failed, in case it is the fault of a node."""
_DEADLY = 8
"""Deaths of a speaker after which a segment counts as one that cannot be spoken."""


@dataclass(frozen=True)
class _Call:
    """A batch that a speaker has."""

    speaker: Engaged
    batch: Batch
    items: Sequence[Item]
    """Those that were open when it was sent."""


class Dispatcher:
    """Speaks stories on a cluster. `speak` may be called by several threads, one per story."""

    def __init__(
        self,
        run: str,
        parcel: Parcel,
        model: Path,
        placement: Placement | None = None,
        *,
        actor: type[Any] = Speaker,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        """Prepare to speak with the model `parcel`, whose ONNX file is `model`; Ray must be connected.

        `say` is called with what the user should know about the nodes.
        """
        self._crew = Crew(run, parcel, model, placement or Placement(), actor, self._take_back, say)
        self._backlog = Backlog()
        self._calls: dict[Any, _Call] = {}
        self._jobs: list[Job] = []
        self._numbers = count()
        self._arrivals = threading.Condition()
        self._new: list[tuple[Job, list[Item]]] = []
        self._failure: ClusterError | None = None
        self._closing = False
        self._look_at = 0.0
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def speak(self, planned: Iterable[PlannedSegment]) -> Iterator[Answered]:
        """Yield segments with their audio as they arrive; see `narration.spoken.Speakers`.

        Raises ClusterError if no node can speak or the cluster is gone.
        """
        job, items = Job(next(self._numbers)), []
        for each in planned:
            if each.is_break:
                yield [(each, silence_of(each))]
            else:
                items.append(Item(each, job))
        self._add(job, items)
        left = len(items)
        try:
            while left:
                answered = _arrived(job)
                yield answered
                job.written += _bytes_of(answered)
                left -= len(answered)
        finally:
            job.is_over = True

    @property
    def places(self) -> str:
        """Where it speaks, for people."""
        nodes = {speaker.station.node_id for speaker in self._crew.ready}
        return f"on {len(nodes)} node{'' if len(nodes) == 1 else 's'}"

    @property
    def nodes(self) -> list[NodeReport]:
        """What each node has done so far."""
        return reports(self._crew.stations)

    def close(self) -> None:
        """End the speakers; stories that are not finished get a ClusterError."""
        with self._arrivals:
            self._closing = True
            self._arrivals.notify()
        self._thread.join()

    def _add(self, job: Job, items: list[Item]) -> None:
        with self._arrivals:
            if self._failure:
                raise self._failure
            self._new.append((job, items))
            self._arrivals.notify()

    def _run(self) -> None:
        failure = ClusterError("The narration was ended before the cluster had spoken everything.")
        try:
            while not self._closing:
                self._turn()
        except ClusterError as error:
            failure = error
        except Exception as error:  # whatever it is, the stories must not wait for ever
            logger.debug("The dispatcher failed", exc_info=True)
            failure = ClusterError(
                f"The cluster cannot go on: {first_line(error)}. What was published is kept: run the command again."
            )
        self._fail(failure)
        try:
            self._crew.dismiss()
        except Exception:
            logger.debug("The speakers could not be ended", exc_info=True)

    def _fail(self, failure: ClusterError) -> None:
        with self._arrivals:
            self._failure = failure
            self._jobs += [job for job, _ in self._new]
        for job in self._jobs:
            job.arrived.put(failure)

    def _turn(self) -> None:
        self._take_in()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
            self._crew.look_around(
                len(self._backlog) + sum(len(call.batch.open_items) for call in self._calls.values())
            )
        self._hand_out()
        self._receive()

    def _take_in(self) -> None:
        with self._arrivals:
            new, self._new = self._new, []
        if new:
            self._look_at = 0.0
        self._jobs = [job for job in self._jobs if not job.is_over]
        for job, items in new:
            self._jobs.append(job)
            self._backlog.add(items)

    def _hand_out(self) -> None:
        """Give every speaker a batch, and another one to go on with as long as there is plenty."""
        if sum(job.sent - job.written for job in self._jobs) > _MAX_UNWRITTEN:
            return
        ready = self._crew.ready
        for ahead in (0, 1):
            for speaker in ready:
                if len(speaker.batches) == ahead and len(self._backlog):
                    self._give_next(speaker, len(ready), only_whole=bool(ahead))
        for speaker in ready:
            if not speaker.batches and not len(self._backlog):
                self._give_late(speaker)

    def _give_next(self, speaker: Engaged, speakers: int, only_whole: bool) -> None:
        whole = whole_batch(speaker.pace)
        tokens = batch_tokens(self._backlog.tokens, speakers, whole)
        if only_whole and tokens < whole:
            return
        items = self._backlog.take(tokens)
        if items:
            self._send(speaker, Batch(items, time.monotonic()))

    def _give_late(self, speaker: Engaged) -> None:
        """Give an idle speaker the batch that others have had for too long; the first answer counts."""
        now = time.monotonic()
        running = {id(call.batch): call.batch for call in self._calls.values()}.values()
        late = [batch for batch in running if batch.speakers < _MAX_COPIES and _is_late(batch, speaker.pace, now)]
        if late:
            oldest = min(late, key=lambda batch: (batch.speakers, batch.began))
            oldest.began = now  # so that the next copy waits as long again
            self._send(speaker, oldest)

    def _send(self, speaker: Engaged, batch: Batch) -> None:
        items = batch.open_items
        requests = [Request(item.planned.reading, item.planned.line) for item in items]
        reference = speaker.handle.speak.options(name=f"speak {len(items)} segments").remote(requests)
        batch.speakers += 1
        speaker.batches.append(batch)
        self._calls[reference] = _Call(speaker, batch, items)

    def _receive(self) -> None:
        waiting = [*self._crew.pending, *self._calls]
        if not waiting:
            with self._arrivals:
                self._arrivals.wait_for(lambda: self._closing or self._new, timeout=_TICK_S)
            return
        done, others = ray.wait(waiting, num_returns=1, timeout=_TICK_S)
        if done and others:
            done += ray.wait(others, num_returns=len(others), timeout=0)[0]
        for reference in done:
            call = self._calls.get(reference)
            if call is None:
                self._crew.advance(reference)
            else:
                self._collect(reference, call)

    def _collect(self, reference: Any, call: _Call) -> None:
        try:
            answers: Answers = ray.get(reference)
        except RayTaskError as error:  # speaking raises no error of a segment, so this is the node's
            self._crew.refuse(call.speaker.station, reason_of(error))
            return
        except RayError as error:
            self._blame(call.speaker)
            self._crew.lose(call.speaker, error)
            return
        del self._calls[reference]
        call.speaker.batches.remove(call.batch)
        call.batch.speakers -= 1
        call.speaker.note_pace(sum(item.tokens for item in call.items), answers.busy_s)
        call.speaker.station.busy_s += answers.busy_s
        self._deliver(zip(call.items, answers.answers, strict=True), call.speaker)

    def _deliver(self, answered: Iterable[tuple[Item, Answer]], speaker: Engaged | None = None) -> None:
        """Send answers to their stories, unless another speaker was first or should try, too."""
        by_job: dict[Job, list[tuple[PlannedSegment, Answer]]] = {}
        for item, answer in answered:
            if not item.is_open:
                continue
            if speaker and _may_be_the_nodes_fault(item, answer):
                self._backlog.add([item])
                continue
            item.is_done = True
            by_job.setdefault(item.job, []).append((item.planned, answer))
            if speaker and isinstance(answer, Spoken):
                speaker.station.segments += 1
                speaker.station.audio_s += answer.duration
        for job, answers in by_job.items():
            job.sent += _bytes_of(answers)
            job.arrived.put(answers)

    def _blame(self, speaker: Engaged) -> None:
        """Take note of the segments that a speaker was speaking when it died."""
        if not speaker.batches:
            return
        items = speaker.batches[0].open_items
        for item in items:
            item.deaths += 1
        if len(items) == 1 and items[0].deaths >= _DEADLY:
            reason = f"{_DEADLY} speakers of the cluster died while they spoke it. Is there enough memory on the nodes?"
            self._deliver([(items[0], SynthesisError(reason))])

    def _take_back(self, speaker: Engaged) -> None:
        """Put what a lost speaker had, and no other one has, back into the backlog."""
        for reference in [reference for reference, call in self._calls.items() if call.speaker is speaker]:
            del self._calls[reference]
        for batch in speaker.batches:
            batch.speakers -= 1
            if not batch.speakers:
                self._backlog.add(batch.items)
        speaker.batches.clear()


def _is_late(batch: Batch, pace: float | None, now: float) -> bool:
    tokens = sum(item.tokens for item in batch.open_items)
    would_take = tokens / pace if pace else 0.0
    return bool(tokens) and now - batch.began > max(_LATE_S, _LATE * would_take)


def _may_be_the_nodes_fault(item: Item, answer: Answer) -> bool:
    if not isinstance(answer, (SynthesisError, PhonemizerError)):
        return False
    item.failures.append(answer)
    return len(item.failures) < _TRIES


def _arrived(job: Job) -> list[tuple[PlannedSegment, Answer]]:
    """Wait for answers of a job; return all that are there, up to a limit."""
    answered: list[tuple[PlannedSegment, Answer]] = []
    try:
        while len(answered) < _TOGETHER:
            more = job.arrived.get(block=not answered)
            if isinstance(more, Exception):
                if answered:  # those first
                    job.arrived.put(more)
                    break
                raise more
            answered += more
    except Empty:
        pass
    return answered


def _bytes_of(answered: Answered) -> int:
    return sum(len(answer.wav) for _, answer in answered if isinstance(answer, Spoken))
