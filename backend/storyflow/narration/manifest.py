"""The record of a narration: which text became which file, with what, so that a second run does only what changed."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engines.store.names import InvalidNameError, checked_name
from engines.store.publishing import publish

FILE_NAME = "manifest.json"
VERSION = 1


class ManifestError(ValueError):
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
class Manifest:
    """What a project's folder holds, in the order of the story."""

    title: str
    source: str
    """The story file, absolute."""
    segments: tuple[Entry, ...] = field(default=())

    def entry(self, segment_id: str) -> Entry | None:
        """Return the entry of a segment."""
        return next((entry for entry in self.segments if entry.id == segment_id), None)


def read_manifest(path: Path) -> Manifest | None:
    """Return the manifest at `path`, None where there is none yet; raise ManifestError for one that is not ours."""
    try:
        document: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ManifestError(f"The manifest '{path}' cannot be read ({error}). Move it away and run again.") from error
    try:
        if document["version"] != VERSION:
            raise ManifestError(f"The manifest '{path}' was written by another version. Move it away and run again.")
        segments = tuple(_checked(Entry(**entry)) for entry in document["segments"])
        return Manifest(str(document["title"]), str(document["source"]), segments)
    except (KeyError, TypeError, InvalidNameError) as error:
        raise ManifestError(f"The manifest '{path}' is not one of ours. Move it away or choose --project.") from error


def _checked(entry: Entry) -> Entry:
    """Return an entry whose fields are what they should be; raise TypeError or InvalidNameError."""
    checked_name(entry.id, "segment id")
    texts = (entry.text, entry.path, entry.voice, entry.made_from)
    if not all(isinstance(text, str) for text in texts) or not isinstance(entry.size, int):
        raise TypeError("a field has another type")
    if isinstance(entry.duration, bool) or not isinstance(entry.duration, (int, float)):
        raise TypeError("the duration is no number")
    return entry


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all."""
    document = {"version": VERSION, **asdict(manifest)}
    publish(path, json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"))
