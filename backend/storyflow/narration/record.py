"""The record of a narration: each text, its file and how it was made, so that a second run redoes only what changed.

It is manifest.json in the project's folder, next to a playlist of the audio.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engines.store.names import InvalidNameError, checked_name
from engines.store.publishing import publish
from storyflow.narration.errors import RecordError

RECORD_NAME = "manifest.json"
JOURNAL_NAME = ".finished.jsonl"
PLAYLIST_NAME = "playlist.m3u8"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A spoken segment."""

    id: str
    text: str
    path: str
    """Path of the WAV, relative to the manifest."""
    duration: float
    """Seconds."""
    voice: str
    """The voice that was used."""
    made_from: str
    """Digest of everything that affects the audio."""
    size: int
    """Size of the WAV in bytes."""
    kind: str = "paragraph"
    """What it is in the story: "heading", "paragraph" or "break"."""
    level: int = 0
    """Level of a heading, 1 being the highest; 0 for anything else."""
    pause_after: float | None = None
    """Seconds of silence after it, if the story says so."""
    speaker: str | None = None
    """The name of who says it, if that is not the narrator."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Additional keys of the segment in a JSON story."""


@dataclass(frozen=True)
class Record:
    """The content of a project's folder, in the order of the story."""

    title: str
    source: str
    """The absolute path of the story file."""
    segments: tuple[Entry, ...] = ()
    author: str | None = None
    language: str | None = None
    """Language tag such as "en" or "pt-br", if the story gives one."""
    complete: bool = True
    """Whether the last run reached the end of the story."""


def read_record(path: Path) -> Record | None:
    """Return the record at `path`, None if there is none yet; raise RecordError if it cannot be used."""
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unusable(path, f"cannot be read: {_reason(error)}") from error
    try:
        if document["version"] != _VERSION:
            raise _unusable(path, f"has version {document['version']!r}, but this program supports version {_VERSION}")
        segments = tuple(entry_of(entry) for entry in document["segments"])
        author, language = (document.get(key) for key in ("author", "language"))
        complete = document.get("complete") is not False  # manifests of earlier versions do not say
        return Record(str(document["title"]), str(document["source"]), segments, author, language, complete)
    except (KeyError, TypeError, InvalidNameError) as error:
        raise _unusable(path, "is not the manifest of a narration") from error


def _unusable(path: Path, problem: str) -> RecordError:
    return RecordError(
        f"The manifest '{path}' {problem}. Choose another --project, or delete the file; the whole story is then "
        f"narrated again."
    )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def entry_of(values: Any) -> Entry:
    """Return the entry for `values` read from JSON; raise TypeError or InvalidNameError."""
    entry = Entry(**values)
    checked_name(entry.id, "segment id")
    texts = (entry.text, entry.path, entry.voice, entry.made_from)
    if not all(isinstance(text, str) for text in texts) or not isinstance(entry.size, int):
        raise TypeError("a field has the wrong type")
    if not isinstance(entry.extra, dict):
        raise TypeError("the extra keys are not an object")
    if isinstance(entry.duration, bool) or not isinstance(entry.duration, (int, float)):
        raise TypeError("the duration is not a number")
    return entry


def write_record(path: Path, record: Record) -> None:
    """Write the record atomically."""
    document = {"version": _VERSION, **asdict(record)}
    publish(path, json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))


def write_playlist(path: Path, entries: Iterable[Entry]) -> None:
    """Write a playlist of the audio atomically, in the order of the story."""
    lines = ["#EXTM3U"]
    for entry in entries:
        lines += [f"#EXTINF:{entry.duration:.3f},{entry.text[:60]}", entry.path]
    publish(path, "\n".join([*lines, ""]).encode("utf-8", "backslashreplace"))
