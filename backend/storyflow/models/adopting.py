"""Files that somebody put where a model belongs become that model: each read, and the manifest written."""

from collections.abc import Collection, Mapping
from pathlib import Path

from engines.downloading.policy import StorageError
from engines.store.manifest import FileEntry, manifest_path, sha256_of, to_json
from engines.store.publishing import publish
from engines.store.stamps import note_verified


def adopt(target: Path, expected: Mapping[str, Collection[str]]) -> None:
    """Make the files of the model at `target`, a folder or its ONNX file, an installed model.

    `expected` is the path of each file, in the order of the manifest → the SHA-256 digests that it may have. Raises
    StorageError for a file that is missing or another one; nothing is changed then.
    """
    folder = target if target.is_dir() else target.parent
    listed = []
    for path, digests in expected.items():
        place = folder / path
        digest = sha256_of(place) if place.is_file() else None
        if digest is None or digest not in digests:
            raise StorageError(
                f"'{place}' is not what belongs there: its SHA-256 is {digest or 'that of no file'}, expected "
                f"{' or '.join(sorted(digests))}. It was left alone: move it elsewhere and try again, or keep it under "
                f"a name of its own with `storyflow models add --name`."
            )
        listed.append(FileEntry(path, place.stat().st_size, digest))
    publish(manifest_path(target), to_json(listed))
    note_verified(target)
