"""Texts as the words that are heard: without case, punctuation and spellings that sound the same."""

from collections.abc import Callable
from functools import lru_cache

# Written without spaces between words: compared by characters, as the error rates of these languages are.
_UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "my"})
_APOSTROPHES = str.maketrans("’‘ʼ`´", "'''''")
# What stands in brackets is spoken too; Whisper's normalisers would leave it out.
_BRACKETS = str.maketrans("()[]{}<>", " " * 8)


def spoken_words(text: str, language: str) -> list[str]:
    """Return the words of `text`, normalised as in Whisper's own measurements of errors.

    English is brought to one spelling, numbers to digits, contractions to words (appendix C of the paper "Robust Speech
    Recognition via Large-Scale Weak Supervision"). Other languages lose case and punctuation only.
    """
    plain = text.translate(_APOSTROPHES).translate(_BRACKETS)
    return _normaliser(language)(plain).split()


@lru_cache(maxsize=8)
def _normaliser(language: str) -> Callable[[str], str]:
    from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

    basic: Callable[[str], str] = BasicTextNormalizer(split_letters=language in _UNSPACED)
    return EnglishTextNormalizer() if language == "en" else basic
