"""Text to phonemes: normalised, split at its marks, spoken by espeak-ng, marks put back, mended for the model.

The marks never reach espeak-ng. They come back as they stood, the spaces around them included, because that is what
the model was trained with.
"""

import logging
import re
import unicodedata
from dataclasses import dataclass

from core_engine.kokoro.espeak import to_ipa
from core_engine.kokoro.normalization import normalize
from core_engine.kokoro.vocabulary import within_vocabulary

logger = logging.getLogger(__name__)

MARKS = ';:,.!?¡¿—…"«»“”(){}[]'
"""The punctuation that is kept from espeak-ng."""

_MARK_RUN = re.compile(rf"((?<!\s)\s*[{re.escape(MARKS)}][\s{re.escape(MARKS)}]*)")
"""Marks with all spaces around and between them. The look-behind keeps a long run of spaces linear."""

_CUT = "\0"
"""Stands between segments while they are mended together; espeak-ng never writes it."""

_SYMBOLS = str.maketrans({"ʲ": "j", "r": "ɹ", "x": "k", "ɬ": "l"})
_HUNDRED = re.compile("(?<=[a-zɹː])(?=hˈʌndɹɪd)")
_LONELY_Z = re.compile(rf' ({_CUT}?)z(?=[;:,.!?¡¿—…"«»“” ]|$)')
_NINETY = re.compile("(?<=nˈaɪn)ti(?!ː)")


@dataclass(frozen=True)
class Segment:
    """Words, the marks behind them, and how both are spoken."""

    words: str
    marks: str
    """With all spaces around and between them; empty behind the last words."""

    phonemes: str
    """Symbols of the vocabulary only; spaces at the ends are kept."""


def phonemize(text: str, language: str = "en-us") -> str:
    """Return the phonemes of `text` in `language` ("en-us" or "en-gb"), ready for the vocabulary.

    Raises UnsupportedLanguageError for another language and PhonemizerError when espeak-ng cannot be used.
    """
    return "".join(segment.phonemes for segment in phonemize_segments(text, language)).strip()


def phonemize_segments(text: str, language: str = "en-us") -> list[Segment]:
    """Return the segments of the normalised `text`, in order; nothing lies between them.

    Raises as `phonemize` does. What cannot be spoken is left out, and said once in the log.
    """
    normalized = normalize(text)
    parts = _MARK_RUN.split(normalized)
    pieces, runs = parts[0::2], [*parts[1::2], ""]
    _report_unspeakable(normalized, language)
    spoken = _with_marks(to_ipa(pieces, language), runs)
    phonemes = _mended(_CUT.join(spoken), language).split(_CUT)
    return [
        Segment(words, marks, within_vocabulary(symbols))
        for words, marks, symbols in zip(pieces, runs, phonemes, strict=True)
    ]


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
