"""What a project's folder says: its story, its audio and its times, read again when the files have changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core_engine.audio_paths import audio_path
from core_engine.kokoro.speech.timings import TimedPassage
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from engines.contract.errors import NotFoundError
from engines.store.file_state import FileState, state_of
from storyflow.audiobook.pauses import PAUSES, pause_between
from storyflow.narration.journal import Journal
from storyflow.narration.record import JOURNAL_NAME, RECORD_NAME, Entry, Record, read_record
from storyflow.narration.timings import TIMINGS_JOURNAL_NAME, TIMINGS_NAME, Timings
from storyflow.stories.story import Segment, read_story
from storyflow.studio.draft import STORY_NAME, Draft, number_of, paragraph_of

_SILENT_ENDS_S = 0.25
"""Silence that two WAVs have where they meet, which belongs to the pause between them."""

States = tuple[FileState | None, ...]


def _state(path: Path) -> FileState | None:
    try:
        return state_of(path)
    except OSError:
        return None


@dataclass(frozen=True)
class Truth:
    """A project's folder."""

    folder: Path

    @property
    def is_ours(self) -> bool:
        """Whether its story can be changed here: the story of another project is a file of the user."""
        return (self.folder / STORY_NAME).is_file()

    @property
    def story_version(self) -> str:
        """A text that changes with the story."""
        name = STORY_NAME if self.is_ours else RECORD_NAME
        return _version((_state(self.folder / name),))

    @property
    def audio_version(self) -> str:
        """A text that changes with the audio."""
        return _version(self._states(RECORD_NAME, JOURNAL_NAME))

    @property
    def changed(self) -> float:
        """When the story or its audio changed last, in seconds since the epoch."""
        states = self._states(STORY_NAME, RECORD_NAME)
        return max((state.modified_ns for state in states if state), default=0) / 1e9

    def title(self) -> str:
        """Return the title of the story; raises RecordError."""
        record = self.record()
        return record.title if record else str(self.story()["title"])

    def record(self) -> Record | None:
        """Return the record of its narration, if there is one; raises RecordError."""
        return _record(self.folder, _state(self.folder / RECORD_NAME))

    def entries(self) -> dict[str, Entry]:
        """Return what has been spoken, by segment id; raises RecordError."""
        record = self.record()
        finished = Journal(self.folder / JOURNAL_NAME).entries()
        return {entry.id: entry for entry in (*(record.segments if record else ()), *finished)}

    def story(self) -> dict[str, Any]:
        """Return the story with its paragraphs and segments; raises StoryError or RecordError."""
        if self.is_ours:
            return _story(self.folder, self.story_version)
        return _heard_story(self.record() or Record(self.folder.name, ""), self.story_version)

    def audio(self, segment_id: str) -> Path:
        """Return the WAV of a segment; raises NotFoundError, and InvalidNameError for what is no id."""
        wav = audio_path(self.folder.parent.parent, self.folder.name, segment_id)
        if not wav.is_file():
            raise NotFoundError("The audio of this paragraph is not there. Narrate the story again.")
        return wav

    def words(self, segment_id: str) -> list[list[float]]:
        """Return the words of a segment: where each starts and ends in the text, then in seconds.

        Places in the text are counted in UTF-16, as JavaScript does.
        """
        entry = self.entries().get(segment_id)
        words = entry and _timings(self.folder, self._states(TIMINGS_NAME, TIMINGS_JOURNAL_NAME)).words(entry)
        return [_word(entry.text, word) for word in words] if entry and words else []

    def _states(self, *names: str) -> States:
        return tuple(_state(self.folder / name) for name in names)


def _version(states: States) -> str:
    return "-".join(f"{state.modified_ns:x}.{state.size:x}.{state.inode:x}" if state else "0" for state in states)


@lru_cache(maxsize=32)
def _record(folder: Path, state: FileState | None) -> Record | None:
    return read_record(folder / RECORD_NAME) if state else None


@lru_cache(maxsize=2)
def _timings(folder: Path, _states: States) -> Timings:
    return Timings(folder)


@lru_cache(maxsize=4)
def _story(folder: Path, version: str) -> dict[str, Any]:
    draft = Draft.read(folder, DEFAULT_VOICE_ID)
    segments: dict[int | None, list[dict[str, Any]]] = {}
    for segment, document in _played(read_story(folder / STORY_NAME).segments):
        segments.setdefault(paragraph_of(segment.extra), []).append(document)
    return {
        "title": draft.title,
        "author": draft.author,
        "language": draft.language,
        "voice": draft.voice,
        "dialogue": draft.dialogue,
        "speed": draft.speed,
        "speakers": [{"name": name, "voice": voice} for name, voice in draft.speakers.items()],
        "is_ours": True,
        "version": version,
        "paragraphs": [
            {
                "number": number_of(block),
                "kind": block.kind,
                "level": block.level,
                "speaker": block.speaker,
                "text": block.text,
                "segments": segments.get(number_of(block), []),
            }
            for block in draft.blocks
        ],
    }


def _heard_story(record: Record, version: str) -> dict[str, Any]:
    """Return the story of a narration by the command line, as far as it has been spoken."""
    return {
        "title": record.title,
        "author": record.author,
        "language": record.language,
        "source": record.source,
        "is_ours": False,
        "version": version,
        "speakers": [],
        "paragraphs": [
            {
                "number": None,
                "kind": entry.kind,
                "level": entry.level,
                "speaker": entry.speaker,
                "text": entry.text,
                "segments": [document],
            }
            for entry, document in _played(record.segments)
        ],
    }


def _played(segments: Sequence[Any]) -> list[tuple[Any, dict[str, Any]]]:
    """Return each segment, or entry, with what playing it needs: among it, the pause behind it."""
    documents = [_segment(segment) for segment in segments]
    before: int | None = None
    breaks: list[Segment | Entry] = []
    for place, segment in enumerate(segments):
        if segment.kind == "break":
            breaks.append(segment)
            continue
        if before is not None:
            pause = pause_between(segments[before], breaks, segment, PAUSES)
            documents[before]["pause"] = max(0.0, round(pause - _SILENT_ENDS_S, 3))
        before, breaks = place, []
    return list(zip(segments, documents, strict=True))


def _segment(segment: Segment | Entry) -> dict[str, Any]:
    return {"id": segment.id, "text": segment.text, "voice": segment.voice, "kind": segment.kind, "pause": 0.0}


def _word(text: str, word: TimedPassage) -> list[float]:
    before = _utf_16(text[: word.written_start])
    return [before, before + _utf_16(text[word.written_start : word.written_end]), word.start, word.end]


def _utf_16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
