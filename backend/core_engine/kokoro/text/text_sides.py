"""Choose the G2P: espeak-ng, or misaki's dictionaries if they are installed and better."""

import logging
from collections.abc import Sequence
from functools import lru_cache

from core_engine.kokoro.installation import install_command
from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V0_19, V1_0, checked_language
from core_engine.kokoro.text.phonemes import phonemize_words as espeak_words
from core_engine.kokoro.text.phonemes_east_asian import check_east_asian, phonemize_east_asian
from core_engine.kokoro.text.phonemes_v1_0 import dictionary_problem, phonemize_v1_0, word_v1_0
from core_engine.kokoro.text.pronunciations import speak_with
from core_engine.reading.lexicon import NO_LEXICON, Lexicon

logger = logging.getLogger(__name__)

ESPEAK = "espeak-ng"
MISAKI = "misaki"


def text_side(language: str = DEFAULT_LANGUAGE, version: str = V0_19) -> str:
    """Return the G2P of a language for a version of Kokoro: ESPEAK or MISAKI. For v1.0 English it is logged once.

    Raises UnsupportedLanguageError, and PhonemizerError if nothing that is installed can read the language.
    """
    known = checked_language(language, version)
    if known.misaki_extra:
        check_east_asian(known)
        return MISAKI
    return _english_of_v1_0() if version == V1_0 and known.is_english else ESPEAK


def phonemize_by_misaki(text: str, language: str, lexicon: Lexicon = NO_LEXICON) -> str:
    """Return the v1.0 phonemes of a text from misaki, and those of `lexicon` for its words; raises PhonemizerError."""
    known = checked_language(language, V1_0)

    def speak(texts: Sequence[str]) -> list[str]:
        if known.misaki_extra:
            return [phonemize_east_asian(each, known) for each in texts]
        return [phonemize_v1_0(each, language) for each in texts]

    return speak_with(lexicon, V1_0, [text], speak)[0]


def phonemize_words(words: Sequence[str], language: str, version: str) -> list[str]:
    """Return about the phonemes of each word spoken alone, in the alphabet of the text side; see `alignment.py`.

    What misaki's English dictionaries have is not looked up: espeak-ng's pronunciation in misaki's letters is close
    enough to find a word by.
    """
    if text_side(language, version) == ESPEAK:
        return espeak_words(words, language, version)
    if checked_language(language, version).misaki_extra:
        return [phonemize_by_misaki(word, language) for word in words]
    return [word_v1_0(word, british=language == "en-gb") for word in words]


@lru_cache(maxsize=1)
def _english_of_v1_0() -> str:
    problem = dictionary_problem()
    if problem is None:
        logger.info("English is read with the dictionaries of misaki.")
        return MISAKI
    if problem.is_half_installed:
        logger.warning("English is read by espeak-ng: %s", problem.text)
    else:
        logger.info("English is read by espeak-ng; `%s` adds dictionaries.", install_command("dictionary"))
    return ESPEAK
