"""Narrate a story: write a WAV per segment to the project's folder, and redo only what changed."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np

from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.errors import KokoroError, NothingToSpeakError
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.throughput import speak_each
from core_engine.kokoro.speech.timings import timings_of
from core_engine.reading.scene_breaks import SCENE_BREAK_S
from core_engine.timings_document import words_document
from storyflow.narration.journal import Journal
from storyflow.narration.planning import Plan, PlannedSegment, Task
from storyflow.narration.record import (
    JOURNAL_NAME,
    PLAYLIST_NAME,
    RECORD_NAME,
    Entry,
    Record,
    write_playlist,
    write_record,
)
from storyflow.narration.speaking import save_speech
from storyflow.stories.story import Segment

logger = logging.getLogger(__name__)

_SAVE_EVERY_S = 2.0


@dataclass(frozen=True)
class Step:
    """A segment that is done."""

    segment: Segment
    wav: Path | None
    """Its WAV; None if it could not be spoken."""
    new_s: float = 0.0
    """Seconds of audio, if the WAV is new."""


AfterEach = Callable[[Step], None]
"""Called with each segment when it is done; those that are kept may come before their turn."""


@dataclass(frozen=True)
class Outcome:
    """The result of a narration."""

    manifest: Path
    entries: tuple[Entry, ...]
    """Every segment that has audio, in the order of the story."""
    made: tuple[Entry, ...]
    """The entries made in this run."""
    skipped: tuple[str, ...]
    """Ids of segments with nothing that can be spoken, such as a lone question mark."""
    errors: dict[str, str]
    """Segment id → why it could not be spoken."""
    elapsed_s: float

    @property
    def audio_s(self) -> float:
        """Seconds of audio of the whole narration."""
        return sum(entry.duration for entry in self.entries)

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work per second of audio made in this run; None if none was made."""
        made_s = sum(entry.duration for entry in self.made)
        return self.elapsed_s / made_s if made_s else None


