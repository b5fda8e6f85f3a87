"""The manifest of a downloaded model, which lists its verified files."""

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.store.names import is_name
from engines.store.regular_file import open_regular, read_regular

NAME = "storyflow-manifest.json"  # not `manifest.json`, which other tools use too
_FORMAT = "storyflow-model/1"
_BLOCK = 1 << 20


class DamagedModelError(RuntimeError):
    """The model's files are not those that were downloaded."""


@dataclass(frozen=True)
class FileEntry:
    """One file of a model."""

    path: str  # relative to the model's folder, with '/'
    size: int  # bytes
    sha256: str  # 64 lower-case hexadecimal digits


def sha256_of(path: Path, begin: int = 0, size: int | None = None) -> str:
    """Return the SHA-256 of the file at `path`, or of its `size` bytes from `begin`, as 64 hexadecimal digits."""
    digest, left = hashlib.sha256(), sys.maxsize if size is None else size
    with open_regular(path) as file:
        file.seek(begin)
        while block := file.read(min(_BLOCK, left)):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def manifest_path(model: Path) -> Path:
    """Return the path of the manifest of `model`: in its folder, or a hidden file next to a single-file model."""
    real = model.resolve()
    return real / NAME if real.is_dir() else real.with_name(f".{real.name}.{NAME}")


def model_of(file: Path) -> Path | None:
    """Return the model, a folder or `file` itself, whose manifest lists `file`; None if there is none.

    Raises DamagedModelError if a manifest cannot be read.
    """
    real = file.resolve()
    for model in (real, real.parent):
        if real in listed_paths(model):
            return model
    return None


def to_json(files: list[FileEntry]) -> bytes:
    """Return the content of the manifest for `files`."""
    return json.dumps({"format": _FORMAT, "files": [asdict(file) for file in files]}, indent=1).encode() + b"\n"


def listed_files(model: Path) -> list[FileEntry] | None:
    """Return the files in the manifest of `model`; None for a model that was not downloaded.

    Raises DamagedModelError if the manifest is not in the format of `to_json`.
    """
    path = manifest_path(model)
    try:
        text = read_regular(path)
        files = [FileEntry(**file) for file in json.loads(text)["files"]]
        if files and text == to_json(files) and all(_is_sound(file) for file in files):
            return files
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedModelError(f"'{path}' of a downloaded model cannot be read ({error}).") from error
    raise DamagedModelError(f"'{path}' of a downloaded model is not a valid manifest.")


def _is_sound(file: FileEntry) -> bool:
    return isinstance(file.path, str) and all(is_name(part) for part in file.path.split("/"))


def listed_paths(model: Path) -> dict[Path, FileEntry]:
    """Return the files in the manifest of `model` by path; raises DamagedModelError.

    They are in the model's folder, or, for a model without a folder, next to its first file, links resolved.
    """
    real = model.resolve()
    folder = real if real.is_dir() else real.parent
    return {folder / file.path: file for file in listed_files(real) or ()}


def has_right_sizes(model: Path) -> bool:
    """Return whether `model` has no manifest or files of the listed sizes, without reading the files."""
    try:
        return all(path.stat().st_size == file.size for path, file in listed_paths(model).items())
    except (DamagedModelError, OSError):
        return False


def verify_model(model: Path) -> None:
    """Verify every file of `model` against its manifest, if it has one; raises DamagedModelError."""
    for path, file in listed_paths(model).items():
        try:
            matches = path.stat().st_size == file.size and sha256_of(path) == file.sha256
        except OSError as error:
            raise DamagedModelError(f"'{path}' of a downloaded model cannot be read ({error}).") from error
        if not matches:
            raise DamagedModelError(f"'{path}' is not what was downloaded: its size or SHA-256 differs.")
