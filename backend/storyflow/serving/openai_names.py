"""The names that programs written for OpenAI use, and what they mean here."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "kokoro")
"""OpenAI's models, and the one of Kokoro-FastAPI. Each of them is the loaded model here."""

LISTENING_MODELS = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
"""OpenAI's models that listen. Each of them is the Whisper model that is installed here."""

_SHARE = re.compile(r"\((\d+(?:\.\d+)?)\)")
"""The share of a voice in a blend, as Kokoro-FastAPI writes it: `af_bella(2)+af_sky(1)`."""

VOICES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "alloy": ("af_alloy", "af_nicole"),
    "ash": ("am_michael",),
    "ballad": ("bm_fable", "bm_george"),
    "cedar": ("am_adam",),
    "coral": ("af_bella",),
    "echo": ("am_echo", "am_adam"),
    "fable": ("bm_fable", "bm_george"),
    "marin": ("af_heart", "af_bella"),
    "nova": ("af_nova", "af_sarah"),
    "onyx": ("am_onyx", "am_adam"),
    "sage": ("af_sarah",),
    "shimmer": ("af_sky", "bf_emma"),
    "verse": ("am_puck", "am_michael"),
})  # fmt: skip
"""OpenAI's voice → the voices here, the best first; the last is one that every model has."""


def voice_named(name: str, installed: Collection[str]) -> str:
    """Return the voice that `name` means: itself, the counterpart of a voice of OpenAI, or a blend."""
    if name in installed:
        return name
    candidates = VOICES.get(name.lower(), ())
    return next((voice for voice in candidates if voice in installed), _SHARE.sub(r"*\1", name))
