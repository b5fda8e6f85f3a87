"""The projects in one folder: find them, add a story, delete one."""

import contextlib
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from core_engine.audio_paths import project_folder
from engines.contract.errors import NotFoundError, RequestError
from engines.store.names import InvalidNameError, OutsideRootError, is_name, path_inside
from storyflow.narration.naming import project_named
from storyflow.narration.record import RECORD_NAME
from storyflow.stories.blocks import one_line
from storyflow.stories.errors import StoryError
from storyflow.stories.pauses import PauseError, without_pauses
from storyflow.stories.story import read_document, read_story
from storyflow.studio.draft import STORY_NAME, Draft

_LONGEST_TITLE = 120
_WORDS_OF_TITLE = 6
_PASTED = "pasted"
_NEW, _DELETED = ".new-", ".deleted-"
_ABANDONED_S = 3600.0
_SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")


@dataclass(frozen=True)
class Wanted:
    """What comes with a new story."""

    name: str
    """The name of its file; only its ending matters for a pasted text."""
    title: str | None
    """A title in place of the story's own."""
    voice: str
    dialogue: str | None
    speed: float | None


@dataclass(frozen=True)
class Added:
    """A story that has become a project."""

    project: str
    left_out: Mapping[str, int]
    """What is not read aloud, such as "footnotes", with counts."""


class Library:
    """The projects below a media root, as `storyflow narrate` makes them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.writing = threading.Lock()
        """Held while a story is read, changed and written again."""

    def names(self) -> Iterator[str]:
        """Yield the names of the projects; those of the page may not have been narrated yet."""
        try:
            found = sorted(folder.name for folder in (self.root / "projects").iterdir() if is_name(folder.name))
        except OSError:
            return
        for name in found:
            with contextlib.suppress(NotFoundError):
                yield self.folder(name).name

    def folder(self, name: str) -> Path:
        """Return the folder of an existing project; raise NotFoundError, also for a name that leads elsewhere."""
        try:
            folder = project_folder(self.root, name)
            path_inside(self.root / "projects", name)
        except (InvalidNameError, OutsideRootError) as error:
            raise NotFoundError(f"There is no project of this name. {error}") from error
        if not _is_project(folder):
            raise NotFoundError(f"There is no project '{name}'. It may have been deleted.")
        return folder

    def add(self, wanted: Wanted, data: bytes) -> Added:
        """Make a project of a story; raises RequestError if it cannot be read, OSError if the disk fails."""
        name = re.split(r"[/\\]", wanted.name)[-1] or f"{_PASTED}.txt"
        projects = self.root / "projects"
        projects.mkdir(parents=True, exist_ok=True)
        _sweep(projects)
        with tempfile.TemporaryDirectory(prefix=_NEW, dir=projects, ignore_cleanup_errors=True) as place:
            draft, left_out = _imported(Path(place), name, wanted, data)
        folder = self._new_folder(draft.title)
        try:
            draft.write(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Added(folder.name, left_out)

    def delete(self, name: str) -> None:
        """Delete a project with all its audio; raises as `folder` does, OSError if the disk fails."""
        folder = self.folder(name)
        if folder.is_symlink():
            raise RequestError(f"The project '{name}' is a link to another folder. Delete it there.")
        # First out of sight, so that nobody meets half a project.
        doomed = folder.replace(folder.with_name(f"{_DELETED}{name[:60]}-{secrets.token_hex(4)}"))
        shutil.rmtree(doomed)

    def _new_folder(self, title: str) -> Path:
        wanted = project_named(title)
        for number in count(1):
            folder = project_folder(self.root, wanted if number == 1 else f"{wanted}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise AssertionError("unreachable")


def _is_project(folder: Path) -> bool:
    return (folder / STORY_NAME).is_file() or (folder / RECORD_NAME).is_file()


def _sweep(projects: Path) -> None:
    """Remove what a killed server was about to add or to delete."""
    for leftover in (*projects.glob(f"{_NEW}*"), *projects.glob(f"{_DELETED}*")):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(leftover)


def _imported(folder: Path, name: str, wanted: Wanted, data: bytes) -> tuple[Draft, Mapping[str, int]]:
    """Return the draft for the story in `data`, and what it leaves out."""
    suffix = Path(name).suffix.lower()
    path = folder / f"original{suffix if _SUFFIX.fullmatch(suffix) else '.txt'}"
    try:
        path.write_bytes(data)
        segments = read_story(path).segments
        document = read_document(path)
    except StoryError as error:
        raise RequestError(str(error).replace(str(path), name)) from error
    finally:
        path.unlink(missing_ok=True)
    if not any(character.isalnum() for segment in segments for character in segment.text):
        raise RequestError(f"'{name}' has nothing to speak: it has no words or numbers. Write some text.")
    title = wanted.title or _title(document.title) or _title_of_file(name) or _first_words(document.blocks[0].text)
    draft = Draft.of(document, title, wanted.voice)
    changes = {"title": title, "dialogue": draft.dialogue or wanted.dialogue}
    if document.front.speed is None and wanted.speed:
        changes["speed"] = wanted.speed  # type: ignore[assignment]
    return replace(draft, **changes), document.left_out  # type: ignore[arg-type]


def _title(text: str | None) -> str | None:
    try:
        return one_line(without_pauses(text or ""))[:_LONGEST_TITLE] or None
    except PauseError:
        return None


def _title_of_file(name: str) -> str | None:
    """Return the name of a file as a title; None for a text that was pasted."""
    stem = Path(name).stem
    return None if stem == _PASTED else one_line(stem.replace("_", " "))[:_LONGEST_TITLE]


def _first_words(text: str) -> str:
    words = text.split()
    return " ".join(words[:_WORDS_OF_TITLE])[:_LONGEST_TITLE] + ("…" if len(words) > _WORDS_OF_TITLE else "")
