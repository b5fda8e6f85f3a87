"""What a downloaded model consists of, written when all of it has been verified."""

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.store.names import is_name
from engines.store.regular_file import open_regular, read_regular

NAME = "storyflow-manifest.json"  # in the folder of a model; not `manifest.json`, which other tools write too
_FORMAT = "storyflow-model/1"
_BLOCK = 1 << 20


class DamagedModelError(RuntimeError):
    """A model whose files are not those that were downloaded."""


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
    """Return where the manifest of `model` lies: in its folder, or hidden beside a model that is a file."""
    real = model.resolve()
    return real / NAME if real.is_dir() else real.with_name(f".{real.name}.{NAME}")


def model_of(file: Path) -> Path | None:
    """Return the model, a folder or `file` itself, whose manifest lists `file`; None for one that no manifest lists.

    Raises DamagedModelError for a manifest that cannot be read.
    """
    real = file.resolve()
    for model in (real, real.parent):
        if real in listed_paths(model):
            return model
    return None


def to_json(files: list[FileEntry]) -> bytes:
    """Return the manifest of `files` as it is written."""
    return json.dumps({"format": _FORMAT, "files": [asdict(file) for file in files]}, indent=1).encode() + b"\n"


def listed_files(model: Path) -> list[FileEntry] | None:
    """Return the files that the manifest of `model` lists, or None for a model that was not downloaded.

    Raises DamagedModelError for a manifest that is not as `to_json` writes it.
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
    raise DamagedModelError(f"'{path}' of a downloaded model is not as it was written.")


def _is_sound(file: FileEntry) -> bool:
    return isinstance(file.path, str) and all(is_name(part) for part in file.path.split("/"))


def listed_paths(model: Path) -> dict[Path, FileEntry]:
    """Return the files that the manifest of `model` lists by where they lie; raises DamagedModelError.

    That is in the model's folder, or, of several files side by side, beside the real first one.
    """
    real = model.resolve()
    folder = real if real.is_dir() else real.parent
    return {folder / file.path: file for file in listed_files(real) or ()}


def has_right_sizes(model: Path) -> bool:
    """Tell, without reading the files, whether `model` has no manifest or files of the sizes that it lists."""
    try:
        return all(path.stat().st_size == file.size for path, file in listed_paths(model).items())
    except (DamagedModelError, OSError):
        return False


def verify_model(model: Path) -> None:
    """Read every file of `model` against its manifest, where it has one; raises DamagedModelError."""
    for path, file in listed_paths(model).items():
        try:
            matches = path.stat().st_size == file.size and sha256_of(path) == file.sha256
        except OSError as error:
            raise DamagedModelError(f"'{path}' of a downloaded model cannot be read ({error}).") from error
        if not matches:
            raise DamagedModelError(f"'{path}' is not what was downloaded: its size or SHA-256 differs.")
