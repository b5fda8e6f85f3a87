"""One file of a narration for another player: an audiobook or its captions, kept in the project's folder."""

from collections.abc import Callable
from pathlib import Path

from engines.contract.errors import NotFoundError, RequestError
from storyflow.audiobook.book import Wishes, export
from storyflow.audiobook.pauses import PAUSES
from storyflow.audiobook.project import Project, find_project
from storyflow.audiobook.timeline import timeline_of
from storyflow.captions.files import check_times, spoken_segments, write_captions
from storyflow.narration.record import RECORD_NAME

KINDS = {"m4b": "audio/mp4", "mp3": "audio/mpeg", "srt": "application/x-subrip", "vtt": "text/vtt"}
"""The kinds of files, with their media types. The captions are for the audiobooks."""

_CAPTIONS = ("srt", "vtt")

Report = Callable[[float], None]
"""Called regularly with the share that is done."""


def download_path(folder: Path, kind: str) -> Path:
    """Return the path of a file of a project; raise NotFoundError for an unknown kind."""
    if kind not in KINDS:
        raise NotFoundError(f"There is no download '{kind[:20]}'. Choose one of {', '.join(KINDS)}.")
    return folder / f"{folder.name}.{kind}"


def current(folder: Path) -> list[str]:
    """Return the kinds of files that are there and newer than the narration."""
    return [kind for kind in KINDS if _is_current(folder, kind)]


def make(folder: Path, root: Path, kind: str, report: Report) -> None:
    """Write a file of a project; raises RequestError if the narration changes meanwhile, or as `export` does."""
    output = download_path(folder, kind)
    project = find_project(str(folder), root)
    before = _narrated_at(folder)
    if kind in _CAPTIONS:
        _write_captions(project, output)
    else:
        export(project, Wishes(output), lambda done, whole: report(done / whole if whole else 1.0))
    if before != _narrated_at(folder):
        output.unlink(missing_ok=True)
        raise RequestError("The narration changed meanwhile. Download it again.")


def _write_captions(project: Project, output: Path) -> None:
    record = project.record
    timings = check_times(project.folder, record)
    starts = {place.entry.id: place.start_s for place in timeline_of(project, PAUSES).placed}
    spoken = spoken_segments(timings, record, [starts[entry.id] for entry in record.segments])
    write_captions(output, spoken, record.language)


def _is_current(folder: Path, kind: str) -> bool:
    try:
        return download_path(folder, kind).stat().st_mtime_ns >= _narrated_at(folder) > 0
    except OSError:
        return False


def _narrated_at(folder: Path) -> int:
    try:
        return (folder / RECORD_NAME).stat().st_mtime_ns
    except OSError:
        return 0
