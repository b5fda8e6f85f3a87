"""The languages that Kokoro speaks: their codes, the first letter of their voices' names, and their G2P.

v0.19 speaks English in two accents, v1.0 all languages. The name of a voice says which language it speaks.
"""

import re
from dataclasses import dataclass
from functools import cache

from core_engine.kokoro.errors import UnsupportedLanguageError

V0_19 = "v0.19"
V1_0 = "v1.0"
"""The versions of Kokoro."""


@dataclass(frozen=True)
class Language:
    """One language or accent."""

    code: str
    letter: str
    """First letter of its voices' names."""
    name: str
    espeak_voice: bytes | None
    """The espeak-ng voice that the model was trained with; None if espeak-ng does not read the language."""
    misaki_extra: str | None = None
    """The extra of the package misaki that reads it; None if espeak-ng does."""

    @property
    def family(self) -> str:
        """The language without its region: "en" for "en-gb"."""
        return self.code.partition("-")[0]

    @property
    def is_english(self) -> bool:
        """Whether it is one of the two English accents."""
        return self.family == "en"

    @property
    def accent(self) -> str:
        """The name of the accent: "American" for "American English"."""
        return self.name.removesuffix(" English")


LANGUAGES = (
    Language("en-us", "a", "American English", b"gmw/en-US"),
    Language("en-gb", "b", "British English", b"gmw/en"),
    Language("es", "e", "Spanish", b"roa/es"),
    Language("fr-fr", "f", "French", b"roa/fr"),
    Language("hi", "h", "Hindi", b"inc/hi"),
    Language("it", "i", "Italian", b"roa/it"),
    Language("ja", "j", "Japanese", None, misaki_extra="ja"),
    Language("pt-br", "p", "Brazilian Portuguese", b"roa/pt-BR"),
    Language("zh", "z", "Mandarin Chinese", None, misaki_extra="zh"),
)
DEFAULT_LANGUAGE = "en-us"

_VOICE_NAME = re.compile("([a-z])[fm]_")
"""The prefix of published voices' names: language and gender. Other names have no meaning."""

_BY_CODE = {language.code: language for language in LANGUAGES}
_BY_LETTER = {language.letter: language for language in LANGUAGES}


def languages_of(version: str) -> tuple[Language, ...]:
    """Return the languages that a version of Kokoro speaks."""
    return LANGUAGES if version == V1_0 else tuple(language for language in LANGUAGES if language.is_english)


@cache
def checked_language(code: str, version: str = V1_0) -> Language:
    """Return the language with `code`; raise UnsupportedLanguageError if the version does not speak it."""
    language = _BY_CODE.get(code)
    if language is None or language not in languages_of(version):
        *first, last = (known.code for known in languages_of(version))
        raise UnsupportedLanguageError(
            f"The language {code!r} is not supported; the model speaks {', '.join(first)} and {last}."
        )
    return language


def language_of(voice_id: str, version: str = V1_0) -> Language:
    """Return the language that a voice was trained to speak, by the first letter of its name.

    Defaults to American English if the name has no language, or one that the version does not speak. The first voice
    of a blend decides.
    """
    match = _VOICE_NAME.match(voice_id.lstrip())
    language = _BY_LETTER.get(match[1]) if match else None
    known = languages_of(version)
    return language if language and language in known else known[0]


def codes_of(language: Language) -> list[str]:
    """Return the codes accepted for a voice of `language`, shortest first."""
    return [language.family, *(known.code for known in LANGUAGES if known.family == language.family != known.code)]


def language_by_request(code: str, voice: Language) -> Language | None:
    """Return the language to speak if `code` is requested from a voice; None if the voice speaks another language.

    "en" is any English, "en-gb" the British accent.
    """
    if code == voice.family:
        return voice
    asked = _BY_CODE.get(code)
    return asked if asked and asked.family == voice.family else None
