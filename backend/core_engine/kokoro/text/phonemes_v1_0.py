"""English to the phonemes of v1.0, with the dictionaries of `misaki`, the G2P package of Kokoro's authors (an extra).

misaki looks words up by part of speech where that matters (read, lead) and writes diphthongs as one letter (A in "day",
O in "go", I in "my"). Unknown words are spoken by espeak-ng and converted to misaki's alphabet here, because misaki's
own fallback needs phonemizer, which is GPL. For 1,500 words the American results are identical; of 353 British words
with different results, misaki's dictionary agrees with this conversion for 156 and with its own fallback for 12.
"""

import importlib
import importlib.util
import re
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core_engine.kokoro.errors import PhonemizerError, UnsupportedLanguageError
from core_engine.kokoro.installation import install_command
from core_engine.kokoro.languages import checked_language
from core_engine.kokoro.text.espeak import to_ipa
from core_engine.kokoro.vocabulary import VOCABULARY_V1_0, within_vocabulary

_PACKAGES = ("misaki", "spacy", "num2words")
_TAGGER = "en_core_web_sm"

_INSTALL_TAGGER = f"python -m spacy download {_TAGGER}"

_LONGEST = 20_000
"""Characters processed together; the tagger refuses texts of a million, and needs memory for each character."""
_QUOTES = str.maketrans({"«": "“", "»": "”", "‘": "'", "’": "'"})
_lock = threading.Lock()

# espeak-ng's phones in misaki's alphabet. Diphthongs and affricates only if they are one phone.
_PHONES = {"aɪ": "I", "aʊ": "W", "eɪ": "A", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ", "əl": "ᵊl", "ɚ": "əɹ"}
_AMERICAN_PHONES = {"oʊ": "O"}
_BRITISH_PHONES = {"əʊ": "Q", "eə": "ɛː"}
_LETTERS = str.maketrans(
    {
        "r": "ɹ",
        "x": "k",
        "ç": "k",
        "ɐ": "ə",
        "ɬ": "l",
        "ɾ": "T",
        "ʔ": "t",
        "o": "ɔ",
        "e": "A",
        "\u0303": None,
        "ʲ": None,
    }
)
_SYLLABIC = re.compile("(\\S)\u0329")


def phonemize_v1_0(text: str, language: str = "en-us") -> str:
    """Return the phonemes of `text` in `language` ("en-us" or "en-gb") for the vocabulary of v1.0.

    Raises UnsupportedLanguageError for other languages, and PhonemizerError if the extra is not installed.
    """
    if not checked_language(language).is_english:
        raise UnsupportedLanguageError(f"The dictionaries are for English and do not read {language!r}.")
    plain = " ".join(text.translate(_QUOTES).split())
    with _lock:  # neither the tagger nor the dictionaries are documented as thread-safe
        speak = _g2p(language == "en-gb")
        # Without misaki's pronunciation markup: brackets in a story are literal.
        spoken = " ".join(speak(part, preprocess=None)[0].strip() for part in _parts(plain))
    return within_vocabulary(spoken, VOCABULARY_V1_0).strip()


def word_v1_0(word: str, british: bool) -> str:
    """Return espeak-ng's pronunciation of a word that is not in the dictionaries, in the alphabet of v1.0."""
    units = to_ipa([word], "en-gb" if british else "en-us", separator="_")[0].strip()
    table = _PHONES | (_BRITISH_PHONES if british else _AMERICAN_PHONES)
    spoken = "".join(unit if unit == " " else _unit(unit, table) for unit in re.split("_|( )", units) if unit)
    spoken = _SYLLABIC.sub(r"ᵊ\1", spoken)
    return spoken.replace("iə", "ɪə") if british else _american(spoken)


def _unit(unit: str, table: dict[str, str]) -> str:
    """Return one phone with its stress mark before it."""
    for old, new in table.items():
        unit = unit.replace(old, new)
    return unit.translate(_LETTERS)


def _american(spoken: str) -> str:
    return spoken.replace("ɜːɹ", "ɜɹ").replace("ɜː", "ɜɹ").replace("ɪə", "iə").replace("ː", "")


def _parts(text: str) -> list[str]:
    """Split `text` at spaces into parts of limited length."""
    parts, rest = [], text
    while len(rest) > _LONGEST:
        cut = rest.rfind(". ", 0, _LONGEST) + 1 or rest.rfind(" ", 0, _LONGEST) + 1 or _LONGEST
        parts.append(rest[:cut])
        rest = rest[cut:]
    return [*parts, rest]


@dataclass(frozen=True)
class DictionaryProblem:
    """Why the dictionaries cannot be used."""

    text: str
    """What is missing and how to install it."""
    is_half_installed: bool
    """Whether misaki itself is installed, so that the user seems to want them."""


def dictionary_problem() -> DictionaryProblem | None:
    """Return why the dictionaries cannot be used, or None; nothing is imported or downloaded."""
    missing = [name for name in _PACKAGES if not _is_importable(name)]
    if missing:
        text = f"the dictionaries need {', '.join(missing)}. Install with `{install_command('dictionary')}`."
        return DictionaryProblem(text, is_half_installed=_PACKAGES[0] not in missing)
    if not _is_importable(_TAGGER):  # misaki would download it without asking or verifying
        text = f"the dictionaries need the tagger {_TAGGER}. Install it with `{_INSTALL_TAGGER}`."
        return DictionaryProblem(text, is_half_installed=True)
    return None


def _is_importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # ValueError: a module set to None
        return False


@lru_cache(maxsize=2)
def _g2p(british: bool) -> Any:
    """Return the G2P for one accent; the caller must hold the lock."""
    problem = dictionary_problem()
    if problem:
        raise PhonemizerError(f"The dictionaries of Kokoro v1.0 cannot be used: {problem.text}")
    english = importlib.import_module("misaki.en")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecation warnings of third-party packages
        return english.G2P(british=british, fallback=lambda token: (word_v1_0(token.text, british), 2), unk="")
