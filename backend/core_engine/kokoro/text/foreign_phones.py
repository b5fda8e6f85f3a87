"""espeak-ng's phones of other languages in the alphabet of v1.0, as the authors of the model wrote them for training.

Source: the package misaki, which writes what is one phone as one letter: diphthongs, affricates, the long s of Italian.
"""

import unicodedata
from collections.abc import Sequence

from core_engine.kokoro.text.espeak import to_ipa
from core_engine.kokoro.vocabulary import VOCABULARY_V1_0

_BETWEEN = "_"
_LETTERS = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y",
    "dz": "ʣ", "dʒ": "ʤ", "ts": "ʦ", "tʃ": "ʧ", "ss": "S",
    "r.": "ɽ",  # Hindi; the full stop would be one to the model
}  # fmt: skip


def foreign_phones(pieces: Sequence[str], language: str) -> list[str]:
    """Return how every piece is spoken, in letters of v1.0, with a space behind every word; raises as `to_ipa`."""
    return [_in_letters(piece) for piece in to_ipa(pieces, language, _BETWEEN)]


def _in_letters(phones: str) -> str:
    """Return phones with `_BETWEEN` between them as letters; two that stand side by side stay two."""
    for phone, letter in _LETTERS.items():
        phones = phones.replace(phone, letter)
    return "".join(map(_known, phones.replace(_BETWEEN, "")))


def _known(symbol: str) -> str:
    """Return a symbol that v1.0 has: a nasal vowel written as one character becomes vowel and tilde."""
    return symbol if symbol in VOCABULARY_V1_0 else unicodedata.normalize("NFD", symbol)
