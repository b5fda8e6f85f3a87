"""Detect the Kokoro version of a model and of a voice pack from their content, never from file names.

The version of a pack is known from its rows. That of a model is known from its configuration, if the exporter added it,
or, for published files without one, from the SHA-256 in their manifest. Otherwise the version of the pack is used.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core_engine.kokoro.dimensions import MAX_TOKENS
from core_engine.kokoro.errors import ModelFileError, VoicePackError
from core_engine.kokoro.languages import V0_19, V1_0
from core_engine.kokoro.vocabulary import VOCABULARY, VOCABULARY_V1_0
from core_engine.kokoro.voice.packs import VoiceFile, load_voice
from engines.store.manifest import DamagedModelError, listed_files, model_of

_ROWS = {MAX_TOKENS + 1: V0_19, MAX_TOKENS: V1_0}
_VOCABULARIES = {V0_19: VOCABULARY, V1_0: VOCABULARY_V1_0}
_CONFIGURATION = "kokoro_config"
_PUBLISHED = {
    "dece567789190ebe987bd245d95c09d5ac86de28ff0c325c2e3faaf3de04442c": V0_19,
    "ebef42457f7efee9b60b4f1d5aec7692f2925923948a0d7a2a49d2c9edf57e49": V0_19,
    "7d5df8ecf7d4b1878015a32686053fd0eebe2bc377234608764cc0ef3636a6c5": V1_0,
    "c1610a859f3bdea01107e73e50100685af38fff88f5cd8e5c56df109ec880204": V1_0,
    "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb": V1_0,
}
"""SHA-256 of published ONNX files without a configuration."""


def version_of_pack(rows: int) -> str | None:
    """Return the version of a voice pack by its number of rows; None if no version has as many."""
    return _ROWS.get(rows)


def version_of_voices(voices: Mapping[str, VoiceFile]) -> str | None:
    """Return the version of a folder's voices, from the first readable one; None if there is none."""
    for name, file in voices.items():
        with contextlib.suppress(VoicePackError):
            return version_of_pack(len(load_voice(file, name)))
    return None


def version_of_model(path: Path, session: Any) -> str | None:
    """Return the version of an open model, from its metadata or its manifest; None if neither has it.

    Raises ModelFileError for an unknown vocabulary.
    """
    notes = getattr(session, "get_modelmeta", None)
    version = version_of_notes(notes().custom_metadata_map) if notes else None
    return version or _version_of_manifest(path)


def checked_version(model: str | None, pack_rows: int, voice: str) -> str:
    """Return the common version of a model and a pack; raise VoicePackError if they differ.

    If the model's version is unknown, that of the pack is used, or the default v0.19.
    """
    pack = version_of_pack(pack_rows)
    if model and pack and model != pack:
        raise VoicePackError(
            f"The voice '{voice}' is for Kokoro {pack}, but the model is Kokoro {model}: together they would speak "
            f"nonsense. Put the voices that belong to the model next to it."
        )
    if model:
        return model
    return pack or V0_19


def _version_of_manifest(path: Path) -> str | None:
    try:
        files = listed_files(model_of(path) or path) or ()
    except (DamagedModelError, OSError):
        return None
    return next((_PUBLISHED[file.sha256] for file in files if file.sha256 in _PUBLISHED), None)


def version_of_notes(notes: Mapping[str, str]) -> str | None:
    """Return the version by the vocabulary in a model's metadata; None if there is none.

    Raises ModelFileError for a vocabulary of neither v0.19 nor v1.0.
    """
    try:
        vocabulary = json.loads(notes[_CONFIGURATION])["vocab"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    for version, known in _VOCABULARIES.items():
        if vocabulary == known:
            return version
    raise ModelFileError(
        f"The model has a vocabulary of {len(vocabulary) if isinstance(vocabulary, dict) else 'unknown'} symbols, "
        f"which is neither that of Kokoro {V0_19} nor that of {V1_0}. Use a model of one of these versions."
    )
