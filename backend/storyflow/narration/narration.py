"""Narrating: each segment becomes a WAV in the project's folder, and only what changed is made again."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_engine.audio_paths import audio_path, project_folder
from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.errors import KokoroError, NothingToSpeakError
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.throughput import speak_each
from core_engine.reading.aloud import spoken_text
from core_engine.reading.scene_breaks import SCENE_BREAK_S, is_scene_break
from engines.store.publishing import publish
from storyflow.narration.manifest import FILE_NAME, Entry, Manifest, ManifestError, read_manifest, write_manifest
from storyflow.narration.speaking import save_speech
from storyflow.stories.story import Segment, Story

PLAYLIST_NAME = "playlist.m3u8"
_SOUND_VERSION = 2
"""Goes up when the same text, voice and model come to sound different, so that all is made again."""
_SAVE_EVERY_S = 2.0
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True)
class Task:
    """What to narrate, how, and where to."""

    story: Story
    source: Path
    """The story file, absolute."""
    project: str
    root: Path
    """The media root; audio goes to projects/{project}/audio below it."""
    voice: str
    speed: float
    as_written: bool = False
    """Whether numbers, dates and other written forms are left as they are."""

    def audio_path(self, segment_id: str) -> Path:
        """Return where a segment's audio lies."""
        return audio_path(self.root, self.project, segment_id)

    @property
    def folder(self) -> Path:
        """The project's folder, which holds manifest and playlist."""
        return project_folder(self.root, self.project)


