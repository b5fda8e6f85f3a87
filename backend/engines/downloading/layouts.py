"""The two layouts of an installed model: a folder, or files next to each other.

Both collect their files in a hidden folder and publish the model completely or not at all: a folder is renamed as a
whole, with its manifest; of files without a folder, the first, which is the model itself, is moved last.
"""

import contextlib
import shutil
from pathlib import Path
from typing import Generic

from engines.downloading.bundle import Bundle, File
from engines.downloading.policy import StorageError
from engines.store import manifest
from engines.store.manifest import FileEntry
from engines.store.names import path_inside
from engines.store.publishing import publish, rename


class Layout(Generic[File]):
    """Where a model is installed, and the hidden folder in which its files are collected."""

    def __init__(self, bundle: Bundle[File], folder: Path) -> None:
        self.bundle, self.folder = bundle, folder
        self.target = folder / bundle.entry_name
        self.part = folder / f".{bundle.entry_name}.part"

    def make_part(self) -> None:
        """Make the hidden folder unless an earlier attempt did."""
        if self.part.is_symlink():  # never write through someone else's link
            self.part.unlink()
        self.part.mkdir(exist_ok=True)

    def take_back(self) -> None:
        """Move a damaged model's files to the hidden folder; if interrupted, it is damaged or missing, never hidden."""
        raise NotImplementedError

    def check_room(self) -> None:
        """Raise StorageError rather than overwrite the user's own files."""

    def publish(self, listed: list[FileEntry]) -> None:
        """Move the collected files into place, with their manifest."""
        raise NotImplementedError


class FolderLayout(Layout[File]):
    """A model that is a folder."""

    def take_back(self) -> None:
        """Make the folder the hidden one, without its manifest."""
        if self.part.exists():
            shutil.rmtree(self.part)
        self.target.replace(self.part)
        (self.part / manifest.NAME).unlink(missing_ok=True)

    def publish(self, listed: list[FileEntry]) -> None:
        """Rename the hidden folder."""
        publish(self.part / manifest.NAME, manifest.to_json(listed))
        rename(self.part, self.target)


class FilesLayout(Layout[File]):
    """A model that is a file, perhaps with others next to it, in a folder that it shares with other models."""

    def take_back(self) -> None:
        """Move the files that the manifest lists, if it can be read."""
        with contextlib.suppress(manifest.DamagedModelError):
            self.make_part()
            for file in manifest.listed_files(self.target) or ():
                if (place := path_inside(self.folder, file.path)).exists():
                    place.replace(path_inside(self.part, file.path))
        self.target.unlink(missing_ok=True)
        manifest.manifest_path(self.target).unlink(missing_ok=True)

    def check_room(self) -> None:
        """Take over files that are already next to the model, if they have the right size."""
        for file in self.bundle.files[1:]:
            place, gathered = self.folder / file.path, self.part / file.path
            if not (place.exists() or place.is_symlink()):
                continue
            if place.is_symlink() or place.stat().st_size != file.size:
                raise self._in_the_way(place)
            if not gathered.exists():
                shutil.copyfile(place, gathered)  # verified with the other files

    def publish(self, listed: list[FileEntry]) -> None:
        """Move the files, the model itself last: it never exists without the others."""
        for file in listed[1:]:
            place = self.folder / file.path
            if place.exists() and manifest.sha256_of(place) != file.sha256:
                raise self._in_the_way(place)
            rename(self.part / file.path, place)
        publish(manifest.manifest_path(self.target), manifest.to_json(listed))
        rename(self.part / self.target.name, self.target)
        with contextlib.suppress(OSError):
            shutil.rmtree(self.part)

    def _in_the_way(self, place: Path) -> StorageError:
        return StorageError(
            f"'{place}' exists and is not the '{place.name}' of '{self.bundle.name}'. It was not changed: move it "
            f"elsewhere and try again."
        )


def layout_of(bundle: Bundle[File], folder: Path) -> Layout[File]:
    """Return the layout of a bundle in a folder."""
    return FolderLayout(bundle, folder) if bundle.is_folder else FilesLayout(bundle, folder)
