"""A whole recording heard in pieces: what was said, how surely, and the pieces themselves for a second hearing."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engines.contract.errors import RequestError
from engines.stt.whisper.hearing import LONGEST_S, SAMPLE_RATE, Decoded, Listener
from engines.stt.whisper.languages import whisper_language
from engines.stt.whisper.pieces import cut_at_pauses, is_silent

if TYPE_CHECKING:
    from engines.stt.whisper.hearing import Samples

SHORTEST_CUT_S = 4.0  # a piece this short has no more words than fit, so it is not cut again
# Whisper's own thresholds (whisper/transcribe.py): more repetition than this is a loop, less speech is likely none, and
# below this mean log-probability it is worth another try.
LOOP_RATIO = 2.4
NO_SPEECH = 0.6
DOUBTFUL = -1.0
# Fewer than the library's six tries: at most three times as long, and the client waits two minutes.
TEMPERATURES = (0.0, 0.4, 0.8)


@dataclass(frozen=True)
class Manner:
    """How to listen."""

    language: str | None
    """Whisper's code; None to detect it in each part."""
    prompt: str = ""
    """What was said before, or words to expect."""
    temperatures: tuple[float, ...] = TEMPERATURES
    """Of the tries, until one is good enough."""


@dataclass(frozen=True)
class Part:
    """A part of a recording that Whisper can hear at once."""

    samples: "Samples"
    """(n,) float32 at SAMPLE_RATE."""
    start_s: float
    """Where it begins in the recording, in seconds."""


@dataclass(frozen=True)
class Piece:
    """What was said in half a minute at most."""

    decoded: Decoded
    language: str
    """Whisper's code."""
    states: Any
    """What the model made of the sound, for a second hearing."""
    start_s: float = 0.0
    """Where it begins in the recording, in seconds."""
    temperature: float = 0.0
    """Of the try that was good enough."""

    @property
    def text(self) -> str:
        """What was said."""
        return self.decoded.text


@dataclass(frozen=True)
class Transcription:
    """What was said in a recording, as far as it was heard."""

    pieces: tuple[Piece, ...]
    language: str
    """Whisper's code; empty if there was nothing to hear."""
    duration_s: float

    @property
    def text(self) -> str:
        """What was said: the pieces, with a space between them."""
        return " ".join(piece.text for piece in self.pieces)

    @property
    def confidence(self) -> float:
        """How surely, 0 to 1: the mean over the pieces by their tokens."""
        weights = [len(piece.decoded.tokens) + 1 for piece in self.pieces]
        sure = sum(_confidence(piece.decoded) * weight for piece, weight in zip(self.pieces, weights, strict=True))
        return sure / sum(weights) if weights else 0.0


def transcribe(listener: Listener, samples: "Samples", language: str) -> Transcription:
    """Return what is said in `samples`, (n,) float32 at SAMPLE_RATE, in `language`, a code of any application.

    A language that Whisper does not know is detected. Raises RequestError for another language than English if the
    model knows no other.
    """
    manner = Manner(known_language(listener, language))
    pieces = tuple(piece for part in parts_of(samples) for piece in heard_in(listener, part, manner))
    return Transcription(pieces, pieces[0].language if pieces else manner.language or "", len(samples) / SAMPLE_RATE)


def known_language(listener: Listener, language: str) -> str | None:
    """Return Whisper's code for that of any application; None, which is to detect it, for one that it does not know.

    Raises RequestError for another language than English if the model knows no other.
    """
    code = whisper_language(language, listener.languages)
    if code is None and list(listener.languages) == ["en"]:
        if not language.strip():
            return "en"
        raise RequestError(f"This model knows only English, not '{language[:20]}'. Load one without '.en' in its name.")
    return code


def parts_of(samples: "Samples") -> Iterator[Part]:
    """Yield the parts of `samples`, (n,) float32 at SAMPLE_RATE, in which there is something to hear."""
    yield from _parts(Part(samples, 0.0), LONGEST_S)


def heard_in(listener: Listener, part: Part, manner: Manner) -> list[Piece]:
    """Return what is said in a part of at most LONGEST_S; one with more words than the model can say is halved."""
    states = listener.listened(part.samples)
    code = manner.language or listener.language_of(states)
    decoded, temperature = _decoded(listener, states, code, manner)
    is_full = len(decoded.tokens) >= listener.most_tokens
    if is_full and not is_loop(decoded) and len(part.samples) > SHORTEST_CUT_S * SAMPLE_RATE:
        halves = _parts(part, 0.7 * len(part.samples) / SAMPLE_RATE)
        return [piece for half in halves for piece in heard_in(listener, half, manner)]
    is_made_up = decoded.no_speech > NO_SPEECH and decoded.mean_log_probability < DOUBTFUL
    return [] if is_made_up or not decoded.text else [Piece(decoded, code, states, part.start_s, temperature)]


def is_loop(decoded: Decoded) -> bool:
    """Return whether the text repeats itself more than speech does."""
    return compression_ratio(decoded.text) > LOOP_RATIO


def compression_ratio(text: str) -> float:
    """Return how many times shorter a text becomes when it is compressed."""
    content = text.encode()
    return len(content) / len(zlib.compress(content))


def _parts(part: Part, longest_s: float) -> Iterator[Part]:
    """Yield the parts of a part, cut at pauses, in which there is something to hear."""
    start = 0
    for samples in cut_at_pauses(part.samples, SAMPLE_RATE, longest_s):
        if not is_silent(samples):
            yield Part(samples, part.start_s + start / SAMPLE_RATE)
        start += len(samples)


def _decoded(listener: Listener, states: Any, language: str, manner: Manner) -> tuple[Decoded, float]:
    """Return the first try that is neither a loop nor doubtful, or the last, and its temperature.

    Doubtful silence is not tried again.
    """
    for temperature in manner.temperatures:
        decoded = listener.decoded(states, language, temperature, manner.prompt)
        doubtful = decoded.mean_log_probability < DOUBTFUL and decoded.no_speech <= NO_SPEECH
        if not doubtful and not is_loop(decoded):
            break
    return decoded, temperature


def _confidence(decoded: Decoded) -> float:
    """Return the mean probability (geometric) of the tokens, less if Whisper says that it may have made them up."""
    if is_loop(decoded):
        return 0.0
    doubt = decoded.no_speech if decoded.no_speech > NO_SPEECH else 0.0
    return float(math.exp(min(0.0, decoded.mean_log_probability)) * (1.0 - doubt))