@dataclass(frozen=True)
class Outcome:
    """What a narration did."""

    manifest: Path
    entries: tuple[Entry, ...]
    """Every segment that has audio, in the order of the story."""
    made: tuple[Entry, ...]
    """Those of them made in this run; the others were there."""
    skipped: tuple[str, ...]
    """Ids of segments with nothing that can be spoken, such as a row of asterisks."""
    errors: dict[str, str]
    """Segment id → why it could not be spoken."""
    elapsed_s: float

    @property
    def audio_s(self) -> float:
        """Seconds of audio of the whole narration."""
        return sum(entry.duration for entry in self.entries)

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work for each second of audio made in this run; None where none was made."""
        made_s = sum(entry.duration for entry in self.made)
        return self.elapsed_s / made_s if made_s else None


class Narration:
    """One run over one story."""

    def __init__(self, task: Task, kokoro: Kokoro, model_digest: str, workers: int = 1) -> None:
        """Look at what is there already; nothing is written yet.

        `workers` is the number of chunks to speak side by side.

        Raises:
            ManifestError: the project's folder belongs to another story.
            KokoroError: neither the voice nor the default voice is installed, or the text side of the model is not.
        """
        self._task = task
        self._workers = workers
        self._kokoro = kokoro
        text_side = kokoro.check(task.voice)
        self._voice, pack = kokoro.voice_pack(task.voice)
        self._language = kokoro.language(task.voice).code
        self._made_with = f"{_SOUND_VERSION} {model_digest} {hashlib.sha256(pack.tobytes()).hexdigest()} {text_side}"
        self._before = _previous_entries(task)
        self._entries: dict[str, Entry] = {}
        self._made: list[Entry] = []
        self._skipped: list[str] = []
        self._errors: dict[str, str] = {}

    def run(self, after_each: Callable[[Segment, Path | None], None]) -> Outcome:
        """Speak every segment that is not there yet; write the manifest and a playlist.

        `after_each` is called with each segment and the WAV that was made for it, None where none was.

        An interrupted run leaves whole files and a manifest of what was done; the next run goes on there. Raises
        OSError where the disk refuses.
        """
        self._task.folder.mkdir(parents=True, exist_ok=True)
        begin = saved = time.monotonic()
        todo = [segment for segment in self._task.story.segments if not self._is_kept(segment, after_each)]
        texts = ("" if is_scene_break(segment.text) else self._spoken(segment) for segment in todo)
        spoken = speak_each(self._kokoro, texts, self._voice, self._task.speed, self._workers)
        try:
            for segment, speech in zip(todo, spoken, strict=True):
                after_each(segment, self._keep(segment, speech))
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    self._save()
                    saved = time.monotonic()
        finally:
            self._save()
        elapsed_s = time.monotonic() - begin
        self._remove_stale()
        self._save()
        self._write_playlist()
        return self._outcome(elapsed_s)

    def _is_kept(self, segment: Segment, after_each: Callable[[Segment, Path | None], None]) -> bool:
        """Keep a segment whose audio is there and made from the same; tell whether that was so."""
        old = self._before.get(segment.id)
        if not old or old.made_from != self._digest_of(segment):
            return False
        if not _is_intact(self._task.audio_path(segment.id), old):
            return False
        self._entries[segment.id] = old
        after_each(segment, None)
        return True

    def _keep(self, segment: Segment, speech: Speech | KokoroError) -> Path | None:
        """Keep what became of a segment; return its WAV where it has one."""
        if is_scene_break(segment.text):
            speech = Speech(np.zeros(round(SCENE_BREAK_S * SAMPLE_RATE), np.float32), SAMPLE_RATE, self._voice, 0)
        if isinstance(speech, NothingToSpeakError):
            self._skipped.append(segment.id)
        elif isinstance(speech, KokoroError):
            self._errors[segment.id] = str(speech)
        else:
            self._entries[segment.id] = self._written(segment, speech)
            self._made.append(self._entries[segment.id])
            return self._task.audio_path(segment.id)
        return None

    def _spoken(self, segment: Segment) -> str:
        """Return the text of a segment as the voice says it."""
        return segment.text if self._task.as_written else spoken_text(segment.text, self._language)

    def _digest_of(self, segment: Segment) -> str:
        parts = f"{self._made_with} {self._voice} {self._task.speed} {self._spoken(segment)}"
        if is_scene_break(segment.text):
            parts = f"{_SOUND_VERSION} silence of {SCENE_BREAK_S} s"
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()

    def _written(self, segment: Segment, speech: Speech) -> Entry:
        path = self._task.audio_path(segment.id)
        saved = save_speech(speech, path)
        return Entry(
            id=segment.id,
            text=segment.text,
            path=path.relative_to(self._task.folder).as_posix(),
            duration=saved.duration,
            voice=speech.voice,
            made_from=self._digest_of(segment),
            size=saved.size,
        )

    def _save(self) -> None:
        """Write the manifest of what is there now: what this run did, and what it has not come to yet."""
        known = {**self._before, **self._entries}
        task = self._task
        in_order = tuple(known.pop(segment.id) for segment in task.story.segments if segment.id in known)
        manifest = Manifest(task.story.title, str(task.source), (*in_order, *known.values()))
        write_manifest(task.folder / FILE_NAME, manifest)

    def _in_order(self) -> tuple[Entry, ...]:
        segments = self._task.story.segments
        return tuple(self._entries[segment.id] for segment in segments if segment.id in self._entries)

    def _remove_stale(self) -> None:
        """Remove the audio of segments that are no longer in the story, or can no longer be spoken."""
        for segment_id in set(self._before) - set(self._entries):
            self._task.audio_path(segment_id).unlink(missing_ok=True)
            del self._before[segment_id]

    def _write_playlist(self) -> None:
        lines = ["#EXTM3U"]
        for entry in self._in_order():
            lines += [f"#EXTINF:{entry.duration:.3f},{entry.text[:60]}", entry.path]
        publish(self._task.folder / PLAYLIST_NAME, "\n".join([*lines, ""]).encode("utf-8", "backslashreplace"))

    def _outcome(self, elapsed_s: float) -> Outcome:
        return Outcome(
            manifest=self._task.folder / FILE_NAME,
            entries=self._in_order(),
            made=tuple(self._made),
            skipped=tuple(self._skipped),
            errors=self._errors,
            elapsed_s=elapsed_s,
        )


def digest_of_model(path: Path) -> str:
    """Return what tells one model file from another: its size, its first and its last MiB.

    Hashing all of a large model would take longer than speaking a page.
    """
    with path.open("rb") as file:
        head = file.read(_SAMPLE_BYTES)
        size = file.seek(0, 2)
        file.seek(max(0, size - _SAMPLE_BYTES))
        return hashlib.sha256(b"%d" % size + head + file.read()).hexdigest()


def _previous_entries(task: Task) -> dict[str, Entry]:
    manifest = read_manifest(task.folder / FILE_NAME)
    if manifest is None:
        return {}
    if not _is_of(task, manifest):
        raise ManifestError(
            f"'{task.folder}' holds the narration of '{manifest.source}'. Choose another --project for this story, or "
            f"remove that folder."
        )
    return {entry.id: entry for entry in manifest.segments}


def _is_of(task: Task, manifest: Manifest) -> bool:
    """Tell whether a manifest belongs to this story: the same file, or one moved with its name and part of its text."""
    if manifest.source == str(task.source):
        return True
    texts = {segment.text for segment in task.story.segments}
    return Path(manifest.source).name == task.source.name and any(entry.text in texts for entry in manifest.segments)


def _is_intact(path: Path, entry: Entry) -> bool:
    try:
        return path.stat().st_size == entry.size
    except OSError:
        return False
