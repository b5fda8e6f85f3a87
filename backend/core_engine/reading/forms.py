"""Find written forms and replace them, with exact positions.

Every form is matched against the original text, so that it sees its true context. Later forms cannot change what an
earlier form has matched.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

Read = Callable[[re.Match[str], bool], str | None]
"""Return the spoken form of a match, in British English if True. None leaves the match to later forms; its own text
protects it from them."""


@dataclass(frozen=True)
class Form:
    """One kind of written form."""

    written: str | re.Pattern[str]
    """How it is written, as a regular expression."""
    read: Read
    flags: int = 0
    """Those of the regular expression."""

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression, compiled when a text first needs it: most texts need few of some two hundred."""
        return re.compile(self.written, self.flags)


@dataclass(frozen=True)
class Edit:
    """A span of written text and its spoken replacement."""

    start: int
    end: int
    spoken: str


def fixed(pattern: str, spoken: str, flags: int = 0) -> Form:
    """Return a form that is always read the same way."""
    return Form(pattern, lambda _match, _british: spoken, flags)


def words(text: str) -> tuple[str, ...]:
    """Split a table of words that is written as one string."""
    return tuple(text.split())


STARTERS = frozenset(
    words(
        "The A An He She It They We You I This That These Those There Then But And So Or If When While In On At For "
        "With From By As To Of My His Her Its Our Your Their What Who Why How Where Now No Not Yes After Before All "
        "Some Another Each Every Here Once Only Still Yet Perhaps Maybe Nobody Everyone Suddenly Later Meanwhile"
    )
)
"""Words that start sentences and are not names."""

_WORD_BEHIND = re.compile(r"[\"'”’)\]]*(?:\s*\Z|\s*\n|\s+[\"'“‘(]*(?P<word>[A-Z]\w*))")


def sentence_end(match: re.Match[str], before_names: bool = False) -> str:
    """Return the full stop at the end of an abbreviation, the match, if it also ends the sentence.

    A capital after it starts a sentence; with `before_names` it starts a name, except in words that start sentences.
    """
    if not match.group().endswith("."):
        return ""
    behind = _WORD_BEHIND.match(match.string, match.end(), match.end() + 40)
    if not behind:
        return ""
    return "." if not behind["word"] or not before_names or behind["word"] in STARTERS else ""


def edits(text: str, forms: Iterable[Form], british: bool) -> list[Edit]:
    """Return the replacements of `forms` in `text`, by position; the first form to match a character keeps it."""
    taken = bytearray(len(text))
    found: list[Edit] = []
    for form in forms:
        position = 0
        while match := form.pattern.search(text, position):
            start, end = match.span()
            blocked = taken.find(1, start, end)
            if blocked >= 0:
                position = taken.find(0, blocked)
                if position < 0:
                    break
                continue
            position = max(end, start + 1)
            spoken = form.read(match, british)
            if spoken is not None:
                taken[start:end] = b"\1" * (end - start)
                if spoken != match.group():
                    found.append(_narrowed(text, Edit(start, end, spoken)))
    return sorted(found, key=lambda edit: edit.start)


def _narrowed(text: str, edit: Edit) -> Edit:
    """Return `edit` without the unchanged words at its ends, so that they keep their own positions."""
    written, spoken = text[edit.start : edit.end], edit.spoken
    head = written.rfind(" ", 0, _shared(written, spoken)) + 1
    written, spoken = written[head:][::-1], spoken[head:]
    tail = written.rfind(" ", 0, _shared(written, spoken[::-1])) + 1
    return Edit(edit.start + head, edit.end - tail, spoken[: len(spoken) - tail])


def _shared(first: str, second: str) -> int:
    """Return the length of the common prefix."""
    pairs = zip(first, second, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))
