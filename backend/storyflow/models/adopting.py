"""Turn files that the user put in a model's place into an installed model: verify them and write the manifest."""

from collections.abc import Collection, Mapping
from pathlib import Path

from engines.downloading.policy import StorageError
from engines.store.manifest import FileEntry, manifest_path, sha256_of, to_json
from engines.store.publishing import publish
from engines.store.stamps import note_verified


def adopt(target: Path, expected: Mapping[str, Collection[str]]) -> None:
    """Make the files at `target`, a folder or an ONNX file, an installed model.

    `expected` maps each file's path, in the order of the manifest, to its valid SHA-256 digests. Raises StorageError
    if a file is missing or different; nothing is changed then.
    """
    folder = target if target.is_dir() else target.parent
    listed = []
    for path, digests in expected.items():
        place = folder / path
        digest = sha256_of(place) if place.is_file() else None
        if digest is None or digest not in digests:
            raise StorageError(
                f"'{place}' is not the expected file: its SHA-256 is {digest or 'missing'}, expected "
                f"{' or '.join(sorted(digests))}. It was not changed: move it elsewhere and try again, or install it "
                f"under another name with `storyflow models add --name`."
            )
        listed.append(FileEntry(path, place.stat().st_size, digest))
    publish(manifest_path(target), to_json(listed))
    note_verified(target)
