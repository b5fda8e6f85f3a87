"""A cache of what a model has learned from speaker samples, for as long as the samples do not change."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from engines.store.file_state import state_of

Learned = TypeVar("Learned")

CAPACITY = 8  # speakers; a chapter has fewer, and each may use GPU memory


class SpeakerCache(Generic[Learned]):
    """The most recently used speakers; not thread-safe."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._learned: OrderedDict[Hashable, Learned] = OrderedDict()

    def get(
        self, samples: Sequence[Path], learn: Callable[[Sequence[Path]], Learned], settings: Hashable = None
    ) -> Learned:
        """Return the result of `learn` for `samples`; call it only if they or `settings` are new or have changed.

        Raises OSError if a sample is missing. Errors of `learn` are not cached.
        """
        key = (settings, tuple((sample, state_of(sample)) for sample in samples))
        if key not in self._learned:
            self._learned[key] = learn(samples)
        self._learned.move_to_end(key)
        while len(self._learned) > self._capacity:
            self._learned.popitem(last=False)
        return self._learned[key]

    def clear(self) -> None:
        """Remove all speakers, for example when the model is unloaded."""
        self._learned.clear()

    def __len__(self) -> int:
        return len(self._learned)
