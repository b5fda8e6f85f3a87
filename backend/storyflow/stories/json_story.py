"""Read StoryFlow's JSON: `{"title": …, "segments": [{"text_content": …, …}]}`.

A segment may have an `id`, a `voice_id`, a `speed` and `pause_after`, the seconds of silence after it.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from storyflow.stories.blocks import Block, Document, one_line
from storyflow.stories.pauses import LONGEST_PAUSE_S

_KNOWN = frozenset(["text_content", "id", "voice_id", "speed", "pause_after"])
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
    title = document.get("title")
    blocks = tuple(_block(number, segment) for number, segment in enumerate(segments, start=1))
    return Document(title if isinstance(title, str) and title.strip() else None, blocks)


def _block(number: int, segment: object) -> Block:
    text = segment.get("text_content") if isinstance(segment, dict) else None
    if not isinstance(segment, dict) or not isinstance(text, str):
        raise WrongJsonError(f'has no text in "text_content" of segment {number}.')
    segment_id, voice = segment.get("id"), segment.get("voice_id")
    if voice is not None and not (isinstance(voice, str) and voice.strip()):
        raise WrongJsonError(f'has a "voice_id" in segment {number} that is not the name of a voice: {voice!r}.')
    return Block(
        one_line(text),
        id=None if segment_id is None else str(segment_id),
        voice=voice,
        speed=_number(number, segment, "speed", _SPEEDS),
        pause_after=_number(number, segment, "pause_after", _PAUSES),
        extra={key: value for key, value in segment.items() if key not in _KNOWN},
    )


def _number(number: int, segment: Mapping[str, Any], key: str, limits: tuple[float, float]) -> float | None:
    """Return a number of a segment, if it has this key; raise WrongJsonError if it is not within the limits."""
    value = segment.get(key)
    if value is None:
        return None
    least, most = limits
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        shown = value if isinstance(value, float) and math.isnan(value) else json.dumps(value)[:40]
        raise WrongJsonError(
            f'has a "{key}" in segment {number} that is not a number from {least:g} to {most:g}: {shown}.'
        )
    return float(value)
