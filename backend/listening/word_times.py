"""Compare the times of words with those at which a listener heard them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core_engine.kokoro.speech.timings import TimedPassage
from listening.listener import HeardWord
from listening.word_errors import agreeing, words_of


@dataclass(frozen=True)
class TimeErrors:
    """How much earlier each word was heard than it is said to start; words that were misheard are left out."""

    words: int
    """Number of words of the text."""
    differences_ms: tuple[float, ...]

    @property
    def bias_ms(self) -> float:
        """The median: positive if the listener hears words earlier."""
        return float(np.median(self.differences_ms))

    @property
    def median_ms(self) -> float:
        """The median of the distances."""
        return float(np.median(np.abs(self.differences_ms)))

    @property
    def most_ms(self) -> float:
        """What 95 % of the distances are at most."""
        return float(np.percentile(np.abs(self.differences_ms), 95))

    def __str__(self) -> str:
        """Return a readable line."""
        return (
            f"{len(self.differences_ms)} of {self.words} words: median {self.median_ms:.0f} ms, 95 % within "
            f"{self.most_ms:.0f} ms, bias {self.bias_ms:+.0f} ms"
        )


def time_errors(told: Sequence[TimedPassage], heard: Sequence[HeardWord]) -> TimeErrors:
    """Compare the starts of the words that agree."""
    pairs = agreeing([_plain(word.text) for word in told], [_plain(word.text) for word in heard])
    differences = tuple(1000 * (told[i].start - heard[j].start) for i, j in pairs)
    return TimeErrors(len(told), differences)


def together(each: Iterable[TimeErrors]) -> TimeErrors:
    """Combine the errors of several texts."""
    parts = list(each)
    differences = tuple(difference for part in parts for difference in part.differences_ms)
    return TimeErrors(sum(part.words for part in parts), differences)


def _plain(word: str) -> str:
    return " ".join(words_of(word))
