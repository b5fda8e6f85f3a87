"""A story as the cluster sees it: its answers on their way from the dispatcher to the narration that writes them."""

from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from storyflow.narration.planning import PlannedSegment
from storyflow.narration.spoken import Answer, Answered, Spoken

_TOGETHER = 64
"""Segments that are published together at most."""


@dataclass(eq=False)
class Job:
    """The segments of one story that are to be spoken. The dispatcher delivers, the story's own thread takes."""

    number: int
    """Stories with lower numbers come first."""
    is_over: bool = False
    """Whether nobody waits for answers any more."""
    _arrived: SimpleQueue[Answered | Exception] = field(default_factory=SimpleQueue)
    _sent: int = 0
    _written: int = 0

    @property
    def unwritten(self) -> int:
        """Bytes of WAVs that were delivered and are not written yet."""
        return self._sent - self._written

    def deliver(self, answered: Answered) -> None:
        """Send answers to the story."""
        self._sent += _bytes_of(answered)
        self._arrived.put(answered)

    def fail(self, error: Exception) -> None:
        """Tell the story that no more answers will come."""
        self._arrived.put(error)

    def take(self) -> Answered:
        """Wait for answers and return all that are there, up to a limit; raise the error after which none will come."""
        answered: list[tuple[PlannedSegment, Answer]] = []
        try:
            while len(answered) < _TOGETHER:
                more = self._arrived.get(block=not answered)
                if isinstance(more, Exception):
                    if answered:  # those first
                        self._arrived.put(more)
                        break
                    raise more
                answered += more
        except Empty:
            pass
        return answered

    def note_written(self, answered: Answered) -> None:
        """Take note that answers are on the disk."""
        self._written += _bytes_of(answered)


def _bytes_of(answered: Answered) -> int:
    return sum(len(answer.wav) for _, answer in answered if isinstance(answer, Spoken))
