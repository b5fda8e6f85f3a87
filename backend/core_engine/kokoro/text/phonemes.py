"""Text to phonemes: normalise, split at marks, translate with espeak-ng, restore the marks, adapt to the model.

The marks never reach espeak-ng. They are restored as they were, including the spaces around them, because the model was
trained that way. English is read the same for both versions of Kokoro; symbols that v1.0 lacks are replaced by the
closest ones.
"""

import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V0_19, V1_0, Language, checked_language
from core_engine.kokoro.text.espeak import to_ipa
from core_engine.kokoro.text.foreign_phones import foreign_phones
from core_engine.kokoro.text.foreign_text import foreign_text
from core_engine.kokoro.text.normalization import normalize
from core_engine.kokoro.text.pronunciations import speak_with
from core_engine.kokoro.vocabulary import speakable_vocabulary, within_vocabulary
from core_engine.reading.lexicon import NO_LEXICON, Lexicon

logger = logging.getLogger(__name__)

MARKS = ';:,.!?¡¿—…"«»“”(){}[]'
"""Punctuation that is not passed to espeak-ng."""

DASH = "—"
"""The mark that keeps the words apart that `phonemize_words` speaks."""

_ANY_MARK = rf"[{re.escape(MARKS)}][\s{re.escape(MARKS)}]*"
_MARK_RUN = re.compile(rf"((?<!\s)\s*{_ANY_MARK})")
"""Marks with all spaces around and between them. The lookbehind keeps a long run of spaces linear."""
_MARK_RUN_OUTSIDE_NUMBERS = re.compile(rf"((?<!\s)\s*(?!(?<=\d)[.,:](?=\d)){_ANY_MARK})")
"""The same, except for marks within numbers (3,14, 1.000, 12:30), which espeak-ng reads in other languages."""

_CUT = "\0"
"""Separates clauses while replacements are made in all of them; espeak-ng never outputs it."""

_SYMBOLS = str.maketrans({"ʲ": "j", "r": "ɹ", "x": "k", "ɬ": "l"})
_HUNDRED = re.compile("(?<=[a-zɹː])(?=hˈʌndɹɪd)")
_LONELY_Z = re.compile(rf' ({_CUT}?)z(?=[;:,.!?¡¿—…"«»“” ]|$)')
_NINETY = re.compile("(?<=nˈaɪn)ti(?!ː)")
_SYLLABIC = re.compile("(\\S)\u0329")
_BRACKETS = str.maketrans("«»[]{}", "()()()")
"""Normalised English has guillemets for brackets; v0.19 has symbols for them, v1.0 does not."""
_SINGLE_LETTERS = re.compile(r"(?<=\b[B-Z])'S\b")
"""Normalised "the B's", which espeak-ng reads as "B tick S". v0.19 was trained on that, so it is kept there."""
_OPENING_QUOTE = re.compile(r'(?<![^\s(—])"(?=\S)')
"""An opening straight quote; v1.0 was trained on English with typographic quotes."""


@dataclass(frozen=True)
class Clause:
    """Words, the marks after them, and the phonemes of both."""

    words: str
    marks: str
    """Including all spaces around and between them; empty after the last words."""

    phonemes: str
    """Only symbols of the vocabulary; leading and trailing spaces are kept."""


def phonemize(text: str, language: str = DEFAULT_LANGUAGE, version: str = V0_19) -> str:
    """Return the phonemes of `text`, in the vocabulary of a version of Kokoro.

    Raises UnsupportedLanguageError if the version does not speak the language or espeak-ng does not read it, and
    PhonemizerError if espeak-ng cannot be used.
    """
    return "".join(clause.phonemes for clause in phonemize_clauses(text, language, version)).strip()


def phonemize_clauses(
    text: str, language: str = DEFAULT_LANGUAGE, version: str = V0_19, lexicon: Lexicon = NO_LEXICON
) -> list[Clause]:
    """Return the clauses of the normalised `text`, in order, with no gaps.

    The phonemes that `lexicon` has for a word replace those of espeak-ng. Characters that cannot be spoken are left out
    and logged once. Raises like `phonemize`.
    """
    known = checked_language(language, version)
    normalized = _normalized(text, known, version)
    _report_unspeakable(normalized, language)
    return _clauses(normalized, known, version, lexicon)


