"""Write the captions of a narrated project."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from core_engine.kokoro.dimensions import SAMPLE_RATE
from engines.store.publishing import publish
from storyflow.captions.cues import cues_of
from storyflow.captions.formats import FORMATS
from storyflow.captions.units import Spoken
from storyflow.narration.errors import RecordError
from storyflow.narration.record import RECORD_NAME, Entry, Record, read_record
from storyflow.narration.timings import Timings

_STEM = "captions"


class CaptionsError(RecordError):
    """There are no times for the captions; the message says how to get them."""


def captions_wanted(folder: Path, asked: Iterable[str]) -> list[str]:
    """Return the formats to write for the project in `folder`: those asked for, and those that are there already."""
    return [kind for kind in FORMATS if kind in asked or captions_path(folder, kind).exists()]


def write_project_captions(folder: Path, kinds: Iterable[str]) -> list[Path]:
    """Write the captions of a narrated project's WAVs, played one after another; return their paths.

    Raises CaptionsError.
    """
    record = read_record(folder / RECORD_NAME)
    paths = [captions_path(folder, kind) for kind in kinds]
    if record is None or not record.segments or not paths:
        return []
    timings, starts = check_times(folder, record), one_after_another(record.segments)
    for path in paths:
        write_captions(path, spoken_segments(timings, record, starts), record.language)
    return paths


def captions_path(folder: Path, kind: str) -> Path:
    """Return the path of the captions of a project's WAVs: `captions.srt`, next to the manifest."""
    return folder / f"{_STEM}.{kind}"


def one_after_another(entries: Sequence[Entry]) -> list[float]:
    """Return where each segment starts, in seconds, if the WAVs are played without pauses between them.

    The sums are exact to the sample.
    """
    samples = [round(entry.duration * SAMPLE_RATE) for entry in entries]
    return [start / SAMPLE_RATE for start in accumulate(samples[:-1], initial=0)] if samples else []


def spoken_segments(timings: Timings, record: Record, starts: Sequence[float]) -> Iterator[Spoken]:
    """Yield the segments of a project with the times of their words, which `check_times` has read, for `cues_of`.

    `starts` are the seconds at which the segments of `record` start in the audio that the captions are for.
    """
    return (Spoken(e.text, timings.words(e) or (), start) for e, start in zip(record.segments, starts, strict=True))


def check_times(folder: Path, record: Record) -> Timings:
    """Return the times of a project; raise CaptionsError if segments have none: an earlier version narrated them."""
    timings = Timings(folder)
    missing = sum(not timings.has(entry) for entry in record.segments)
    if missing:
        again = f"storyflow narrate {shlex.quote(record.source)} --project {folder.name} --captions srt"
        raise CaptionsError(
            f"{missing} of {len(record.segments)} segments in '{folder}' were narrated without the times of their "
            f"words. This speaks them again: {again}"
        )
    return timings


def write_captions(path: Path, spoken: Iterable[Spoken], language: str | None = None) -> None:
    """Write captions atomically, in the format of the path's ending: a key of FORMATS.

    `language` is that of the text, which decides where sentences end; English by default.
    """
    lines = FORMATS[path.suffix[1:].lower()](cues_of(spoken, language or "en-us"))
    publish(path, "".join(lines).encode("utf-8", "backslashreplace"))
