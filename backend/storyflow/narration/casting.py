"""The cast of a story: whether its voices are installed, and how much each of them speaks."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.voice.packs import check_installed
from core_engine.reading.scene_breaks import is_scene_break
from storyflow.stories.cast import NARRATOR
from storyflow.stories.story import Segment, Story

WORDS_PER_MINUTE = 180
"""The pace at speed 1: the WAVs of Kokoro v1.0 have about 200, and there are pauses between them."""

_WORD = re.compile(r"[^\W_]+(?:['’.,-][^\W_]+)*")


@dataclass(frozen=True)
class Share:
    """What one speaker says."""

    name: str
    voice: str
    segments: int
    words: int
    minutes: float
    """An estimate."""


def check_cast(story: Story, installed: Collection[str]) -> None:
    """Raise VoicePackError, which names the line of the cast, if a voice of the story's cast is not installed."""
    for member in story.front.cast.members:
        try:
            check_installed(member.voice, installed)
        except VoicePackError as error:
            raise VoicePackError(f"The cast, line {member.line}, {member.name}: {error}") from error


def shares(story: Story, voice: str, speed: float) -> list[Share]:
    """Return who speaks how much: the narrator, who has `voice`, then the others as the story names or uses them."""
    said: dict[tuple[str, str], list[Segment]] = {(NARRATOR, voice): []}
    said |= {(member.name, member.voice): [] for member in story.front.cast.members if not member.is_narrator}
    for segment in story.segments:
        if not is_scene_break(segment.text):
            its_voice = segment.voice or voice
            name = segment.speaker or (its_voice if segment.voice else NARRATOR)
            said.setdefault((name, its_voice), []).append(segment)
    return [_share(*who, segments, speed) for who, segments in said.items()]


def missing_voices(listed: Iterable[Share], installed: Collection[str]) -> list[str]:
    """Return a sentence for each voice that is not installed."""
    missing: dict[str, str] = {}
    for share in listed:
        try:
            check_installed(share.voice, installed)
        except VoicePackError as error:
            missing.setdefault(share.voice, f"{share.name}: {error}")
    return list(missing.values())


def _share(name: str, voice: str, segments: Sequence[Segment], speed: float) -> Share:
    words = [len(_WORD.findall(segment.text)) for segment in segments]
    paces = [segment.speed or speed for segment in segments]
    minutes = sum(count / pace for count, pace in zip(words, paces, strict=True)) / WORDS_PER_MINUTE
    return Share(name, voice, len(segments), sum(words), minutes)
