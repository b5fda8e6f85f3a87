"""Read StoryFlow's JSON: `{"title": …, "segments": [{"text_content": …, …}]}`.

A segment may have an `id`, a `voice_id`, a `speed`, `pause_after` (the seconds of silence after it), a `speaker` and a
`kind`: "heading" (with a `level` from 1 to 6), "break" or "paragraph". The story may have `author`, `language`,
`voice_id`, `speed`, and `dialogue_voice_id` for what is in quotation marks.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, get_args

from storyflow.stories.blocks import Block, Document, Kind, one_line
from storyflow.stories.front_matter import FrontMatter
from storyflow.stories.pauses import LONGEST_PAUSE_S

_KNOWN = frozenset(["text_content", "id", "voice_id", "speaker", "speed", "pause_after"])
_KIND = frozenset(["kind", "level"])
_KINDS: tuple[Kind, ...] = get_args(Kind)
_SPEEDS = (0.5, 2.0)
_PAUSES = (0.0, LONGEST_PAUSE_S)


class WrongJsonError(ValueError):
    """The JSON document is not a story; the message says what is wrong and what to do."""


def read_json(text: str) -> Document:
    """Return the segments of a JSON story as blocks; raise WrongJsonError if it is invalid."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongJsonError(f"is not valid JSON: {error}. Export it again.") from error
    segments = document.get("segments") if isinstance(document, dict) else None
    if not isinstance(segments, list):
        raise WrongJsonError('has no list of segments. Expected {"title": …, "segments": [{"text_content": …}]}.')
    front = _front_matter(document)
    blocks = tuple(_block(number, segment) for number, segment in enumerate(segments, start=1))
    return Document(front.title, blocks, author=front.author, language=front.language, front=front)


def _front_matter(document: Mapping[str, Any]) -> FrontMatter:
    """Return what the head of the story says."""
    return FrontMatter(
        title=_text(document, "title"),
        author=_text(document, "author"),
        language=_text(document, "language"),
        voice=_voice(document, "voice_id", ""),
        dialogue=_voice(document, "dialogue_voice_id", ""),
        speed=_number("", document, "speed", _SPEEDS),
    )


def _block(number: int, segment: object) -> Block:
    text = segment.get("text_content") if isinstance(segment, dict) else None
    if not isinstance(segment, dict) or not isinstance(text, str):
        raise WrongJsonError(f'has no text in "text_content" of segment {number}.')
    where = f" in segment {number}"
    kind, level = _kind(segment)
    return Block(
        one_line(text),
        kind or "paragraph",
        level,
        id=None if segment.get("id") is None else str(segment["id"]),
        voice=_voice(segment, "voice_id", where),
        speaker=_text(segment, "speaker"),
        speed=_number(where, segment, "speed", _SPEEDS),
        pause_after=_number(where, segment, "pause_after", _PAUSES),
        extra={key: value for key, value in segment.items() if key not in (_KNOWN | _KIND if kind else _KNOWN)},
    )


def _kind(segment: Mapping[str, Any]) -> tuple[Kind | None, int]:
    """Return the kind and the level of a segment; None for a kind that only the program knows which wrote it."""
    kind = next((kind for kind in _KINDS if kind == segment.get("kind")), None)
    level = segment.get("level")
    if kind != "heading":
        return kind, 0
    return kind, level if isinstance(level, int) and not isinstance(level, bool) and 1 <= level <= 6 else 1


def _text(values: Mapping[str, Any], key: str) -> str | None:
    """Return a text without white space around it; None if there is none."""
    value = values.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _voice(values: Mapping[str, Any], key: str, where: str) -> str | None:
    value = values.get(key)
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise WrongJsonError(f'has a "{key}"{where} that is not the name of a voice: {value!r}.')
    return value


def _number(where: str, values: Mapping[str, Any], key: str, limits: tuple[float, float]) -> float | None:
    """Return the number of a key, if there is one; raise WrongJsonError if it is not within the limits."""
    value = values.get(key)
    if value is None:
        return None
    least, most = limits
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        shown = value if isinstance(value, float) and math.isnan(value) else json.dumps(value)[:40]
        raise WrongJsonError(f'has a "{key}"{where} that is not a number from {least:g} to {most:g}: {shown}.')
    return float(value)
