"""Find a narrated project and check that it is complete."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core_engine.audio_paths import project_folder
from engines.store.names import is_name
from storyflow.audiobook.errors import ExportError
from storyflow.narration.record import RECORD_NAME, Entry, Record, read_record


@dataclass(frozen=True)
class Project:
    """A narration that is finished."""

    folder: Path
    record: Record

    def wav(self, entry: Entry) -> Path:
        """Return the path of a segment's audio."""
        return self.folder / entry.path


def find_project(named: str, root: Path) -> Project:
    """Return the project in the folder `named`, or of that name below the media root `root`.

    Raises ExportError if there is none, if it is not complete or if audio is missing, and RecordError if its manifest
    cannot be used.
    """
    folder = _folder(named, root)
    record = read_record(folder / RECORD_NAME)
    if record is None:
        raise ExportError(f"'{folder}' is not a narrated project: it has no {RECORD_NAME}. {_known(root)}")
    _check_complete(folder, record)
    return Project(folder, record)


def _folder(named: str, root: Path) -> Path:
    given = Path(named)
    if given.name == RECORD_NAME and given.is_file():
        return given.parent
    below = project_folder(root, named) if is_name(named) else given
    # A name is a project first: a folder of the same name may lie here by chance.
    for folder in (below, given):
        if (folder / RECORD_NAME).exists():
            return folder
    for folder in (given, below):
        if folder.is_dir():
            return folder
    raise ExportError(f"There is no project '{named}'. {_known(root)}")


def _known(root: Path) -> str:
    """Return what can be exported instead."""
    names = sorted(path.parent.name for path in (root / "projects").glob(f"*/{RECORD_NAME}"))
    if not names:
        return (
            f"Narrate a story first: storyflow narrate STORY. Projects in '{root}' are found by name, others by folder."
        )
    return f"The projects in '{root}' are: {', '.join(names[:20])}. Give one of these, or the folder of another."


def _check_complete(folder: Path, record: Record) -> None:
    if not record.complete:
        raise ExportError(
            f"The narration in '{folder}' is not complete. Wait for it if it is running; otherwise finish it with the "
            f"options that it was begun with: {_narrate_again(folder, record)}"
        )
    if not any(entry.kind != "break" for entry in record.segments):
        raise ExportError(f"The narration in '{folder}' has no segments. Run: {_narrate_again(folder, record)}")
    missing = list(_without_audio(folder, record))
    if missing:
        raise ExportError(
            f"The audio of {len(missing)} of {len(record.segments)} segments is missing, such as "
            f"'{folder / missing[0].path}'. Make it again with the same options: {_narrate_again(folder, record)}"
        )


def _narrate_again(folder: Path, record: Record) -> str:
    """Return the command that narrates the story again, into this folder if `narrate` can, in any working folder."""
    folder = folder.absolute()
    root = folder.parent.parent
    here = ["--project", folder.name, "--out", str(root)] if project_folder(root, folder.name) == folder else []
    return shlex.join(["storyflow", "narrate", record.source, *here])


def _without_audio(folder: Path, record: Record) -> Iterator[Entry]:
    return (entry for entry in record.segments if entry.kind != "break" and not _is_inside(folder, entry))


def _is_inside(folder: Path, entry: Entry) -> bool:
    """Return whether the audio exists; a manifest from elsewhere must not name files outside of its folder."""
    path = Path(entry.path)
    return not path.is_absolute() and ".." not in path.parts and (folder / path).is_file()
