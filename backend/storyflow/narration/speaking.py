"""Load a model for the commands that speak, and save speech to a file."""

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
    """A loaded model."""

    model: Model
    kokoro: Kokoro


def load_model(wanted: str, threads: int | None = None) -> LoadedModel:
    """Load the model `wanted`, and warn if the built-in voice is used instead of Kokoro.

    `threads` is the number of threads of one model run; by default all allowed cores.

    Raises ModelMissingError or ModelFileError.
    """
    model = choose_model(wanted, models_dir())
    if wanted == AUTO and model.name == BUILT_IN:
        click.echo(
            "Kokoro is not installed, so the small built-in voice is used. "
            f"Install Kokoro with: storyflow models pull {RECOMMENDED}",
            err=True,
        )
    elif wanted == AUTO:
        click.echo(f"Using the best installed model: {model.name}", err=True)
    begin = time.perf_counter()
    kokoro = Kokoro.load(model.path, threads)
    logger.info("Opened '%s' with %d voices in %.2f s", model.path, len(kokoro.voices), time.perf_counter() - begin)
    return LoadedModel(model, kokoro)


def spoken_by(kokoro: Kokoro, text: str, voice: str) -> str:
    """Return `text` with its written forms in words, in the accent of the voice that will be used.

    Raises VoicePackError if neither that voice nor the default is installed.
    """
    return spoken_text(text, kokoro.language(voice).code)


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
