"""Plan a narration: how each segment will be spoken, and whether its audio already exists."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core_engine.audio_paths import audio_path, project_folder
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.throughput import Line
from core_engine.kokoro.voice.packs import check_installed
from core_engine.reading.aloud import Reading, read_aloud, read_as_written
from core_engine.reading.lexicon import NO_LEXICON, Lexicon
from core_engine.reading.scene_breaks import SCENE_BREAK_S, is_scene_break
from storyflow.narration.casting import check_cast
from storyflow.narration.errors import RecordError
from storyflow.narration.journal import Journal
from storyflow.narration.record import JOURNAL_NAME, RECORD_NAME, Entry, Record, read_record
from storyflow.narration.timings import Timings
from storyflow.stories.story import Segment, Story

_SOUND_VERSION = 2
"""Increase this when the same text, voice and model sound different, so that all audio is made again."""


@dataclass(frozen=True)
class Task:
    """What to narrate, how, and where."""

    story: Story
    source: Path
    """The absolute path of the story file."""
    project: str
    root: Path
    """The media root; audio goes to projects/{project}/audio below it."""
    voice: str
    speed: float
    as_written: bool = False
    """Whether to leave numbers, dates and other written forms as they are."""
    lexicon: Lexicon = NO_LEXICON
    """The pronunciation list."""
    needs_times: bool = False
    """Whether to speak segments again that have audio but no times of their words."""

    def audio_path(self, segment_id: str) -> Path:
        """Return the path of a segment's audio."""
        return audio_path(self.root, self.project, segment_id)

    @property
    def folder(self) -> Path:
        """The project's folder, with the manifest and the playlist."""
        return project_folder(self.root, self.project)


@dataclass(frozen=True)
class Speaker:
    """An installed voice."""

    voice: str
    language: str
    made_with: str
    """The digests of the model and the voice, and the name of the text side."""

    @classmethod
    def of(cls, voice: str, kokoro: Kokoro, model_digest: str, lexicon: Lexicon = NO_LEXICON) -> "Speaker":
        """Return the speaker for `voice`.

        Raises VoicePackError if the voice is not installed, and LexiconError if it lacks a phoneme of the list.
        """
        check_installed(voice, kokoro.voices)
        text_side = kokoro.check(voice, lexicon)
        name, pack = kokoro.voice_pack(voice)
        made_with = f"{_SOUND_VERSION} {model_digest} {hashlib.sha256(pack.tobytes()).hexdigest()} {text_side}"
        return cls(name, kokoro.language(voice).code, made_with)


@dataclass(frozen=True)
class PlannedSegment:
    """A segment with everything that speaking it needs."""

    segment: Segment
    is_break: bool
    """Whether it is a scene break, spoken as silence."""
    reading: Reading
    """The text as written and as it is spoken."""
    line: Line
    """The text as it is spoken; empty for a scene break."""
    made_from: str
    """Digest of everything that affects the audio."""
    kept: Entry | None
    """The entry of an earlier run, if it still applies; None if the segment must be spoken."""


@dataclass(frozen=True)
class Plan:
    """How to carry out a task."""

    task: Task
    speakers: Mapping[str, Speaker]
    """The speakers by the requested voice."""
    before: Mapping[str, Entry]
    """Segment id → entry of an earlier run."""
    unclaimed: dict[tuple[str, str], list[Entry]]
    """Text and `made_from` → entries of an earlier run whose ids the story no longer has."""
    timings: Timings

    @classmethod
    def of(cls, task: Task, kokoro: Kokoro, model_digest: str) -> "Plan":
        """Check what earlier runs made; write nothing.

        Raises:
            RecordError: the project's folder belongs to another story.
            KokoroError: a voice or the model's text side is not installed.
            LexiconError: the pronunciation list has a phoneme that the model does not know.
        """
        check_cast(task.story, kokoro.voices)
        voices = dict.fromkeys([task.voice, *(segment.voice or task.voice for segment in task.story.segments)])
        speakers = {voice: Speaker.of(voice, kokoro, model_digest, task.lexicon) for voice in voices}
        before = _previous_entries(task)
        return cls(task, speakers, before, _unclaimed(before, task.story), Timings(task.folder))

    def segments(self) -> Iterator[PlannedSegment]:
        """Yield the planned segments of the story lazily."""
        return map(self._planned, self.task.story.segments)

    def _planned(self, segment: Segment) -> PlannedSegment:
        speaker = self.speakers[segment.voice or self.task.voice]
        speed = segment.speed or self.task.speed
        is_break = is_scene_break(segment.text)
        if is_break or self.task.as_written:
            reading = read_as_written(segment.text, self.task.lexicon)
        else:
            reading = read_aloud(segment.text, speaker.language, self.task.lexicon)
        spoken = "" if is_break else reading.text
        if is_break:
            parts = f"{_SOUND_VERSION} silence of {SCENE_BREAK_S} s"
        else:
            parts = f"{speaker.made_with} {speaker.voice} {speed} {spoken}{self._phonemes_in(spoken)}"
        made_from = hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
        kept = self.before.get(segment.id) or self._with_another_id(segment.text, made_from)
        if kept and (kept.made_from != made_from or not self._is_usable(kept)):
            kept = None
        line = Line(spoken, speaker.voice, speed, self.task.lexicon)
        return PlannedSegment(segment, is_break, reading, line, made_from, kept)

    def _is_usable(self, kept: Entry) -> bool:
        """Return whether the WAV of an entry is still there, with the times of its words if they are needed."""
        has_times = not self.task.needs_times or self.timings.has(kept)
        return has_times and _is_intact(self.task.audio_path(kept.id), kept)

    def _with_another_id(self, text: str, made_from: str) -> Entry | None:
        """Return an entry for the same text under an id that the story no longer has; each is returned once."""
        entries = self.unclaimed.get((text, made_from))
        return entries.pop(0) if entries else None

    def _phonemes_in(self, spoken: str) -> str:
        """Return the phonemes of the pronunciation list that a text uses: only these affect its audio."""
        used = {f" /{found.entry.word} {found.entry.spoken}/" for found in self.task.lexicon.phonemes_in(spoken)}
        return "".join(sorted(used))


def _unclaimed(before: Mapping[str, Entry], story: Story) -> dict[tuple[str, str], list[Entry]]:
    ids = {segment.id for segment in story.segments}
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in before.values():
        if entry.id not in ids:
            found.setdefault((entry.text, entry.made_from), []).append(entry)
    return found


def _previous_entries(task: Task) -> dict[str, Entry]:
    record = read_record(task.folder / RECORD_NAME)
    if record is None:
        return {}
    if not _is_of(task, record):
        raise RecordError(
            f"'{task.folder}' contains the narration of '{record.source}'. Choose another --project for this story, or "
            f"remove that folder."
        )
    finished = Journal(task.folder / JOURNAL_NAME).entries()
    return {entry.id: entry for entry in (*record.segments, *finished)}


def _is_of(task: Task, record: Record) -> bool:
    """Return whether a record is this story's: the same file, or a moved file with the same name and shared text."""
    if record.source == str(task.source):
        return True
    texts = {segment.text for segment in task.story.segments}
    return Path(record.source).name == task.source.name and any(entry.text in texts for entry in record.segments)


def _is_intact(path: Path, entry: Entry) -> bool:
    try:
        return path.stat().st_size == entry.size
    except OSError:
        return False
