"""Sentences packed into segments: as many as fit, none of them cut, paragraphs apart where they are long enough."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """One sentence of a text by its first character and the one behind its last."""

    start: int
    end: int
    begins_paragraph: bool = False


@dataclass(frozen=True)
class Span:
    """The place of one segment in its text."""

    start: int
    end: int
    alone: bool = False  # too long already, or a paragraph of marks such as "* * *", which is a pause

    @property
    def length(self) -> int:
        """The characters from its first to its last, those between its sentences included."""
        return self.end - self.start


def packed(text: str, sentences: Iterable[Sentence], max_length: int, min_length: int) -> list[Span]:
    """Return the segments of `text`, in order, from its `sentences`; white space at their ends is left out.

    A segment takes sentences while it stays within `max_length` characters, and ends with its paragraph once it has
    `min_length` of them. One that stays shorter joins the one before where both fit. A sentence longer than
    `max_length` is a segment of its own.
    """
    spans: list[Span] = []
    for sentence, is_pause in _with_pauses(text, sentences):
        span = Span(sentence.start, sentence.end, alone=is_pause or sentence.end - sentence.start > max_length)
        last = spans[-1] if spans else None
        if last and _fit(last, span, max_length) and (not sentence.begins_paragraph or last.length < min_length):
            spans[-1] = Span(last.start, span.end)
        else:
            spans.append(span)
    return list(_without_short_ones(spans, max_length, min_length))


def _with_pauses(text: str, sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, bool]]:
    """Yield each sentence, trimmed, and whether it is a paragraph without a letter or digit; blank ones are dropped."""
    found = [trimmed for sentence in sentences if (trimmed := _trimmed(text, sentence)).start < trimmed.end]
    for number, sentence in enumerate(found):
        begins = number == 0 or sentence.begins_paragraph
        ends = number + 1 == len(found) or found[number + 1].begins_paragraph
        yield sentence, begins and ends and not any(map(str.isalnum, text[sentence.start : sentence.end]))


def _trimmed(text: str, sentence: Sentence) -> Sentence:
    written = text[sentence.start : sentence.end]
    start = sentence.start + len(written) - len(written.lstrip())
    return Sentence(start, start + len(written.strip()), sentence.begins_paragraph)


def _fit(first: Span, second: Span, max_length: int) -> bool:
    return not first.alone and not second.alone and second.end - first.start <= max_length


def _without_short_ones(spans: Iterable[Span], max_length: int, min_length: int) -> Iterator[Span]:
    """Yield `spans`, those shorter than `min_length` as part of the one before them where that fits."""
    last: Span | None = None
    for span in spans:
        if last and span.length < min_length and _fit(last, span, max_length):
            last = Span(last.start, span.end)
            continue
        if last:
            yield last
        last = span
    if last:
        yield last
