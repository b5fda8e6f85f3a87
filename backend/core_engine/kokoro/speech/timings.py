"""When each word of a written text is spoken, and each sentence, phoneme and token: captions and read-along need it.

All times are in seconds from the start of the audio. A word ends with its last sound, not with the pause behind it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from core_engine.kokoro.dimensions import SAMPLES_PER_FRAME
from core_engine.kokoro.speech.joints import STEP, loud_steps
from core_engine.kokoro.speech.synthesis import Speech
from core_engine.kokoro.speech.timeline import Timeline, timeline_of
from core_engine.kokoro.text.alignment import Span, word_spans
from core_engine.kokoro.text.chunks import SILENT
from core_engine.kokoro.text.text_sides import phonemize_words
from core_engine.reading.aloud import Reading
from core_engine.reading.characters import CHARACTER
from core_engine.reading.parts import sentences_of

_PHONEME = re.compile(r"[ˈˌ]*(?:[ae]ɪ|aʊ|[oə]ʊ|ɔɪ|tʃ|dʒ|[^ˈˌ])[ːʲʰ\u0303\u0329]*")
"""A stress mark stands before its phoneme, a length mark behind; diphthongs and affricates are one."""

_MOST_OF_SPACE = SAMPLES_PER_FRAME + SAMPLES_PER_FRAME // 2
"""Samples of a space between two words that may belong to the second."""

_PAUSE = 2 * SAMPLES_PER_FRAME
"""Samples of silence at the end of a word that do not belong to it any more."""

_SPOKEN_MARKS = frozenset("%‰&#@§")
"""Punctuation by its class in Unicode that is read like a word."""


@dataclass(frozen=True)
class Timed:
    """Something that is spoken."""

    text: str
    start: float
    """Seconds from the start of the audio."""
    end: float


@dataclass(frozen=True)
class TimedPassage(Timed):
    """A word or a sentence of the written text."""

    written_start: int
    """Position of its first character in the written text."""
    written_end: int
    """Position behind its last character."""


@dataclass(frozen=True)
class TimedToken(Timed):
    """A token of the model; its text is the symbol."""

    id: int


@dataclass(frozen=True)
class Timings:
    """The times of a text's parts, each kind in order and without overlaps."""

    words: tuple[TimedPassage, ...] = ()
    """The words as written; a written form such as "$5 million" is one word."""
    sentences: tuple[TimedPassage, ...] = ()
    phonemes: tuple[Timed, ...] = ()
    tokens: tuple[TimedToken, ...] = ()
    is_estimated: bool = False
    """Whether the model did not tell the durations of all tokens."""


def timings_of(speech: Speech, reading: Reading) -> Timings:
    """Return when the parts of `reading.written` are spoken in `speech`, which speaks `reading.text`.

    Raises PhonemizerError if the text side cannot be used.
    """
    line = timeline_of(speech)
    words = tuple(_as_written(_spoken_words(speech, reading, line), reading))
    return Timings(
        words=words,
        sentences=tuple(_sentences(words, reading.written, speech.language)),
        phonemes=tuple(_phonemes(speech, line)),
        tokens=tuple(_tokens(speech, line)),
        is_estimated=line.is_estimated,
    )


def _spoken_words(speech: Speech, reading: Reading, line: Timeline) -> Iterator[TimedPassage]:
    """Yield the spoken words that sound, or at least have letters, with the written characters of each."""
    words = list(_words(reading, speech.language))
    texts = [reading.text[word.start : word.end] for word in words]
    spans = word_spans(phonemize_words(texts, speech.language, speech.version), line.phonemes)
    edges = _Edges(speech, line)
    last = 0
    for word, text, span in zip(words, texts, spans, strict=True):
        sounds = span.start < span.end
        if not sounds and not any(map(str.isalnum, text)):
            continue
        core = _core(text)
        written = reading.written_range(word.start + core.start, word.start + core.end)
        start = max(last, edges.start(span)) if sounds else last
        last = max(start, edges.end(span)) if sounds else last
        yield TimedPassage(text, start / speech.sample_rate, last / speech.sample_rate, *written)


