"""Split text into chunks for the model: at paragraphs, sentences, clauses, words, and finally anywhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from core_engine.kokoro.dimensions import MAX_TOKENS
from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V0_19, V1_0
from core_engine.kokoro.text.phonemes import MARKS, Clause, phonemize_clauses
from core_engine.kokoro.text.text_sides import MISAKI, phonemize_by_misaki, text_side
from core_engine.kokoro.vocabulary import VOCABULARY_V1_0, speakable_vocabulary, token_ids
from core_engine.reading.lexicon import NO_LEXICON, Lexicon
from core_engine.reading.parts import Part, check_positive, parts_of
from core_engine.reading.sentences import Break, Rank, breaks

SILENT = frozenset(MARKS + " ˈˌː")
"""Symbols without sound."""

_CONTEXT_SHARE = 6
"""The context on one side is at most 1 / this share of a run's tokens."""

FIRST_TOKENS = 120
"""Limit of the first chunk of a quick start: some eight seconds of speech."""

_SECOND_TOKENS = 60
"""Of a quick start, the second chunk may at least have this many tokens, even if the first is one word."""

_WITHIN_PARAGRAPH = (Rank.SENTENCE, Rank.CLAUSE)


@dataclass(frozen=True)
class Chunk:
    """The part of a text for one run of the model."""

    phonemes: str
    token_ids: tuple[int, ...]
    """One id per symbol of `phonemes`, without pads."""

    follows_space: bool = False
    """Whether the cut before this chunk removed a space; joining the chunks needs to restore it."""

    begins_paragraph: bool = False
    """Whether there is an empty line before this chunk."""

    before: tuple[int, ...] = ()
    """Ids of the words before this chunk that are spoken with it as context; see `text_to_chunks`."""

    behind: tuple[int, ...] = ()
    """The same for the words after it."""

    @property
    def ids_in_context(self) -> tuple[int, ...]:
        """The ids of the chunk with its context."""
        return self.before + self.token_ids + self.behind


def text_to_chunks(
    text: str,
    language: str = DEFAULT_LANGUAGE,
    max_tokens: int = MAX_TOKENS,
    version: str = V0_19,
    context: int = 0,
    *,
    quick_start: bool = False,
    lexicon: Lexicon = NO_LEXICON,
) -> list[Chunk]:
    """Split the phonemes of `text` into chunks of at most `max_tokens` ids, each as long as good cuts allow.

    Chunks that are cut after a mark within a paragraph get up to `context` ids of whole words of their neighbours on
    each side, which count towards `max_tokens`.

    With `quick_start` the first chunk is the first sentence, or its beginning if it is long, without context behind it,
    and each chunk is at most twice as long as the one before: while one is heard, the next is made.

    Nothing is lost: the joined chunks, with a space before each that `follows_space`, are the phonemes of the whole
    text from the language's G2P (see text_sides.py); for espeak-ng, `phonemize(text, language, version)`. The phonemes
    that `lexicon` has for a word replace those of the G2P.
    Raises NothingToSpeakError if only punctuation remains, ValueError if `max_tokens` is below 1, and the errors of
    `text_side`.
    """
    check_positive("max_tokens", max_tokens)
    if text_side(language, version) == MISAKI:
        by_misaki = phonemize_by_misaki(text, language, lexicon).strip()
        return _chunks_by_misaki(by_misaki, max_tokens, context, quick_start)
    vocabulary = speakable_vocabulary(version == V1_0)
    clauses = phonemize_clauses(text, language, version, lexicon)
    phonemes = "".join(clause.phonemes for clause in clauses)
    _check_speakable(phonemes)
    leading = len(phonemes) - len(phonemes.lstrip())
    found = _breaks_in_phonemes(clauses, phonemes, language, vocabulary)
    shifted = (Break(b.end - leading, b.start - leading, b.rank) for b in found)
    return list(_chunks(phonemes.strip(), [*shifted], max_tokens, context, vocabulary, quick_start))


