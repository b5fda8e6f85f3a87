"""Convert espeak-ng's phones of other languages to the alphabet of v1.0, as in its training data.

Source: the package misaki, which writes every phone as one letter, including diphthongs, affricates and the long s of
Italian.
"""

import unicodedata
from collections.abc import Sequence

from core_engine.kokoro.text.espeak import to_ipa
from core_engine.kokoro.vocabulary import VOCABULARY_V1_0

_BETWEEN = "_"
_LETTERS = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y",
    "dz": "ʣ", "dʒ": "ʤ", "ts": "ʦ", "tʃ": "ʧ", "ss": "S",
    "r.": "ɽ",  # Hindi; the model would take the dot for a full stop
}  # fmt: skip


def foreign_phones(pieces: Sequence[str], language: str) -> list[str]:
    """Return the v1.0 phonemes of every piece, with a space after every word; raises like `to_ipa`."""
    return [_in_letters(piece) for piece in to_ipa(pieces, language, _BETWEEN)]


def _in_letters(phones: str) -> str:
    """Convert phones separated by `_BETWEEN` to letters; adjacent phones are not merged."""
    for phone, letter in _LETTERS.items():
        phones = phones.replace(phone, letter)
    return "".join(map(_known, phones.replace(_BETWEEN, "")))


def _known(symbol: str) -> str:
    """Return `symbol` as v1.0 writes it: a precomposed nasal vowel becomes vowel and tilde."""
    return symbol if symbol in VOCABULARY_V1_0 else unicodedata.normalize("NFD", symbol)
