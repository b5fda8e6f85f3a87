"""Who speaks what: batches are handed out, answers collected, and what is lost or late is given to others.

All of these decisions are made here, and none of it knows Ray: speakers are reached through a function.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core_engine.kokoro.errors import PhonemizerError, SynthesisError
from storyflow.cluster.backlog import Backlog, Item, batch_tokens, whole_batch
from storyflow.cluster.job import Job
from storyflow.cluster.stations import Batch, Engaged
from storyflow.narration.planning import PlannedSegment
from storyflow.narration.spoken import Answer, Spoken

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

Send = Callable[[Engaged, Sequence[Item]], Any]
"""Sends segments to a speaker, and returns a reference under which its answers will come."""


@dataclass(frozen=True)
class _Call:
    """A batch that a speaker has."""

    speaker: Engaged
    batch: Batch
    items: Sequence[Item]
    """Those that were open when it was sent."""


class Assignments:
    """The segments that wait and those that speakers have. Not thread-safe."""

    def __init__(self, send: Send) -> None:
        """Begin with nothing to speak."""
        self._send = send
        self._backlog = Backlog()
        self._calls: dict[Any, _Call] = {}

    @property
    def references(self) -> list[Any]:
        """The references of all answers that are still to come."""
        return list(self._calls)

    @property
    def open_segments(self) -> int:
        """How many segments wait or are being spoken; those that several speakers have count as often."""
        return len(self._backlog) + sum(len(call.batch.open_items) for call in self._calls.values())

    def add(self, items: Iterable[Item]) -> None:
        """Let segments wait for a speaker."""
        self._backlog.add(items)

    def hand_out(self, ready: Sequence[Engaged], now: float) -> None:
        """Give every speaker a batch, and another one to go on with as long as there is plenty.

        Those that are idle then, because nothing waits any more, get what others have had for too long. `now` is in
        seconds.
        """
        for ahead in (0, 1):
            for speaker in ready:
                if len(speaker.batches) == ahead and len(self._backlog):
                    self._give_next(speaker, len(ready), now, only_whole=bool(ahead))
        for speaker in ready:
            if not speaker.batches:
                self._give_late(speaker, now)

    def speaker_of(self, reference: Any) -> Engaged | None:
        """Return the speaker whose answers come under a reference; None if they are not wanted any more."""
        call = self._calls.get(reference)
        return call.speaker if call else None

    def collect(self, reference: Any, answers: Sequence[Answer], busy_s: float) -> None:
        """Take the answers of a speaker that worked for `busy_s`; where another one was first, they change nothing."""
        call = self._calls.pop(reference)
        call.speaker.batches.remove(call.batch)
        call.batch.speakers -= 1
        call.speaker.note_pace(sum(item.tokens for item in call.items), busy_s)
        call.speaker.station.busy_s += busy_s
        self._deliver(zip(call.items, answers, strict=True), call.speaker)

    def blame(self, speaker: Engaged) -> None:
        """Take note of the segments that a speaker was speaking when it died."""
        if not speaker.batches:
            return
        items = speaker.batches[0].open_items
        for item in items:
            item.deaths += 1
        if len(items) == 1 and items[0].deaths >= _DEADLY:
            reason = f"{_DEADLY} speakers of the cluster died while they spoke it. Is there enough memory on the nodes?"
            self._deliver([(items[0], SynthesisError(reason))])

    def take_back(self, speaker: Engaged) -> None:
        """Put what a lost speaker had, and no other one has, back into the backlog."""
        for reference in [reference for reference, call in self._calls.items() if call.speaker is speaker]:
            del self._calls[reference]
        for batch in speaker.batches:
            batch.speakers -= 1
            if not batch.speakers:
                self._backlog.add(batch.items)
        speaker.batches.clear()

    def _give_next(self, speaker: Engaged, speakers: int, now: float, only_whole: bool) -> None:
        whole = whole_batch(speaker.pace)
        tokens = batch_tokens(self._backlog.tokens, speakers, whole)
        if only_whole and tokens < whole:
            return
        items = self._backlog.take(tokens)
        if items:
            self._give(speaker, Batch(items, now))

    def _give_late(self, speaker: Engaged, now: float) -> None:
        running = {id(call.batch): call.batch for call in self._calls.values()}.values()
        late = [batch for batch in running if batch.speakers < _MAX_COPIES and _is_late(batch, speaker.pace, now)]
        if late:
            oldest = min(late, key=lambda batch: (batch.speakers, batch.began))
            oldest.began = now  # so that the next copy waits as long again
            self._give(speaker, oldest)

    def _give(self, speaker: Engaged, batch: Batch) -> None:
        items = batch.open_items
        reference = self._send(speaker, items)
        batch.speakers += 1
        speaker.batches.append(batch)
        self._calls[reference] = _Call(speaker, batch, items)

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
            job.deliver(answers)


def _is_late(batch: Batch, pace: float | None, now: float) -> bool:
    tokens = sum(item.tokens for item in batch.open_items)
    would_take = tokens / pace if pace else 0.0
    return bool(tokens) and now - batch.began > max(_LATE_S, _LATE * would_take)


def _may_be_the_nodes_fault(item: Item, answer: Answer) -> bool:
    if not isinstance(answer, (SynthesisError, PhonemizerError)):
        return False
    item.failures.append(answer)
    return len(item.failures) < _TRIES
