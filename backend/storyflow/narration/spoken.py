"""What speaking a segment gives, here or elsewhere: an encoded WAV and the times of its words, ready to be written."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import tee
from typing import Any

import numpy as np

from core_engine.audio_utils import encode_wav, normalize_audio
from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.errors import KokoroError
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.throughput import Line, speak_each
from core_engine.kokoro.speech.timings import timings_of
from core_engine.reading.aloud import Reading
from core_engine.reading.scene_breaks import SCENE_BREAK_S
from core_engine.timings_document import words_document
from storyflow.narration.planning import PlannedSegment


@dataclass(frozen=True)
class Spoken:
    """A segment's audio."""

    wav: bytes
    """A WAV with its peak at -1 dB."""
    duration: float
    """Seconds."""
    voice: str
    """The voice that was used."""
    words: Mapping[str, Any]
    """The times of its words; see `words_document`."""


Answer = Spoken | KokoroError
"""The audio of a segment, or why it could not be spoken."""

Answered = Sequence[tuple[PlannedSegment, Answer]]
"""Segments that are done and can be written together."""

Speakers = Callable[[Iterable[PlannedSegment]], Iterator[Answered]]
"""Speaks planned segments, taken one by one, and yields each of them once, in any order."""


def speakers_here(kokoro: Kokoro, workers: int = 1) -> Speakers:
    """Return speakers that run a model on this machine, in the order of the story, `workers` chunks at once."""

    def speak(planned: Iterable[PlannedSegment]) -> Iterator[Answered]:
        # `ahead` is a few segments ahead of `todo`; `tee` keeps them, so that each text is read once.
        todo, ahead = tee(planned)
        spoken = speak_each(kokoro, (each.line for each in ahead), workers)
        for each, speech in zip(todo, spoken, strict=True):
            yield [(each, silence_of(each) if each.is_break else answer_of(speech, each.reading, each.line))]

    return speak


def answer_of(speech: Speech | KokoroError, reading: Reading, line: Line) -> Answer:
    """Encode the speech for a line; an error stays what it is."""
    return speech if isinstance(speech, KokoroError) else _encoded(speech, reading, line)


def silence_of(scene_break: PlannedSegment) -> Spoken:
    """Return the silence of a scene break."""
    silence = np.zeros(round(SCENE_BREAK_S * SAMPLE_RATE), np.float32)
    speech = Speech(silence, SAMPLE_RATE, scene_break.line.voice, 0)
    return _encoded(speech, scene_break.reading, scene_break.line)


def _encoded(speech: Speech, reading: Reading, line: Line) -> Spoken:
    wav = encode_wav(normalize_audio(speech.audio), speech.sample_rate)
    words = words_document(timings_of(speech, reading, line.lexicon))
    return Spoken(wav, len(speech.audio) / speech.sample_rate, speech.voice, words)
