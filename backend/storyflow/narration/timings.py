"""The times of a narration's words, in timings.json next to the manifest: one segment a line.

Each segment's times are appended to a journal before the segment counts as finished, so that a kill loses none, and the
file is written once, at the end of a run. It is read line by line.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_engine.kokoro.speech.timings import TimedPassage
from engines.store.publishing import publish
from storyflow.narration.journal import append
from storyflow.narration.record import Entry

TIMINGS_NAME = "timings.json"
TIMINGS_JOURNAL_NAME = ".timings.jsonl"
_VERSION = 1


@dataclass(frozen=True)
class _Line:
    made_from: str
    text: bytes
    """A JSON object."""


class Timings:
    """The times of the segments in a project's folder."""

    def __init__(self, folder: Path) -> None:
        """Read what earlier runs wrote in `folder`; unreadable lines are ignored."""
        self._path, self._journal = folder / TIMINGS_NAME, folder / TIMINGS_JOURNAL_NAME
        # Text of some 80 bytes a word: a megabyte per hour of audio.
        self._lines = dict(_lines_of(self._path))
        self._lines.update(_lines_of(self._journal))

    def has(self, entry: Entry) -> bool:
        """Return whether there are times for the audio of `entry`."""
        line = self._lines.get(entry.id)
        return line is not None and line.made_from == entry.made_from

    def words(self, entry: Entry) -> tuple[TimedPassage, ...] | None:
        """Return an entry's words, timed in seconds from the start of its WAV; None if there are no times for it."""
        if not self.has(entry):
            return None
        try:
            return tuple(_word(**values) for values in json.loads(self._lines[entry.id].text)["words"])
        except (KeyError, TypeError):
            return None

    def add(self, made: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Keep the times of new WAVs, in the journal at once; raises OSError if the disk fails.

        `made` has, for each segment, its id, its digest and its `words_document`.
        """
        lines = {segment_id: _line(segment_id, made_from, words) for segment_id, made_from, words in made}
        append(self._journal, b"", *(line.text for line in lines.values()))  # a kill may have left half a line
        self._lines.update(lines)

    def rename(self, old_id: str, new_id: str) -> None:
        """Keep the times of a segment, if there are any, under its new id; raises OSError if the disk fails."""
        line = self._lines.pop(old_id, None)
        if line:
            document = json.loads(line.text)
            words = {key: document[key] for key in document if key not in ("id", "made_from")}
            self.add([(new_id, document["made_from"], words)])

    def publish(self, entries: Iterable[Entry]) -> None:
        """Write the file with the times of `entries`, in their order, and clear the journal.

        Raises OSError if the disk fails; nothing is lost then.
        """
        known = [self._lines[entry.id].text for entry in entries if self.has(entry)]
        head = b'{"version": %d, "segments": [\n' % _VERSION
        publish(self._path, head + b",\n".join(known) + b"\n]}\n")
        self._journal.unlink(missing_ok=True)


def _line(segment_id: str, made_from: str, words: Mapping[str, Any]) -> _Line:
    document = {"id": segment_id, "made_from": made_from, **words}
    return _Line(made_from, json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode("ascii"))


def _lines_of(path: Path) -> Iterator[tuple[str, _Line]]:
    try:
        with path.open("rb") as file:
            for line in file:
                text = line.rstrip(b",\n")
                found = _known(text)
                if found:
                    yield found["id"], _Line(found["made_from"], text)
    except OSError:
        return


def _known(text: bytes) -> Any:
    """Return the values of a line, None if it is not that of a segment."""
    try:
        values = json.loads(text)
    except ValueError:
        return None
    is_segment = isinstance(values, dict) and isinstance(values.get("words"), list)
    return values if is_segment and all(isinstance(values.get(key), str) for key in ("id", "made_from")) else None


def _word(text: str, start: float, end: float, **where: int) -> TimedPassage:
    return TimedPassage(text, start, end, where["from"], where["to"])
