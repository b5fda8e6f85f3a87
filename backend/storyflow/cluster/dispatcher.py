"""The driver's side of a cluster: one thread that hands out batches, collects the answers and looks after the nodes.

So stories are planned and written meanwhile. Nothing here writes a file: the answers go to the narrations of their
stories, which publish them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from storyflow.cluster.assignments import Assignments
from storyflow.cluster.backlog import Item
from storyflow.cluster.crew import Crew
from storyflow.cluster.errors import ClusterError, first_line, reason_of
from storyflow.cluster.job import Job
from storyflow.cluster.parcel import Parcel
from storyflow.cluster.speaker import Answers, Request, Speaker
from storyflow.cluster.stations import Engaged, NodeReport, Placement, reports
from storyflow.narration.planning import PlannedSegment
from storyflow.narration.spoken import Answered, silence_of

logger = logging.getLogger(__name__)

_TICK_S = 0.1
_LOOK_EVERY_S = 0.5
_MAX_UNWRITTEN = 256 << 20
"""Bytes of WAVs that may wait to be written; until then nothing new is handed out."""


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
        self._assignments = Assignments(_send)
        self._crew = Crew(run, parcel, model, placement or Placement(), actor, self._assignments.take_back, say)
        self._jobs: list[Job] = []
        self._numbers = count()
        self._look_at = 0.0
        self._changed = threading.Condition()
        """Guards the next three, by which other threads reach the dispatcher's."""
        self._new: list[tuple[Job, list[Item]]] = []
        self._failure: ClusterError | None = None
        self._closing = False
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
                answered = job.take()
                yield answered
                job.note_written(answered)
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
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _add(self, job: Job, items: list[Item]) -> None:
        with self._changed:
            if self._failure:
                raise self._failure
            self._new.append((job, items))
            self._changed.notify()

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
        with self._changed:
            self._failure = failure
            self._jobs += [job for job, _ in self._new]
        for job in self._jobs:
            job.fail(failure)

    def _turn(self) -> None:
        self._take_in()
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
            self._crew.look_around(self._assignments.open_segments)
        if sum(job.unwritten for job in self._jobs) <= _MAX_UNWRITTEN:
            self._assignments.hand_out(self._crew.ready, time.monotonic())
        self._receive()

    def _take_in(self) -> None:
        """Take the stories that came since the last turn."""
        with self._changed:
            new, self._new = self._new, []
        if new:
            self._look_at = 0.0
        self._jobs = [job for job in self._jobs if not job.is_over]
        for job, items in new:
            self._jobs.append(job)
            self._assignments.add(items)

    def _receive(self) -> None:
        """Wait for something to arrive, a moment at most."""
        waiting = [*self._crew.pending, *self._assignments.references]
        if not waiting:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._new, timeout=_TICK_S)
            return
        done, others = ray.wait(waiting, num_returns=1, timeout=_TICK_S)
        if done and others:
            done += ray.wait(others, num_returns=len(others), timeout=0)[0]
        for reference in done:
            if speaker := self._assignments.speaker_of(reference):
                self._collect(reference, speaker)
            else:
                self._crew.advance(reference)

    def _collect(self, reference: Any, speaker: Engaged) -> None:
        try:
            answers: Answers = ray.get(reference)
        except RayTaskError as error:  # speaking raises no error of a segment, so this is the node's
            self._crew.refuse(speaker.station, reason_of(error))
        except RayError as error:
            self._assignments.blame(speaker)
            self._crew.lose(speaker, error)
        else:
            self._assignments.collect(reference, answers.answers, answers.busy_s)


def _send(speaker: Engaged, items: Sequence[Item]) -> Any:
    requests = [Request(item.planned.reading, item.planned.line) for item in items]
    # The name is what Ray's dashboard shows.
    return speaker.handle.speak.options(name=f"speak {len(items)} segments").remote(requests)
