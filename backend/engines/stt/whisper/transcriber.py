"""A whole recording heard in pieces: what was said, how surely, and the pieces themselves for a second hearing."""

import math
import zlib
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
class Piece:
    """What was said in half a minute at most."""

    decoded: Decoded
    language: str
    """Whisper's code."""
    states: Any
    """What the model made of the sound, for a second hearing."""

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
    code = _code(listener, language)
    pieces = tuple(
        piece
        for part in cut_at_pauses(samples, SAMPLE_RATE, LONGEST_S)
        if not is_silent(part)
        for piece in _pieces(listener, part, code)
    )
    return Transcription(pieces, pieces[0].language if pieces else code or "", len(samples) / SAMPLE_RATE)


def is_loop(decoded: Decoded) -> bool:
    """Return whether the text repeats itself more than speech does."""
    content = decoded.text.encode()
    return len(content) / len(zlib.compress(content)) > LOOP_RATIO


def _code(listener: Listener, language: str) -> str | None:
    code = whisper_language(language, listener.languages)
    if code is None and list(listener.languages) == ["en"]:
        raise RequestError(f"This model knows only English, not '{language[:20]}'. Load one without '.en' in its name.")
    return code


def _pieces(listener: Listener, part: "Samples", language: str | None) -> list[Piece]:
    """Return what is said in a part of at most LONGEST_S; one with more words than the model can say is halved."""
    states = listener.listened(part)
    code = language or listener.language_of(states)
    decoded = _decoded(listener, states, code)
    is_full = len(decoded.tokens) >= listener.most_tokens
    if is_full and not is_loop(decoded) and len(part) > SHORTEST_CUT_S * SAMPLE_RATE:
        halves = cut_at_pauses(part, SAMPLE_RATE, 0.7 * len(part) / SAMPLE_RATE)
        return [piece for half in halves for piece in _pieces(listener, half, language)]
    is_made_up = decoded.no_speech > NO_SPEECH and decoded.mean_log_probability < DOUBTFUL
    return [] if is_made_up or not decoded.text else [Piece(decoded, code, states)]


def _decoded(listener: Listener, states: Any, language: str) -> Decoded:
    """Return the first try that is neither a loop nor doubtful, or the last; doubtful silence is not tried again."""
    for temperature in TEMPERATURES:
        decoded = listener.decoded(states, language, temperature)
        doubtful = decoded.mean_log_probability < DOUBTFUL and decoded.no_speech <= NO_SPEECH
        if not doubtful and not is_loop(decoded):
            break
    return decoded


def _confidence(decoded: Decoded) -> float:
    """Return the mean probability (geometric) of the tokens, less if Whisper says that it may have made them up."""
    if is_loop(decoded):
        return 0.0
    doubt = decoded.no_speech if decoded.no_speech > NO_SPEECH else 0.0
    return float(math.exp(min(0.0, decoded.mean_log_probability)) * (1.0 - doubt))