def _words(reading: Reading, language: str) -> Iterator[Span]:
    """Yield the words of the spoken text; in languages without spaces, its characters with the marks behind them."""
    spaced = not language.startswith(("ja", "zh"))
    for word in reading.words:
        if spaced:
            yield Span(word.start, word.end)
        else:
            yield from (Span(*match.span()) for match in CHARACTER.finditer(reading.text, word.start, word.end))


class _Edges:
    """Finds the samples at which words start and end."""

    def __init__(self, speech: Speech, line: Timeline) -> None:
        self._line = line
        self._loud = np.concatenate(
            [start + loud_steps(speech.audio[start:end]) * STEP for start, end in speech.spans] or [np.zeros(0, int)]
        )

    def start(self, span: Span) -> int:
        """Return where a word starts: within the space before it, where its sound begins when nothing pauses there."""
        start = int(self._line.starts[span.start])
        if self._line.phonemes[span.start - 1 : span.start] != " ":
            return start
        space = start - int(self._line.starts[span.start - 1])
        return start - min(space // 2, _MOST_OF_SPACE)

    def end(self, span: Span) -> int:
        """Return where a word ends: its last sound may have a pause in it, as it does before a mark."""
        start, end = int(self._line.starts[span.start]), int(self._line.ends[span.end - 1])
        first, behind = np.searchsorted(self._loud, [start, end])
        if first == behind:
            return end
        heard = int(self._loud[behind - 1]) + STEP
        return heard if end - heard > _PAUSE else end


def _core(text: str) -> Span:
    """Return the part of a word without the punctuation around it; all of it if there is nothing else."""
    inner = [index for index, letter in enumerate(text) if not _is_punctuation(letter)]
    if not inner:
        return Span(0, len(text))
    start, end = inner[0], inner[-1] + 1
    is_abbreviated = "." in text[start:end] and text[end : end + 1] == "."
    return Span(start, end + is_abbreviated)


def _is_punctuation(letter: str) -> bool:
    return letter not in _SPOKEN_MARKS and unicodedata.category(letter).startswith("P")


def _as_written(words: Iterable[TimedPassage], reading: Reading) -> Iterator[TimedPassage]:
    """Yield the words with their written text; spoken words of the same written characters become one."""
    whole: TimedPassage | None = None
    for word in words:
        if whole and word.written_start < whole.written_end:
            end = max(whole.written_end, word.written_end)
            whole = replace(whole, end=word.end, written_end=end)
            continue
        if whole:
            yield _named(whole, reading.written)
        whole = word
    if whole:
        yield _named(whole, reading.written)


def _named(passage: TimedPassage, written: str) -> TimedPassage:
    return replace(passage, text=written[passage.written_start : passage.written_end])


def _sentences(words: tuple[TimedPassage, ...], written: str, language: str) -> Iterator[TimedPassage]:
    """Yield the sentences that have a word, from their first word to their last."""
    left = list(reversed(words))
    for part in sentences_of(written, language):
        inside = []
        while left and left[-1].written_start < part.end:
            inside.append(left.pop())
        if inside:
            start = part.start + len(written[part.start : part.end]) - len(written[part.start : part.end].lstrip())
            yield TimedPassage(written[start : part.end], inside[0].start, inside[-1].end, start, part.end)


def _phonemes(speech: Speech, line: Timeline) -> Iterator[Timed]:
    for match in _PHONEME.finditer(line.phonemes):
        if not all(symbol in SILENT for symbol in match.group()):
            start, end = line.starts[match.start()], line.ends[match.end() - 1]
            yield Timed(match.group(), float(start) / speech.sample_rate, float(end) / speech.sample_rate)


def _tokens(speech: Speech, line: Timeline) -> Iterator[TimedToken]:
    for symbol, token, start, end in zip(line.phonemes, line.token_ids, line.starts, line.ends, strict=True):
        if token is not None:
            yield TimedToken(symbol, float(start) / speech.sample_rate, float(end) / speech.sample_rate, token)