def _chunks_by_misaki(phonemes: str, max_tokens: int, context: int, quick_start: bool) -> list[Chunk]:
    """Return the chunks of misaki's phonemes, which keep the marks of the text."""
    _check_speakable(phonemes)
    found = [*breaks(phonemes, language=None)]
    return list(_chunks(phonemes, found, max_tokens, context, VOCABULARY_V1_0, quick_start))


def _check_speakable(phonemes: str) -> None:
    if SILENT.issuperset(phonemes):
        raise NothingToSpeakError(
            "The text has nothing that can be spoken, only punctuation, spaces or symbols without a name. "
            "It needs at least one word or number."
        )


def _chunks(
    phonemes: str,
    found: Sequence[Break],
    max_tokens: int,
    context: int,
    vocabulary: Mapping[str, int],
    quick_start: bool,
) -> Iterator[Chunk]:
    context = min(context, max_tokens // _CONTEXT_SHARE) if quick_start or len(phonemes) > max_tokens else 0
    most = max(1, max_tokens - 2 * context)
    spans = list(parts_of(phonemes, found, _growing(found, most) if quick_start else most))
    previous_end = 0
    for span, next_span in zip(spans, [*spans[1:], None], strict=True):
        ahead, back = _contexts(span, context) if quick_start else (context, context)
        yield Chunk(
            phonemes=phonemes[span.start : span.end],
            token_ids=tuple(token_ids(phonemes[span.start : span.end], vocabulary)),
            follows_space=span.start > previous_end,
            begins_paragraph=span.rank is Rank.PARAGRAPH,
            before=tuple(token_ids(_words_before(phonemes, span, back), vocabulary)),
            behind=tuple(token_ids(_words_behind(phonemes, span, next_span, ahead), vocabulary)),
        )
        previous_end = span.end


def _growing(found: Iterable[Break], most: int) -> Iterator[int]:
    """Yield the longest lengths of the chunks of a quick start: of the first sentence, then up to twice as long."""
    longest = min(next((cut.end for cut in found if cut.rank >= Rank.SENTENCE), most), FIRST_TOKENS, most)
    while True:
        yield longest
        longest = min(most, max(_SECOND_TOKENS, 2 * longest))


def _contexts(span: Part, context: int) -> tuple[int, int]:
    """Return the context of a chunk of a quick start, after and before it: a quarter of what it says itself."""
    share = min(context, (span.end - span.start) // 4)
    return (share if span.start else 0), share


def _words_before(phonemes: str, span: Part, context: int) -> str:
    """Return up to `context` symbols of whole words before a part, including the space between."""
    if span.rank not in _WITHIN_PARAGRAPH:
        return ""
    begin = phonemes.find(" ", max(0, span.start - context - 1), max(0, span.start - 1))
    return phonemes[begin + 1 : span.start] if begin >= 0 else ""


def _words_behind(phonemes: str, span: Part, next_span: Part | None, context: int) -> str:
    """Return up to `context` symbols of whole words after a part, including the space between."""
    if next_span is None or next_span.rank not in _WITHIN_PARAGRAPH:
        return ""
    end = phonemes.rfind(" ", next_span.start, span.end + context + 1)
    return phonemes[span.end : end] if end >= 0 else ""


def _breaks_in_phonemes(
    clauses: list[Clause], phonemes: str, language: str, vocabulary: Mapping[str, int]
) -> Iterator[Break]:
    """Yield the breaks of the normalised text at the positions of its marks in `phonemes`."""
    ranks = {found.start: found.rank for found in breaks("".join(c.words + c.marks for c in clauses), language)}
    position = spoken = 0
    for clause in clauses:
        position += len(clause.words)
        spoken += len(clause.phonemes)
        start = spoken - sum(mark in vocabulary for mark in clause.marks)
        for mark in clause.marks:
            position += 1
            start += mark in vocabulary
            if position in ranks:
                yield Break(start - (phonemes[start - 1 : start] == " "), start, ranks[position])
