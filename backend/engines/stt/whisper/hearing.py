"""What a speech recogniser is asked for, whichever library runs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]
    Floats = npt.NDArray[np.floating[Any]]

SAMPLE_RATE = 16_000
"""Hz, of every Whisper model."""
LONGEST_S = 30.0
"""Seconds that every Whisper model hears at once."""


@dataclass(frozen=True)
class Decoded:
    """What was said in half a minute at most."""

    text: str
    tokens: tuple[int, ...]
    """The tokens of the text, without special ones."""
    mean_log_probability: float
    """Natural logarithm, per token."""
    no_speech: float
    """Probability that nothing was said, 0 to 1."""
    following: "Floats"
    """(tokens or more, vocabulary): log-probabilities of every token at each place, up to a constant per place."""

    def difference(self, place: int, token: int) -> float:
        """Return how much more probable `token` is at a place than the one that is there: a log-probability."""
        return float(self.following[place, token] - self.following[place, self.tokens[place]])


@dataclass(frozen=True)
class HeardWord:
    """A word with the marks that belong to it, and when it is said."""

    text: str
    """As decoded, with the space before it."""
    start: float
    """Seconds from the beginning of what was heard."""
    end: float
    tokens: tuple[int, ...]


class Listener(Protocol):
    """A loaded model; of one thread. `states` are what `listened` returned."""

    @property
    def languages(self) -> Sequence[str]:
        """Whisper's codes."""

    @property
    def most_tokens(self) -> int:
        """Tokens that it can say of one recording."""

    def listened(self, samples: "Samples") -> Any:
        """Run the encoder on (n,) float32 at SAMPLE_RATE, at most LONGEST_S."""

    def language_of(self, states: Any) -> str:
        """Return the most probable language."""

    def decoded(self, states: Any, language: str, temperature: float, prompt: str = "") -> Decoded:
        """Return what is said: the most probable tokens, or at a temperature above 0 a random choice.

        `prompt` is what was said before, or words to expect.
        """

    def timed_words(self, states: Any, language: str, tokens: Sequence[int]) -> list[HeardWord]:
        """Return the words of the decoded `tokens` with their times; a mark may be a word of its own."""

    def log_probabilities(self, states: Any, language: str, texts: Sequence[str]) -> list[float]:
        """Return for each text the log-probability that it is said: the sum over its tokens."""

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of a text."""

    def word_of(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
