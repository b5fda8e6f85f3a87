"""The seven voices that both versions of Kokoro have, and the meaning of voice names."""

from dataclasses import dataclass
from typing import Literal

from core_engine.kokoro.languages import language_of


@dataclass(frozen=True)
class Voice:
    """A voice, as described by the model's authors."""

    id: str
    """Name in the voice packs: language, gender, underscore, name."""
    gender: Literal["Female", "Male"]
    accent: str
    """American or British; for other voices of v1.0, the language that they speak."""
    description: str


VOICES = (
    Voice("af_bella", "Female", "American", "Clear, warm tone"),
    Voice("af_sarah", "Female", "American", "Professional, neutral"),
    Voice("af_nicole", "Female", "American", "Soft, narrative"),
    Voice("am_adam", "Male", "American", "Deep, authoritative"),
    Voice("am_michael", "Male", "American", "Friendly, conversational"),
    Voice("bf_emma", "Female", "British", "Elegant, BBC-style"),
    Voice("bm_george", "Male", "British", "Distinguished, formal"),
)

DEFAULT_VOICE_ID = "af_bella"


def voice_named(voice_id: str) -> Voice:
    """Return a voice by its name: the first letter gives the language, the second the gender."""
    for voice in VOICES:
        if voice.id == voice_id:
            return voice
    gender: Literal["Female", "Male"] = "Male" if voice_id[1:2] == "m" else "Female"
    return Voice(voice_id, gender, language_of(voice_id).accent, "")
