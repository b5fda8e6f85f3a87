"""Text to speech for Django: the specified functions, a thin layer over `core_engine.kokoro`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from core_engine.arguments import RefusedArgumentError, checked_output_path, checked_speed, checked_text
from core_engine.audio_paths import audio_path, audio_url
from core_engine.audio_utils import get_audio_duration, normalize_audio, save_audio_wav
from core_engine.kokoro.dimensions import MAX_TOKENS
from core_engine.kokoro.errors import KokoroError, TextTooLongError
from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V1_0
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.timings import timings_of
from core_engine.kokoro.speech.versions import version_of_voices
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.vocabulary import padded
from core_engine.kokoro.voice.formats import VoicePack
from core_engine.kokoro.voice.packs import VoiceFile, find_voices, installed_voice, load_voice
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID, VOICES
from core_engine.model_loader import KokoroModelLoader
from core_engine.places import media_root
from core_engine.reading.aloud import read_aloud, respelled
from core_engine.reading.parts import split_text_into_chunks
from core_engine.timings_document import timings_document

__all__ = [
    "DEFAULT_VOICE_ID",
    "VALID_VOICE_IDS",
    "construct_audio_path",
    "construct_audio_url",
    "generate_audio",
    "get_audio_duration",
    "get_voice_embedding",
    "split_text_into_chunks",
    "tokenize_text",
    "validate_voice_id",
]

logger = logging.getLogger(__name__)

VALID_VOICE_IDS = [voice.id for voice in VOICES]

_MODEL_MISSING = "TTS model not available. Please install kokoro-v0_19.onnx."


class _ModelMissingError(Exception):
    """The model file does not exist."""


def generate_audio(
    text: str,
    voice_id: str = DEFAULT_VOICE_ID,
    speed: float = 1.0,
    output_path: str | None = None,
    *,
    as_written: bool = False,
    timings: bool = False,
) -> dict[str, Any]:
    """Generate a WAV file from text; never raises and never leaves a damaged file.

    Args:
        text: text to speak, of any length.
        voice_id: one of the seven voices, or any voice installed next to a v1.0 model; an invalid one falls back to
            the default with a logged warning.
        speed: multiplier, 1.0 is normal; clamped to 0.5 to 2.0.
        output_path: where to save the WAV (16-bit PCM, 24 kHz, mono, peak at -1 dB); an existing file is replaced and
            missing folders are created.
        as_written: leave numbers, dates and other written forms to the model instead of expanding them to words.
        timings: also return when each word, sentence, phoneme and token is spoken.

    Returns:
        `{"success": True, "audio_path": str, "duration": seconds, "sample_rate": Hz, "voice_id": the voice used,
        "chunks": runs of the model}`, or `{"success": False, "error": what happened and what to do}`. If the model is
        missing, `"help"` says where it belongs and how to get it. The result can be serialised as JSON.

        With `timings`, a success also has `"timings"`: `{"estimated": whether the model did not tell the durations,
        "words": [{"text", "start", "end", "from", "to"}, …], "sentences": the same, "phonemes": [{"text", "start",
        "end"}, …], "tokens": [{"id", "text", "start", "end"}, …]}`. `start` and `end` are seconds from the start of the
        WAV; `from` and `to` are the positions of its characters in `text`.
    """
    try:
        path = checked_output_path(output_path)
        return _generate(checked_text(text), voice_id, checked_speed(speed), path, as_written, timings)
    except (RefusedArgumentError, KokoroError) as error:
        logger.error("No audio was generated: %s", error, exc_info=error.__cause__ is not None)
        return _failure(str(error))
    except _ModelMissingError as error:
        logger.error("Model not found: %s", error)
        return _failure(_MODEL_MISSING, help=str(error))
    except Exception as error:
        logger.error("TTS generation failed: %s", error, exc_info=True)
        return _failure(f"TTS generation failed: {error or type(error).__name__}")


def tokenize_text(text: str, language: str = DEFAULT_LANGUAGE) -> npt.NDArray[np.int64]:
    """Return the model's input for a text that fits into one chunk: int64 of shape (1, n + 2), including pads.

    Raises:
        TextTooLongError: a ValueError; the text needs more than one chunk of 510 tokens.
        NothingToSpeakError: a ValueError; the text has nothing that can be spoken.
    """
    chunks = text_to_chunks(text, language)
    if len(chunks) > 1:
        raise TextTooLongError(
            f"The text needs {len(chunks)} chunks of at most {MAX_TOKENS} tokens, and a tensor holds only one. Split "
            f"it with split_text_into_chunks(), or call generate_audio(), which speaks texts of any length."
        )
    return padded(chunks[0].token_ids)


def validate_voice_id(voice_id: object) -> str:
    """Return a valid voice ID unchanged; for anything else log a warning and return the default voice."""
    if isinstance(voice_id, str) and voice_id in VALID_VOICE_IDS:
        return voice_id
    plain = voice_id is None or isinstance(voice_id, str)  # printing other objects may fail
    shown = voice_id if plain else f"a value of type {type(voice_id).__name__}"
    logger.warning("Invalid voice ID '%.64s', falling back to '%s'", shown, DEFAULT_VOICE_ID)
    return DEFAULT_VOICE_ID


def get_voice_embedding(voice_id: str) -> VoicePack:
    """Return a voice pack of the configured model: float32 of shape (rows, 1, 256), read-only.

    Row n of 511 (v0.19) is the style vector for a chunk of n tokens. An unknown voice, or one that is not installed,
    falls back to the default voice with a logged warning. Raises VoicePackError if no usable pack is installed.
    """
    voices = find_voices(_model_path().parent)
    voice = installed_voice(_voice_to_speak(voice_id, voices), voices)
    return load_voice(voices[voice], voice)


def construct_audio_path(project_id: object, segment_id: object) -> str:
    """Return the absolute path of a segment's audio: MEDIA_ROOT/projects/{project_id}/audio/{segment_id}.wav.

    Raises InvalidNameError, a ValueError, for an invalid id.
    """
    return str(audio_path(Path(settings.MEDIA_ROOT or media_root()), project_id, segment_id))


def construct_audio_url(project_id: object, segment_id: object) -> str:
    """Return the URL of a segment's audio: {MEDIA_URL}projects/{project_id}/audio/{segment_id}.wav.

    Raises InvalidNameError, a ValueError, for an invalid id.
    """
    return audio_url(settings.MEDIA_URL, project_id, segment_id)


def _generate(
    text: str, voice_id: object, speed: float, output_path: str, as_written: bool, timings: bool
) -> dict[str, Any]:
    kokoro = _kokoro()
    voice = _voice_to_speak(voice_id, kokoro.voices)
    reading = respelled(text) if as_written else read_aloud(text, kokoro.language(voice).code)
    speech = kokoro.speak(reading.text, voice, speed)
    times = {"timings": timings_document(timings_of(speech, reading))} if timings else {}
    save_audio_wav(normalize_audio(speech.audio), output_path, speech.sample_rate)
    # Measured on the bytes just written: another process may have replaced the file since.
    duration = len(speech.audio) / speech.sample_rate
    logger.info("Generated %.2f s with %s in %d chunks: %s", duration, speech.voice, speech.chunks, output_path)
    return {
        "success": True,
        "audio_path": output_path,
        "duration": duration,
        "sample_rate": speech.sample_rate,
        "voice_id": speech.voice,
        "chunks": speech.chunks,
        **times,
    }


def _kokoro() -> Kokoro:
    """Return the configured model with its voices."""
    try:
        session = KokoroModelLoader.get_session()
    except FileNotFoundError as error:
        raise _ModelMissingError(str(error)) from error
    return Kokoro.around(session, _model_path())


def _model_path() -> Path:
    return Path(KokoroModelLoader._resolve_model_path())


def _voice_to_speak(voice_id: object, installed: Mapping[str, VoiceFile]) -> str:
    """Return `voice_id` if it is an installed v1.0 voice; otherwise the result of `validate_voice_id`."""
    file = installed.get(voice_id) if isinstance(voice_id, str) and voice_id not in VALID_VOICE_IDS else None
    if file and version_of_voices({str(voice_id): file}) == V1_0:
        return str(voice_id)
    return validate_voice_id(voice_id)


def _failure(error: str, **more: str) -> dict[str, Any]:
    return {"success": False, "error": error, **more}
