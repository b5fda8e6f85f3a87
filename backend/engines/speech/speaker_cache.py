"""What a model has learned of its speakers, kept for the next text and learned anew when a sample changes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from engines.store.file_state import state_of

Learned = TypeVar("Learned")

CAPACITY = 8  # speakers; a chapter has fewer, and each may hold memory of the GPU


class SpeakerCache(Generic[Learned]):
    """The last speakers that were used; of one thread."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._learned: OrderedDict[Hashable, Learned] = OrderedDict()

    def get(
        self, samples: Sequence[Path], learn: Callable[[Sequence[Path]], Learned], settings: Hashable = None
    ) -> Learned:
        """Return what `learn` makes of `samples`; call it only if they, or `settings`, are new or have changed.

        Raises OSError for a sample that is gone. What `learn` raises is not remembered.
        """
        key = (settings, tuple((sample, state_of(sample)) for sample in samples))
        if key not in self._learned:
            self._learned[key] = learn(samples)
        self._learned.move_to_end(key)
        while len(self._learned) > self._capacity:
            self._learned.popitem(last=False)
        return self._learned[key]

    def clear(self) -> None:
        """Forget all, as when the model is unloaded."""
        self._learned.clear()

    def __len__(self) -> int:
        return len(self._learned)