def phonemize_words(words: Sequence[str], language: str = DEFAULT_LANGUAGE, version: str = V0_19) -> list[str]:
    """Return the phonemes of each word spoken alone, with its marks; empty for one that cannot be spoken.

    No word may contain `DASH`. Raises like `phonemize`.
    """
    known = checked_language(language, version)
    spoken = _clauses(_normalized(f" {DASH} ".join(words), known, version), known, version)
    alone = "".join(clause.phonemes for clause in spoken).split(DASH)
    if len(alone) == len(words):
        return [phonemes.strip() for phonemes in alone]
    return [phonemize(word, language, version) for word in words]  # a rule for several words took a dash away


def _clauses(normalized: str, known: Language, version: str, lexicon: Lexicon = NO_LEXICON) -> list[Clause]:
    parts = (_MARK_RUN if known.is_english else _MARK_RUN_OUTSIDE_NUMBERS).split(normalized)
    pieces, runs = parts[0::2], [*parts[1::2], ""]
    phonemes = _spoken(pieces, runs, known, version, lexicon)
    vocabulary = speakable_vocabulary(version == V1_0)
    return [
        Clause(words, marks, within_vocabulary(symbols, vocabulary))
        for words, marks, symbols in zip(pieces, runs, phonemes, strict=True)
    ]


def _normalized(text: str, language: Language, version: str) -> str:
    if not language.is_english:
        return foreign_text(text, language.code)
    normalized = normalize(text)
    if version != V1_0:
        return normalized
    normalized = _SINGLE_LETTERS.sub("'s", normalized.translate(_BRACKETS))
    return _OPENING_QUOTE.sub("“", normalized).replace('"', "”")


def _spoken(pieces: list[str], runs: list[str], language: Language, version: str, lexicon: Lexicon) -> list[str]:
    """Return the phonemes of every piece with its run of marks."""
    speak = to_ipa if language.is_english else foreign_phones
    phones = speak_with(lexicon, version, pieces, lambda texts: speak(texts, language.code))
    if not language.is_english:
        return _with_marks(phones, runs)
    spoken = _CUT.join(_with_marks(phones, runs))
    adapted = _adapted(spoken, language.code)
    # v1.0 has no mark for syllabic consonants; its alphabet has a weak vowel for them.
    return (_SYLLABIC.sub(r"ᵊ\1", adapted) if version == V1_0 else adapted).split(_CUT)


def _with_marks(ipa: list[str], runs: list[str]) -> list[str]:
    """Return the IPA of every piece, with its run of marks in place of the space after its last word.

    A silent piece also removes the space of the marks before it, and the first piece after opening marks loses two
    spaces: the reference (phonemizer's punctuation) restores marks that way.
    """
    spoken: list[str] = []
    for number, (piece, run) in enumerate(zip(ipa, runs, strict=True)):
        if not piece and spoken:
            spoken[-1] = spoken[-1].removesuffix(" ")
        if number == 1 and not ipa[0]:
            piece = piece.removesuffix(" ")
        spoken.append(piece.removesuffix(" ") + run)
    return spoken


def _adapted(phonemes: str, language: str) -> str:
    """Make the replacements in `phonemes` that were made in the model's training data."""
    phonemes = phonemes.replace("kəkˈoːɹoʊ", "kˈoʊkəɹoʊ").replace("kəkˈɔːɹəʊ", "kˈəʊkəɹəʊ")
    phonemes = phonemes.translate(_SYMBOLS)
    phonemes = _HUNDRED.sub(" ", phonemes)
    phonemes = _LONELY_Z.sub(r"\1z", phonemes)
    return _NINETY.sub("di", phonemes) if language == "en-us" else phonemes


def _report_unspeakable(text: str, language: str) -> None:
    """Log the characters of `text` that espeak-ng cannot speak; the text itself is never logged."""
    unusual = sorted(c for c in set(text) if not c.isascii() or not c.isprintable())
    candidates = [c for c in unusual if c not in MARKS and unicodedata.category(c) not in {"Mn", "Me", "Cf", "Zs"}]
    candidates = [c for c in candidates if c != "\n"]
    silent = [c for c, ipa in zip(candidates, to_ipa(candidates, language), strict=True) if not ipa.strip()]
    if silent:
        codes = ", ".join(f"U+{ord(c):04X}" for c in silent[:10])
        logger.warning(
            "%d different characters cannot be spoken and are skipped: %s%s",
            len(silent),
            codes,
            ", …" if len(silent) > 10 else "",
        )
