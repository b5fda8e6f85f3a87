"""A model to install: its name, and its files with their sizes."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class WantedFile(Protocol):
    """A file of a model."""

    @property
    def path(self) -> str:
        """Its path in the model, with '/'."""

    @property
    def size(self) -> int:
        """Its bytes."""


File = TypeVar("File", bound=WantedFile)


@dataclass(frozen=True)
class Bundle(Generic[File]):
    """A model: a folder `name` of `files`, or `files` without a folder, the first being the model itself."""

    name: str
    files: tuple[File, ...]
    is_folder: bool = True

    @property
    def size(self) -> int:
        """The total size in bytes."""
        return sum(file.size for file in self.files)

    @property
    def entry_name(self) -> str:
        """The name of the model's folder or file."""
        return self.name if self.is_folder else self.files[0].path
