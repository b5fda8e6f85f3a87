"""Hindi by its consonants: Whisper writes what it hears in Devanagari or in the script of Urdu, as it happens.

Urdu leaves out short vowels and spells long ones in several ways, so of each word only the consonants are compared,
without aspiration and nasals of vowels; y and w, which Urdu writes as it writes vowels, are left out as well.
"""

import re
import unicodedata

from listening.word_errors import WordErrors, sequence_errors, words_of

_NUKTA = "\u093c"
_WITH_NUKTA = {f"ड{_NUKTA}": "र", f"ढ{_NUKTA}": "र"}
_LETTERS = {
    "k": "कख" + "کقخ",
    "g": "गघ" + "گغ",
    "c": "चछ" + "چ",
    "j": "जझ" + "جزذضظژ",
    "t": "टठतथ" + "تٹط",
    "d": "डढदध" + "دڈ",
    "n": "ङञणन" + "ن",
    "p": "पफ" + "پف",
    "b": "बभ" + "ب",
    "m": "म" + "م",
    "r": "र" + "رڑ",
    "l": "ल" + "ل",
    "s": "शषस" + "سشصث",
    "h": "ह" + "ہحه",
}
_CONSONANTS = {letter: sound for sound, letters in _LETTERS.items() for letter in letters}
_REPEATED = re.compile(r"(.)\1+")


def hindi_errors(expected: str, heard: str) -> WordErrors:
    """Return how `heard`, in either script, differs from `expected`, word by word."""
    return sequence_errors(*(list(map(consonants, words_of(text))) for text in (expected, heard)))


def consonants(word: str) -> str:
    """Return the consonants of a word in Latin letters; doubled ones once."""
    plain = unicodedata.normalize("NFD", word)
    for letter, replacement in _WITH_NUKTA.items():
        plain = plain.replace(letter, replacement)
    return _REPEATED.sub(r"\1", "".join(_CONSONANTS.get(letter, "") for letter in plain))
