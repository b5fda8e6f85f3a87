"""A written form, how it is found, and a text in which all of them were replaced, with exact positions.

Every form is looked for in the text as it was written, so that each sees its true surroundings; what one form has
taken, no later one touches.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Read = Callable[[re.Match[str], bool], str | None]
"""What a match is read as; None leaves it to later forms, its own text protects it from them. True means British."""


@dataclass(frozen=True)
class Form:
    """One kind of written form."""

    pattern: re.Pattern[str]
    read: Read


@dataclass(frozen=True)
class Edit:
    """A piece of written text and what is said in its place."""

    start: int
    end: int
    spoken: str


def fixed(pattern: str, spoken: str, flags: int = 0) -> Form:
    """Return a form that is always read in the same words."""
    return Form(re.compile(pattern, flags), lambda _match, _british: spoken)


def words(text: str) -> tuple[str, ...]:
    """Return the words of a table that is written as one text."""
    return tuple(text.split())


STARTERS = frozenset(
    words(
        "The A An He She It They We You I This That These Those There Then But And So Or If When While In On At For "
        "With From By As To Of My His Her Its Our Your Their What Who Why How Where Now No Not Yes After Before All "
        "Some Another Each Every Here Once Only Still Yet Perhaps Maybe Nobody Everyone Suddenly Later Meanwhile"
    )
)
"""Words with which sentences begin, and no names."""

_WORD_BEHIND = re.compile(r"[\"'”’)\]]*(?:\s*\Z|\s*\n|\s+[\"'“‘(]*(?P<word>[A-Z]\w*))")


def sentence_end(match: re.Match[str], before_names: bool = False) -> str:
    """Return the full stop of an abbreviation, a match that ends with one, where it ends the sentence too.

    A capital behind it is taken for a sentence's; `before_names` takes it for a name's unless sentences begin so.
    """
    if not match.group().endswith("."):
        return ""
    behind = _WORD_BEHIND.match(match.string, match.end(), match.end() + 40)
    if not behind:
        return ""
    return "." if not behind["word"] or not before_names or behind["word"] in STARTERS else ""


def edits(text: str, forms: Iterable[Form], british: bool) -> list[Edit]:
    """Return what `forms` replace in `text`, in its order; the first form that takes a character keeps it."""
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
    """Return `edit` without the words that stay the same at its ends, so that they keep their own positions."""
    written, spoken = text[edit.start : edit.end], edit.spoken
    head = written.rfind(" ", 0, _shared(written, spoken)) + 1
    written, spoken = written[head:][::-1], spoken[head:]
    tail = written.rfind(" ", 0, _shared(written, spoken[::-1])) + 1
    return Edit(edit.start + head, edit.end - tail, spoken[: len(spoken) - tail])


def _shared(first: str, second: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = zip(first, second, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))
