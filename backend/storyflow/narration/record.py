"""The record of a narration: which text became which file, with what, so that a second run does only what changed.

It lies in the project's folder as manifest.json, with a playlist of the audio beside it.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engines.store.names import InvalidNameError, checked_name
from engines.store.publishing import publish

RECORD_NAME = "manifest.json"
PLAYLIST_NAME = "playlist.m3u8"
_VERSION = 1


class RecordError(ValueError):
    """A manifest that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Entry:
    """One segment that was spoken."""

    id: str
    text: str
    path: str
    """Of the WAV, relative to the manifest."""
    duration: float
    """Seconds."""
    voice: str
    """The voice that really spoke."""
    made_from: str
    """Digest of everything that decides how the audio sounds."""
    size: int
    """Bytes of the WAV."""


@dataclass(frozen=True)
class Record:
    """What a project's folder holds, in the order of the story."""

    title: str
    source: str
    """The story file, absolute."""
    segments: tuple[Entry, ...] = ()


def read_record(path: Path) -> Record | None:
    """Return the record at `path`, None where there is none yet; raise RecordError for one that is not ours."""
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordError(f"The manifest '{path}' cannot be read ({error}). Move it away and run again.") from error
    try:
        if document["version"] != _VERSION:
            raise RecordError(f"The manifest '{path}' was written by another version. Move it away and run again.")
        segments = tuple(_checked(Entry(**entry)) for entry in document["segments"])
        return Record(str(document["title"]), str(document["source"]), segments)
    except (KeyError, TypeError, InvalidNameError) as error:
        raise RecordError(f"The manifest '{path}' is not one of ours. Move it away or choose --project.") from error


def _checked(entry: Entry) -> Entry:
    """Return an entry whose fields are what they should be; raise TypeError or InvalidNameError."""
    checked_name(entry.id, "segment id")
    texts = (entry.text, entry.path, entry.voice, entry.made_from)
    if not all(isinstance(text, str) for text in texts) or not isinstance(entry.size, int):
        raise TypeError("a field has another type")
    if isinstance(entry.duration, bool) or not isinstance(entry.duration, (int, float)):
        raise TypeError("the duration is not a number")
    return entry


def write_record(path: Path, record: Record) -> None:
    """Write the record, whole or not at all."""
    document = {"version": _VERSION, **asdict(record)}
    publish(path, json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))


def write_playlist(path: Path, entries: Iterable[Entry]) -> None:
    """Write a playlist of the audio in the order of the story, whole or not at all."""
    lines = ["#EXTM3U"]
    for entry in entries:
        lines += [f"#EXTINF:{entry.duration:.3f},{entry.text[:60]}", entry.path]
    publish(path, "\n".join([*lines, ""]).encode("utf-8", "backslashreplace"))
