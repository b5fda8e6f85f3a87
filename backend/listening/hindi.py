"""Compare Hindi by consonants, because Whisper writes Hindi either in Devanagari or in Urdu's script.

Urdu omits short vowels and spells long ones in several ways, so only the consonants of each word are compared, without
aspiration and nasalisation. y and w, which Urdu writes like vowels, are left out as well.
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
    """Return the word errors of `heard`, in either script."""
    return sequence_errors(*(list(map(consonants, words_of(text))) for text in (expected, heard)))


def consonants(word: str) -> str:
    """Return the consonants of a word in Latin letters, without doubling."""
    plain = unicodedata.normalize("NFD", word)
    for letter, replacement in _WITH_NUKTA.items():
        plain = plain.replace(letter, replacement)
    return _REPEATED.sub(r"\1", "".join(_CONSONANTS.get(letter, "") for letter in plain))
