"""The voices of a model as the page offers them, each with a sentence that shows it."""

from collections.abc import Mapping
from typing import Any

from core_engine.kokoro.languages import V0_19, language_of
from core_engine.kokoro.speech.versions import version_of_voices
from core_engine.kokoro.voice.packs import VoiceFile
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID, voice_named
from core_engine.model_paths import BUILT_IN, RECOMMENDED

SAMPLES = {
    "en": "The rain had stopped, and somewhere behind the hills a bell began to ring.",
    "es": "Había dejado de llover, y en algún lugar tras las colinas sonó una campana.",
    "fr": "La pluie avait cessé, et quelque part derrière les collines une cloche sonna.",
    "hi": "बारिश थम चुकी थी, और पहाड़ियों के पीछे कहीं एक घंटी बजने लगी।",
    "it": "La pioggia era cessata, e da qualche parte dietro le colline suonò una campana.",
    "ja": "雨はやみ、丘の向こうのどこかで鐘が鳴りはじめた。",
    "pt": "A chuva tinha parado, e em algum lugar atrás das colinas um sino tocou.",
    "zh": "雨停了，山后的某个地方响起了钟声。",
}
"""Family of languages → a sentence."""


def voices_document(model: str, voices: Mapping[str, VoiceFile]) -> dict[str, Any]:
    """Return the model and its voices."""
    version = version_of_voices(voices) or V0_19
    return {
        "model": model,
        "is_built_in": model == BUILT_IN,
        "advice": f"storyflow models pull {RECOMMENDED}",
        "default": DEFAULT_VOICE_ID if DEFAULT_VOICE_ID in voices else min(voices, default=DEFAULT_VOICE_ID),
        "voices": [_voice(name, version) for name in sorted(voices)],
    }


def _voice(name: str, version: str) -> dict[str, str]:
    voice, language = voice_named(name), language_of(name, version)
    plain = name.partition("_")[2] or name
    return {
        "id": name,
        "name": plain.replace("_", " ").title(),
        "gender": voice.gender,
        "description": voice.description,
        "language": language.name,
        "sample": SAMPLES[language.family],
    }
