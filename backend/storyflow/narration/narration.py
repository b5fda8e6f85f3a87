"""Narrate a story: write a WAV per segment to the project's folder, and redo only what changed."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core_engine.audio_utils import AudioWriteError, write_wav_bytes
from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.speech.synthesis import Kokoro
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
from storyflow.narration.spoken import Answer, Answered, Speakers, Spoken
from storyflow.stories.story import Segment

logger = logging.getLogger(__name__)

_SAVE_EVERY_S = 2.0
_WRITERS = 8
"""WAVs that are flushed to the disk at once: it flushes eight in about the time of one."""


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

    def __init__(self, task: Task, kokoro: Kokoro, model_digest: str, speakers: Speakers) -> None:
        """Check what an earlier run made; write nothing. Raises as `Plan.of` does.

        `kokoro` is the model with which to plan, `speakers` speak with it, here or elsewhere.
        """
        self._task, self._speakers = task, speakers
        self._plan = Plan.of(task, kokoro, model_digest)
        self._before = dict(self._plan.before)
        self._journal = Journal(task.folder / JOURNAL_NAME)
        self._entries: dict[str, Entry] = {}
        self._made: set[str] = set()
        self._skipped: set[str] = set()
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
        self._plan.timings.publish(self._save(complete=True))
        write_playlist(self._task.folder / PLAYLIST_NAME, self._in_order())
        return self._outcome(elapsed_s)

    def _speak(self, after_each: AfterEach) -> None:
        saved = time.monotonic()
        todo = (planned for planned in self._plan.segments() if not self._is_kept(planned, after_each))
        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="write") as writers:
            for answered in self._speakers(todo):
                self._keep(answered, writers)
                for planned, _ in answered:
                    after_each(self._step(planned))
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
        self._task.audio_path(entry.id).replace(path)
        self._before.pop(entry.id, None)
        self._plan.timings.rename(entry.id, segment_id)
        renamed = replace(entry, id=segment_id, path=path.relative_to(self._task.folder).as_posix())
        self._journal.add(renamed)
        return renamed

    def _keep(self, answered: Answered, writers: ThreadPoolExecutor) -> None:
        """Record the results of segments, and write those that have audio; raise the first error of the disk."""
        spoken = [(planned, answer) for planned, answer in answered if isinstance(answer, Spoken)]
        problems = list(writers.map(lambda each: self._write(*each), spoken))
        written = [each for each, problem in zip(spoken, problems, strict=True) if problem is None]
        if written:
            self._plan.timings.add((planned.segment.id, planned.made_from, each.words) for planned, each in written)
            entries = [self._entry(*each) for each in written]
            self._journal.add(*entries)
            self._entries.update((entry.id, entry) for entry in entries)
            self._made.update(entry.id for entry in entries)
        for planned, answer in answered:
            self._note(planned, answer)
        for problem in filter(None, problems):
            raise problem

    def _write(self, planned: PlannedSegment, spoken: Spoken) -> AudioWriteError | None:
        path = self._task.audio_path(planned.segment.id)
        try:
            write_wav_bytes(spoken.wav, path)
        except AudioWriteError as error:
            return error
        logger.info("Wrote '%s': %.2f s by %s", path, spoken.duration, spoken.voice)
        return None

    def _note(self, planned: PlannedSegment, answer: Answer) -> None:
        """Remember a segment without audio."""
        if isinstance(answer, NothingToSpeakError):
            self._skipped.add(planned.segment.id)
        elif not isinstance(answer, Spoken):
            logger.debug("Segment %s could not be spoken", planned.segment.id, exc_info=answer)
            self._errors[planned.segment.id] = str(answer)

    def _step(self, planned: PlannedSegment) -> Step:
        entry = self._entries.get(planned.segment.id)
        if entry is None:
            return Step(planned.segment, None)
        return Step(planned.segment, self._task.audio_path(entry.id), entry.duration)

    def _entry(self, planned: PlannedSegment, spoken: Spoken) -> Entry:
        path = self._task.audio_path(planned.segment.id)
        return Entry(
            id=planned.segment.id,
            text=planned.segment.text,
            path=path.relative_to(self._task.folder).as_posix(),
            duration=spoken.duration,
            voice=spoken.voice,
            made_from=planned.made_from,
            size=len(spoken.wav),
            **_from_story(planned.segment),
        )

    def _save(self, complete: bool = False) -> tuple[Entry, ...]:
        """Write and return the manifest's entries: what this run has done, and what it has not reached yet."""
        known = {**self._before, **self._entries}
        story = self._task.story
        in_order = tuple(known.pop(segment.id) for segment in story.segments if segment.id in known)
        entries = (*in_order, *known.values())
        record = Record(story.title, str(self._task.source), entries, story.author, story.language, complete)
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
        entries, ids = self._in_order(), [segment.id for segment in self._task.story.segments]
        return Outcome(
            manifest=self._task.folder / RECORD_NAME,
            entries=entries,
            made=tuple(entry for entry in entries if entry.id in self._made),
            skipped=tuple(segment_id for segment_id in ids if segment_id in self._skipped),
            errors={segment_id: self._errors[segment_id] for segment_id in ids if segment_id in self._errors},
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
