"""What `say` does with a text: speech, and a file of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_engine.audio_utils import encode_wav, normalize_audio, write_wav_bytes
from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.model.inference import Audio
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.reading.aloud import read_as_written, spoken_text
from core_engine.reading.lexicon import Lexicon
from storyflow.stories.pauses import Part

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivery:
    """How `say` speaks."""

    voice: str
    speed: float
    as_written: bool
    lexicon: Lexicon


def speak_parts(kokoro: Kokoro, parts: Sequence[Part], how: Delivery) -> Speech:
    """Speak parts of a text with silence between them, written forms in words unless they are to stay.

    Raises as `Kokoro.speak`; NothingToSpeakError if no part has anything to speak.
    """
    if not any(part.text for part in parts):
        raise NothingToSpeakError("The text has nothing to speak. It needs at least one word or number.")
    audio: list[Audio] = []
    spoken: list[Speech] = []
    for part in parts:
        if part.text:
            words = _spoken(kokoro, part.text, how)
            spoken.append(kokoro.speak(words, how.voice, how.speed, lexicon=how.lexicon))
            audio.append(spoken[-1].audio)
        audio.append(np.zeros(round((part.pause or 0) * SAMPLE_RATE), np.float32))
    return Speech(np.concatenate(audio), SAMPLE_RATE, spoken[0].voice, sum(speech.chunks for speech in spoken))


def _spoken(kokoro: Kokoro, text: str, how: Delivery) -> str:
    if how.as_written:
        return read_as_written(text, how.lexicon).text
    return spoken_text(text, kokoro.language(how.voice).code, how.lexicon)


@dataclass(frozen=True)
class SavedSpeech:
    """A written WAV."""

    duration: float
    """Seconds."""
    size: int
    """Bytes."""


def save_speech(speech: Speech, path: Path) -> SavedSpeech:
    """Write speech to a WAV with its peak at -1 dB; raises AudioWriteError if the disk fails."""
    wav = encode_wav(normalize_audio(speech.audio), speech.sample_rate)
    write_wav_bytes(wav, path)
    logger.info("Wrote '%s': %d samples in %d chunks by %s", path, len(speech.audio), speech.chunks, speech.voice)
    return SavedSpeech(len(speech.audio) / speech.sample_rate, len(wav))
