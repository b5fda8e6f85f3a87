"""Read StoryFlow's JSON: `{"title": …, "segments": [{"text_content": …, "id": …, "voice_id": …, "speed": …}]}`."""

import json
import math
from collections.abc import Mapping
from typing import Any

from storyflow.stories.blocks import Block, Document, one_line

_KNOWN = frozenset(["text_content", "id", "voice_id", "speed"])
_SPEEDS = (0.5, 2.0)


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
        speed=_speed(number, segment),
        extra={key: value for key, value in segment.items() if key not in _KNOWN},
    )


def _speed(number: int, segment: Mapping[str, Any]) -> float | None:
    speed = segment.get("speed")
    if speed is None:
        return None
    slowest, fastest = _SPEEDS
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or not slowest <= speed <= fastest:
        shown = speed if isinstance(speed, float) and math.isnan(speed) else json.dumps(speed)[:40]
        raise WrongJsonError(f'has a "speed" in segment {number} that is not a number from 0.5 to 2: {shown}.')
    return float(speed)
