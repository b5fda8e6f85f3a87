"""Blend voices into a new one: `af_bella*0.6+af_sarah*0.4` is three fifths Bella and two fifths Sarah.

Packs are mixed row by row, so every style vector stays between vectors that the model was trained on.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.voice.formats import VoicePack
from core_engine.kokoro.voice.packs import installed_voice

_PART = re.compile(r"\s*([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})\s*(?:\*\s*([0-9]{1,4}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})\s*)?")
_MOST_PARTS = 16


@dataclass(frozen=True)
class Part:
    """A voice of a blend and its share."""

    voice: str
    share: float
    """Of 1."""


def is_blend(voice: str) -> bool:
    """Return whether `voice` is a blend and not a name: names contain neither `+` nor `*`."""
    return "+" in voice or "*" in voice


def blended_voices(voice: str, installed: Collection[str]) -> list[Part]:
    """Return the voices of `voice`, a blend or a plain name, with shares that add up to 1.

    A plain name that is not installed falls back to the default voice. Raises VoicePackError for an invalid blend, or
    one with a voice that is not installed.
    """
    if not is_blend(voice):
        return [Part(installed_voice(voice, installed), 1.0)]
    parts = [_part(text, voice) for text in voice.split("+")]
    missing = sorted({part.voice for part in parts} - set(installed))
    if missing:
        raise VoicePackError(
            f"The blend '{voice}' needs {', '.join(missing)}, which is not installed. Installed voices: "
            f"{', '.join(sorted(installed)) or 'none'}."
        )
    whole = sum(part.share for part in parts)
    if not whole or len(parts) > _MOST_PARTS:
        raise _not_a_blend(voice)
    return [Part(part.voice, part.share / whole) for part in parts]


def blend(parts: Sequence[tuple[VoicePack, float]]) -> VoicePack:
    """Return the packs blended by their shares: float32 of shape (rows, 1, 256), read-only.

    Raises VoicePackError for packs of different versions, whose rows are for different lengths.
    """
    if len(parts) == 1:
        return parts[0][0]
    rows = sorted({len(pack) for pack, _ in parts})
    if len(rows) > 1:
        raise VoicePackError(
            f"Voices of different versions of Kokoro ({rows[0]} and {rows[-1]} rows) cannot be blended."
        )
    mixed = sum(pack.astype(np.float64) * share for pack, share in parts)
    pack = np.asarray(mixed, dtype=np.float32)
    pack.flags.writeable = False
    return pack


def _part(text: str, voice: str) -> Part:
    found = _PART.fullmatch(text)
    if not found:
        raise _not_a_blend(voice)
    return Part(found[1], float(found[2]) if found[2] else 1.0)


def _not_a_blend(voice: str) -> VoicePackError:
    return VoicePackError(
        f"'{voice[:80]}' is not a valid blend. Write voices with their shares, such as af_bella*0.6+af_sarah*0.4."
    )
