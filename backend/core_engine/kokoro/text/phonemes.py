"""Text to phonemes: normalised, split at its marks, spoken by espeak-ng, marks put back, mended for the model.

The marks never reach espeak-ng. They come back as they stood, the spaces around them included, because that is what
the model was trained with. English is read in one way for both versions of Kokoro; what v1.0 has no symbol for is
replaced by what comes nearest.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass

from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V0_19, V1_0, Language, checked_language
from core_engine.kokoro.text.espeak import to_ipa
from core_engine.kokoro.text.foreign_phones import foreign_phones
from core_engine.kokoro.text.foreign_text import foreign_text
from core_engine.kokoro.text.normalization import normalize
from core_engine.kokoro.vocabulary import speakable_vocabulary, within_vocabulary

logger = logging.getLogger(__name__)

MARKS = ';:,.!?¡¿—…"«»“”(){}[]'
"""The punctuation that is kept from espeak-ng."""

_ANY_MARK = rf"[{re.escape(MARKS)}][\s{re.escape(MARKS)}]*"
_MARK_RUN = re.compile(rf"((?<!\s)\s*{_ANY_MARK})")
"""Marks with all spaces around and between them. The look-behind keeps a long run of spaces linear."""
_MARK_RUN_OUTSIDE_NUMBERS = re.compile(rf"((?<!\s)\s*(?!(?<=\d)[.,:](?=\d)){_ANY_MARK})")
"""The same, but for marks such as those in 3,14 and 1.000 and 12:30, which espeak-ng reads outside English."""

_CUT = "\0"
"""Stands between clauses while they are mended together; espeak-ng never writes it."""

_SYMBOLS = str.maketrans({"ʲ": "j", "r": "ɹ", "x": "k", "ɬ": "l"})
_HUNDRED = re.compile("(?<=[a-zɹː])(?=hˈʌndɹɪd)")
_LONELY_Z = re.compile(rf' ({_CUT}?)z(?=[;:,.!?¡¿—…"«»“” ]|$)')
_NINETY = re.compile("(?<=nˈaɪn)ti(?!ː)")
_SYLLABIC = re.compile("(\\S)\u0329")
_BRACKETS = str.maketrans("«»[]{}", "()()()")
"""Normalised English has guillemets for brackets, which v0.19 has symbols for and v1.0 has not."""
_SINGLE_LETTERS = re.compile(r"(?<=\b[B-Z])'S\b")
"""Normalised "the B's", of which espeak-ng says "B tick S". v0.19 heard that in its training, and is given it."""
_OPENING_QUOTE = re.compile(r'(?<![^\s(—])"(?=\S)')
"""A straight quote that opens; v1.0 was trained on English with typographic ones."""


@dataclass(frozen=True)
class Clause:
    """Words, the marks behind them, and how both are spoken."""

    words: str
    marks: str
    """With all spaces around and between them; empty behind the last words."""

    phonemes: str
    """Symbols of the vocabulary only; spaces at the ends are kept."""


def phonemize(text: str, language: str = DEFAULT_LANGUAGE, version: str = V0_19) -> str:
    """Return the phonemes of `text` in `language`, ready for the vocabulary of a version of Kokoro.

    Raises UnsupportedLanguageError for a language that the version does not speak or espeak-ng does not read, and
    PhonemizerError when espeak-ng cannot be used.
    """
    return "".join(clause.phonemes for clause in phonemize_clauses(text, language, version)).strip()


def phonemize_clauses(text: str, language: str = DEFAULT_LANGUAGE, version: str = V0_19) -> list[Clause]:
    """Return the clauses of the normalised `text`, in order; nothing lies between them.

    Raises as `phonemize` does. What cannot be spoken is left out, and said once in the log.
    """
    known = checked_language(language, version)
    normalized = _normalized(text, known, version)
    parts = (_MARK_RUN if known.is_english else _MARK_RUN_OUTSIDE_NUMBERS).split(normalized)
    pieces, runs = parts[0::2], [*parts[1::2], ""]
    _report_unspeakable(normalized, language)
    phonemes = _spoken(pieces, runs, known, version)
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


def _spoken(pieces: list[str], runs: list[str], language: Language, version: str) -> list[str]:
    """Return the phonemes of every piece and its run of marks."""
    if not language.is_english:
        return _with_marks(foreign_phones(pieces, language.code), runs)
    spoken = _CUT.join(_with_marks(to_ipa(pieces, language.code), runs))
    mended = _mended(spoken, language.code)
    # A syllable that v1.0 cannot mark is written with the weak vowel of its alphabet.
    return (_SYLLABIC.sub(r"ᵊ\1", mended) if version == V1_0 else mended).split(_CUT)


def _with_marks(ipa: list[str], runs: list[str]) -> list[str]:
    """Return the IPA of every piece with its run of marks in place of one space behind its last word.

    A piece without sound takes the space of the marks before it, and the first piece behind opening marks gives up
    two: that is how the reference (phonemizer's punctuation) restores them.
    """
    spoken: list[str] = []
    for number, (piece, run) in enumerate(zip(ipa, runs, strict=True)):
        if not piece and spoken:
            spoken[-1] = spoken[-1].removesuffix(" ")
        if number == 1 and not ipa[0]:
            piece = piece.removesuffix(" ")
        spoken.append(piece.removesuffix(" ") + run)
    return spoken


def _mended(phonemes: str, language: str) -> str:
    """Return `phonemes` with the replacements that the model was trained with."""
    phonemes = phonemes.replace("kəkˈoːɹoʊ", "kˈoʊkəɹoʊ").replace("kəkˈɔːɹəʊ", "kˈəʊkəɹəʊ")
    phonemes = phonemes.translate(_SYMBOLS)
    phonemes = _HUNDRED.sub(" ", phonemes)
    phonemes = _LONELY_Z.sub(r"\1z", phonemes)
    return _NINETY.sub("di", phonemes) if language == "en-us" else phonemes


def _report_unspeakable(text: str, language: str) -> None:
    """Log once which characters of `text` espeak-ng has no sound for; the text itself stays out of the log."""
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
