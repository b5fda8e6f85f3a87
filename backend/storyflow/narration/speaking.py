"""A loaded model for the commands that speak, and one text spoken into a file."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import click

from core_engine.audio_utils import encode_wav, normalize_audio, write_wav_bytes
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.model_choice import AUTO, Model, choose_model
from core_engine.model_paths import BUILT_IN, RECOMMENDED
from core_engine.places import models_dir
from core_engine.reading.aloud import spoken_text

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to speak."""

    model: Model
    kokoro: Kokoro


def load_model(wanted: str, threads: int | None = None) -> LoadedModel:
    """Load the model that `wanted` means, and say in plain words when the built-in voice stands in for Kokoro.

    `threads` is the number that one run of the model may use; all allowed cores unless given.

    Raises ModelMissingError or ModelFileError.
    """
    model = choose_model(wanted, models_dir())
    if wanted == AUTO and model.name == BUILT_IN:
        click.echo(
            "Kokoro is not installed, so the small built-in voice speaks; "
            f"`storyflow models pull {RECOMMENDED}` gets it.",
            err=True,
        )
    elif wanted == AUTO:
        click.echo(f"The best model installed speaks: {model.name}", err=True)
    begin = time.perf_counter()
    kokoro = Kokoro.load(model.path, threads)
    logger.info("Opened '%s' with %d voices in %.2f s", model.path, len(kokoro.voices), time.perf_counter() - begin)
    return LoadedModel(model, kokoro)


def spoken_by(kokoro: Kokoro, text: str, voice: str) -> str:
    """Return `text` with its written forms in words, in the accent of the voice that will really speak.

    Raises VoicePackError where neither that voice nor the default is installed.
    """
    return spoken_text(text, kokoro.language(voice).code)


@dataclass(frozen=True)
class SavedSpeech:
    """A WAV that was written."""

    duration: float
    """Seconds."""
    size: int
    """Bytes."""


def save_speech(speech: Speech, path: Path) -> SavedSpeech:
    """Write what was said as a WAV with its peak at -1 dB; raises AudioWriteError where the disk refuses."""
    wav = encode_wav(normalize_audio(speech.audio), speech.sample_rate)
    write_wav_bytes(wav, path)
    logger.info("Wrote '%s': %d samples in %d chunks by %s", path, len(speech.audio), speech.chunks, speech.voice)
    return SavedSpeech(len(speech.audio) / speech.sample_rate, len(wav))
