"""A spoken text as training data: token ids, and the start and end of every segment."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from builtin_voice.inventory import LENGTHENING, PRIMARY_STRESS, SECONDARY_STRESS, SILENCE, lengthened, unit_of
from builtin_voice.teacher import Event, Speech
from core_engine.kokoro.vocabulary import token_ids

_MARKS = PRIMARY_STRESS + SECONDARY_STRESS + LENGTHENING
_PUNCTUATION = ",;:.!?"
_QUIET = 1.5 / 32768
"""espeak's closures and pauses are exact zeros, up to rounding."""

_SHORTEST_CLOSURE_S = 0.003
_SHORTEST_PHONE_S = 0.01
_KEPT_SHARE = 0.6


@dataclass(frozen=True)
class Sound:
    """A segment: a phone or a pause."""

    symbols: str
    closure: int
    """First sample of the silence before it; equal to `start` if there is none."""
    start: int
    end: int


@dataclass(frozen=True)
class Lesson:
    """A text spoken by espeak."""

    ids: list[int]
    """Token ids without pads, as for the model."""
    sounds: list[Sound]
    """One per segment, without the pads at both ends."""
    audio: npt.NDArray[np.float32]
    sample_rate: int


def lesson(text: str, speech: Speech) -> Lesson | None:
    """Align `speech` with the symbols of the vocabulary; None if espeak's phones and timings disagree.

    espeak reports a phone when its sound starts, so the closure of a stop comes before its event and is cut off the
    previous phone. A pause is an event without a name at the end of a clause.
    """
    symbols, sounds = "", list[Sound]()
    punctuation = iter([mark for mark in text if mark in _PUNCTUATION])
    clauses = iter(speech.phonemes)
    left = ""
    for event, end in _phones(speech.events, len(speech.audio)):
        if event.name:
            left = left or next(clauses, "")
            space = " " if left.startswith(" ") else ""
            left = left.lstrip(" ")
            if not left.startswith(event.name):
                return None
            left = left[len(event.name) :]
            symbols += space + event.name
            sounds += _parts(event.name, event.sample, end)
        else:
            mark = next(punctuation, ".")
            symbols += mark + " "
            sounds.append(Sound(mark, event.sample, event.sample, end))
    whole = _with_closures(_without_swallowed(sounds, speech.sample_rate), speech)
    return Lesson(token_ids(symbols.strip()), whole, speech.audio, speech.sample_rate)


def _phones(events: tuple[Event, ...], end_of_audio: int) -> Iterator[tuple[Event, int]]:
    """Yield every phone and pause with the sample where the next one starts."""
    kept = list[Event]()
    for event, following in zip(events, (*events[1:], Event("", end_of_audio, is_end=True)), strict=True):
        is_pause = not event.name and not event.is_end and not following.name
        if event.name or (is_pause and kept and kept[-1].name):
            kept.append(event)
    ends = [event.sample for event in kept[1:]] + [end_of_audio]
    yield from zip(kept, ends, strict=True)


def _parts(name: str, start: int, end: int) -> list[Sound]:
    """Split one of espeak's phones into segments: a diphthong or an affricate is two or three."""
    pieces = list[str]()
    stress = ""
    for symbol in name:
        if symbol in PRIMARY_STRESS + SECONDARY_STRESS:
            stress = symbol
        elif symbol in LENGTHENING and pieces:
            pieces[-1] += symbol
        elif unit_of(symbol):
            pieces.append(stress + symbol)
            stress = ""
    shares = np.array([1.5 if piece[-1] in LENGTHENING else 1.0 for piece in pieces])
    edges = np.round(start + (end - start) * np.concatenate([[0], np.cumsum(shares) / max(shares.sum(), 1)]))
    return [
        Sound(piece, int(here), int(here), int(there))
        for piece, here, there in zip(pieces, edges[:-1], edges[1:], strict=True)
    ]


def _without_swallowed(sounds: list[Sound], sample_rate: int) -> list[Sound]:
    """Give a phone that espeak times as part of the previous one (the l of "tell") the last part of their time."""
    result = list[Sound]()
    for sound in sounds:
        if result and sound.end - sound.start < _SHORTEST_PHONE_S * sample_rate and unit_name(sound) != SILENCE:
            before = result.pop()
            joint = round(before.start + _KEPT_SHARE * (sound.end - before.start))
            result.append(Sound(before.symbols, before.closure, before.start, joint))
            sound = Sound(sound.symbols, joint, joint, sound.end)
        result.append(sound)
    return result


def _with_closures(sounds: list[Sound], speech: Speech) -> list[Sound]:
    """Move the silence at the end of a phone to the next segment."""
    cut = list[Sound]()
    silence_from = 0
    for number, sound in enumerate(sounds):
        closure = silence_from if number and silence_from < sound.start else sound.start
        end = sound.end
        if sound.symbols not in _PUNCTUATION:
            loud = np.flatnonzero(np.abs(speech.audio[sound.start : sound.end]) > _QUIET)
            quiet_from = sound.start + int(loud[-1]) + 1 if len(loud) else sound.end
            end = quiet_from if sound.end - quiet_from > _SHORTEST_CLOSURE_S * speech.sample_rate else sound.end
        silence_from = end
        cut.append(Sound(sound.symbols, closure, sound.start, end))
    return cut


def unit_name(sound: Sound) -> str:
    """Return the unit that speaks `sound`."""
    plain = [symbol for symbol in sound.symbols if symbol not in _MARKS]
    unit = unit_of(plain[0]) or SILENCE
    return lengthened(unit) if sound.symbols[-1] in LENGTHENING else unit