class Narration:
    """One run of narrating a story."""

    def __init__(self, task: Task, kokoro: Kokoro, model_digest: str, workers: int = 1) -> None:
        """Check what an earlier run made; write nothing. Raises as `Plan.of` does.

        `workers` is the number of chunks to speak in parallel.
        """
        self._task, self._kokoro, self._workers = task, kokoro, workers
        self._plan = Plan.of(task, kokoro, model_digest)
        self._before = dict(self._plan.before)
        self._journal = Journal(task.folder / JOURNAL_NAME)
        self._entries: dict[str, Entry] = {}
        self._made: list[Entry] = []
        self._skipped: list[str] = []
        self._errors: dict[str, str] = {}

    def run(self, after_each: AfterEach) -> Outcome:
        """Speak the new and changed segments; write the manifest and a playlist.

        An interrupted run leaves complete files and a manifest of them, and the next run resumes there. Raises OSError
        if the disk fails.
        """
        self._task.folder.mkdir(parents=True, exist_ok=True)
        self._save()  # marks the folder as this story's from the start
        begin = time.monotonic()
        try:
            self._speak(after_each)
        finally:
            self._save()
        elapsed_s = time.monotonic() - begin
        self._remove_stale()
        self._plan.timings.publish(self._save())
        write_playlist(self._task.folder / PLAYLIST_NAME, self._in_order())
        return self._outcome(elapsed_s)

    def _speak(self, after_each: AfterEach) -> None:
        saved = time.monotonic()
        # `ahead` is a few segments ahead of `todo`; `tee` keeps them, so that each text is read once.
        todo, ahead = tee(planned for planned in self._plan.segments() if not self._is_kept(planned, after_each))
        spoken = speak_each(self._kokoro, (planned.line for planned in ahead), self._workers)
        for planned, speech in zip(todo, spoken, strict=True):
            after_each(self._keep(planned, speech))
            if time.monotonic() - saved > _SAVE_EVERY_S:
                self._save()
                saved = time.monotonic()

    def _is_kept(self, planned: PlannedSegment, after_each: AfterEach) -> bool:
        """Keep the segment if an earlier run made it; return whether it did."""
        if planned.kept is None:
            return False
        segment = planned.segment
        kept = planned.kept if planned.kept.id == segment.id else self._renamed(planned.kept, segment.id)
        self._entries[segment.id] = replace(kept, **_from_story(segment))
        after_each(Step(segment, self._task.audio_path(segment.id)))
        return True

    def _renamed(self, entry: Entry, segment_id: str) -> Entry:
        """Give the audio of a text, which has another id now, that name."""
        path = self._task.audio_path(segment_id)
        self._plan.timings.rename(entry, segment_id)
        self._task.audio_path(entry.id).replace(path)
        self._before.pop(entry.id, None)
        renamed = replace(entry, id=segment_id, path=path.relative_to(self._task.folder).as_posix())
        self._journal.add(renamed)
        return renamed

    def _keep(self, planned: PlannedSegment, speech: Speech | KokoroError) -> Step:
        """Record the result of a segment."""
        segment = planned.segment
        if planned.is_break:
            silence = np.zeros(round(SCENE_BREAK_S * SAMPLE_RATE), np.float32)
            speech = Speech(silence, SAMPLE_RATE, planned.line.voice, 0)
        if isinstance(speech, NothingToSpeakError):
            self._skipped.append(segment.id)
        elif isinstance(speech, KokoroError):
            logger.debug("Segment %s could not be spoken", segment.id, exc_info=speech)
            self._errors[segment.id] = str(speech)
        else:
            self._entries[segment.id] = self._written(planned, speech)
            self._journal.add(self._entries[segment.id])
            self._made.append(self._entries[segment.id])
            return Step(segment, self._task.audio_path(segment.id), self._made[-1].duration)
        return Step(segment, None)

    def _written(self, planned: PlannedSegment, speech: Speech) -> Entry:
        path = self._task.audio_path(planned.segment.id)
        saved = save_speech(speech, path)
        words = words_document(timings_of(speech, planned.reading))
        self._plan.timings.add(planned.segment.id, planned.made_from, words)
        return Entry(
            id=planned.segment.id,
            text=planned.segment.text,
            path=path.relative_to(self._task.folder).as_posix(),
            duration=saved.duration,
            voice=speech.voice,
            made_from=planned.made_from,
            size=saved.size,
            **_from_story(planned.segment),
        )

    def _save(self) -> tuple[Entry, ...]:
        """Write and return the manifest's entries: what this run has done, and what it has not reached yet."""
        known = {**self._before, **self._entries}
        story = self._task.story
        in_order = tuple(known.pop(segment.id) for segment in story.segments if segment.id in known)
        entries = (*in_order, *known.values())
        record = Record(story.title, str(self._task.source), entries, story.author, story.language)
        write_record(self._task.folder / RECORD_NAME, record)
        self._journal.clear()
        return entries

    def _in_order(self) -> tuple[Entry, ...]:
        segments = self._task.story.segments
        return tuple(self._entries[segment.id] for segment in segments if segment.id in self._entries)

    def _remove_stale(self) -> None:
        """Remove the audio of segments that were deleted from the story or can no longer be spoken."""
        for segment_id in set(self._before) - set(self._entries):
            self._task.audio_path(segment_id).unlink(missing_ok=True)
            del self._before[segment_id]

    def _outcome(self, elapsed_s: float) -> Outcome:
        return Outcome(
            manifest=self._task.folder / RECORD_NAME,
            entries=self._in_order(),
            made=tuple(self._made),
            skipped=tuple(self._skipped),
            errors=self._errors,
            elapsed_s=elapsed_s,
        )


def _from_story(segment: Segment) -> dict[str, Any]:
    """Return what an entry says about a segment that does not affect its audio."""
    return {
        "kind": segment.kind,
        "level": segment.level,
        "pause_after": segment.pause_after,
        "speaker": segment.speaker,
        "extra": dict(segment.extra),
    }
