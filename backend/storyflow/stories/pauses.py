"""Pauses that the writer asks for: `[pause 1.5s]` between paragraphs or within one."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storyflow.stories.blocks import Block

LONGEST_PAUSE_S = 60.0
BEAT_S = 1.0
"""Length of `[pause]` without a number, which plays write."""

_TAG = re.compile(r"\[\s*pause\b(?P<length>[^\[\]]*)\]", re.IGNORECASE)
_ADVICE = "Write [pause 1.5s] or [pause 500ms], up to 60s."
_LENGTH = re.compile(
    r"(?P<number>\d+(?:[.,]\d*)?|[.,]\d+)\s*(?P<unit>ms|milliseconds?|s|secs?|seconds?)?", re.IGNORECASE
)


class PauseError(ValueError):
    """A pause is wrong; the message says what to write."""

    def __init__(self, message: str, tag: str = "") -> None:
        """`tag` is the pause as written, by which its line is found."""
        super().__init__(message)
        self.tag = tag


@dataclass(frozen=True)
class Part:
    """A stretch of text, and the seconds of silence after it."""

    text: str
    pause: float | None = None


def cut_at_pauses(text: str) -> list[Part]:
    """Return the parts of a text between its pauses; the first has no text if a pause comes before all of it.

    Consecutive pauses add up. A stage direction such as `[pause for effect]` is no pause. Raises PauseError.
    """
    parts: list[Part] = []
    start = 0
    for tag in _TAG.finditer(text):
        seconds = _seconds(tag)
        if seconds is not None:
            _add(parts, Part(text[start : tag.start()].strip(), seconds))
            start = tag.end()
    _add(parts, Part(text[start:].strip()))
    return parts


def with_pauses(blocks: "Iterable[Block]") -> "Iterator[Block]":
    """Cut blocks at their pauses, which become the silence after what stands before them; raise PauseError.

    A pause before all text is left out.
    """
    last: Block | None = None
    for block in blocks:
        parts = cut_at_pauses(block.text)
        if block.id is not None and sum(1 for part in parts if part.text) > 1:
            raise PauseError(
                f"has a pause within the segment '{block.id}', which has an id and so becomes one WAV. Cut it in two."
            )
        for part in parts:
            if part.text:
                if last:
                    yield last
                at_end = block.pause_after if part is parts[-1] else None
                last = replace(block, text=part.text, pause_after=at_end if part.pause is None else part.pause)
            elif last and part.pause:
                last = replace(last, pause_after=(last.pause_after or 0) + part.pause)
    if last:
        yield last


def without_pauses(text: str) -> str:
    """Return a text, such as a title, without its pauses; raise PauseError."""
    return " ".join(part.text for part in cut_at_pauses(text) if part.text)


def line_of(tag: str, text: str) -> int | None:
    """Return the line of `text`, from 1, in which a pause stands as written, or across whose end; None if in none."""
    found = re.search(r"\s+".join(map(re.escape, tag.split())), text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _add(parts: list[Part], part: Part) -> None:
    """Append a part; one without a word belongs to the part before it."""
    if parts and not any(character.isalnum() for character in part.text):
        before = parts.pop()
        pauses = [pause for pause in (before.pause, part.pause) if pause is not None]
        parts.append(Part(f"{before.text} {part.text}".strip(), sum(pauses) if pauses else None))
    elif part.text or part.pause is not None:
        parts.append(part)


def _seconds(tag: re.Match[str]) -> float | None:
    """Return the length of a pause; None for a stage direction. Raises PauseError."""
    length = tag["length"].strip(" :=\n\t").removesuffix(".")
    if not length:
        return BEAT_S
    value = _LENGTH.fullmatch(length)
    if value is None:
        if len(length.split()) > 1 and not any(character.isdigit() for character in length):
            return None
        raise PauseError(f"has '{tag.group()[:60]}', which is no length of time. {_ADVICE}", tag.group())
    seconds = float(value["number"].replace(",", ".")) / (1000 if (value["unit"] or "s").lower().startswith("m") else 1)
    if seconds > LONGEST_PAUSE_S:
        raise PauseError(f"has '{tag.group()[:60]}', which is longer than a minute. {_ADVICE}", tag.group())
    return seconds
