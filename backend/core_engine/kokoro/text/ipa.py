"""Phonemes as people and dictionaries write them, in the notation that Kokoro was trained on."""

import re
import unicodedata

from core_engine.kokoro.languages import V1_0
from core_engine.kokoro.vocabulary import SPEAKABLE, VOCABULARY_V1_0, speakable_vocabulary
from core_engine.reading.errors import LexiconError
from core_engine.reading.lexicon import Lexicon, Pronunciation

_SPELLINGS = str.maketrans(
    {"'": "ˈ", ":": "ː", "g": "ɡ", "r": "ɹ", "\u0361": None, "\u035c": None, ".": None, "-": None}
)
"""Keyboard signs for IPA; ties, syllable dots and hyphens, which the model does not know."""

_LETTERS_OF_V1_0 = str.maketrans(
    {
        "A": "eɪ",
        "I": "aɪ",
        "O": "oʊ",
        "Q": "əʊ",
        "W": "aʊ",
        "Y": "ɔɪ",
        "T": "ɾ",
        "S": "ss",
        "ʤ": "dʒ",
        "ʧ": "tʃ",
        "ᵊ": "ə",
    }
)
"""What v1.0 writes as one letter and v0.19 as two."""

_MARKS = frozenset(';:,.!?¡¿—…"«»“”()')
_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ") - frozenset("AIOQSTWY")
_KNOWN = frozenset(SPEAKABLE).union(VOCABULARY_V1_0) - _MARKS - _CAPITALS

_VOWELS = "aeiouyɑɐɒæɔəɘɚɛɜɝɞɨɪøɵœɶʉʊʌɤɯʏᵻᵊAIOQWY"
_STRESS_BEFORE_CONSONANTS = re.compile(rf"([ˈˌ])([^ˈˌ {_VOWELS}]+)(?=[{_VOWELS}])")


def phonemes_of(entry: Pronunciation, version: str, source: str) -> str:
    """Return the phonemes of an entry in the vocabulary of a version of Kokoro.

    Stress marks move from the start of the syllable, where dictionaries have them, to its vowel, where Kokoro has them.
    Raises LexiconError, which names the line and the symbol, for a symbol that the version does not have.
    """
    written = "".join(map(_decomposed, entry.spoken.translate(_SPELLINGS)))
    known = written if version == V1_0 else written.translate(_LETTERS_OF_V1_0)
    vocabulary = speakable_vocabulary(version == V1_0)
    wrong = next((symbol for symbol in known if symbol not in _KNOWN or symbol not in vocabulary), None)
    if wrong is not None:
        raise LexiconError(
            f"{source}, line {entry.line}, has '{wrong}' (U+{ord(wrong):04X}) in the phonemes of '{entry.word}', which "
            f"Kokoro {version} does not know. Write IPA as `storyflow say --dry-run --phonemes` prints it."
        )
    return _STRESS_BEFORE_CONSONANTS.sub(r"\2\1", " ".join(known.split()))


def check_phonemes(lexicon: Lexicon, version: str) -> None:
    """Raise LexiconError for the first entry whose phonemes the version of Kokoro does not have."""
    for entry in lexicon.entries:
        if entry.is_phonemes:
            phonemes_of(entry, version, lexicon.source)


def _decomposed(symbol: str) -> str:
    """Return a precomposed nasal vowel as vowel and tilde."""
    return symbol if symbol in _KNOWN else unicodedata.normalize("NFD", symbol)
