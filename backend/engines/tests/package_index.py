"""A package index and an npm registry on this machine, for the real pip and the real npm, honest or not."""

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engines.downloading.packages import NPM, PYPI, Package, Part
from engines.tests.file_server import Answer, Behaviour, FileServer, file_server, honest

WHEELS, TARBALLS = "/wheels/", "/tarballs/"


def part(index: str, name: str, member: str, content: bytes) -> Part:
    """Return what is declared of a member of version 1.0 of a package."""
    package = Package(index, f"{name}{'==' if index == PYPI else '@'}1.0.0")
    return Part(package, member, len(content), hashlib.sha256(content).hexdigest())


def wheel(name: str, members: Mapping[str, bytes]) -> bytes:
    """Return a wheel of version 1.0.0 with these members, deflated."""
    file = name.replace("-", "_")
    told = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n", "RECORD": ""}
    told["WHEEL"] = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        for member, text in told.items():
            archive.writestr(f"{file}-1.0.0.dist-info/{member}", text)
    return stream.getvalue()


def tarball(members: Mapping[str, bytes]) -> bytes:
    """Return a tarball as `npm pack` makes it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member, content in members.items():
            entry = tarfile.TarInfo(member)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), 1)


@dataclass
class PackageIndex:
    """What is served, and the settings that let pip and npm find it."""

    server: FileServer

    @property
    def environment(self) -> dict[str, str]:
        """The variables for pip and npm."""
        return {
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_INDEX_URL": f"{self.server.url}/simple/",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0",
            "PIP_FIND_LINKS": "",
            "PIP_EXTRA_INDEX_URL": "",
            "npm_config_registry": f"{self.server.url}/npm/",
            "npm_config_fetch_retries": "0",
            "no_proxy": "*",
        }

    def fetched(self) -> list[str]:
        """Return the names of the archives that were asked for, in order."""
        paths = (path for path, _ in self.server.asked)
        return [path.rpartition("/")[2] for path in paths if path.startswith((WHEELS, TARBALLS))]


@contextlib.contextmanager
def package_index(archives: Mapping[Package, bytes], behaviour: Behaviour = honest) -> Iterator[PackageIndex]:
    """Serve `archives`, each of them by `behaviour`."""

    def answers(answer: Answer) -> None:
        if answer.path.startswith((WHEELS, TARBALLS)):
            behaviour(answer)
        elif answer.body:
            answer.head(200, Content_Type="text/html", Content_Length=len(answer.body))
            answer.send(answer.body)
        else:
            answer.head(404, Content_Length=0)

    with file_server({}, answers) as server:
        server.etag = None
        for package, archive in archives.items():
            add = _add_wheel if package.index == PYPI else _add_tarball
            add(server, package, archive)
        yield PackageIndex(server)


def _add_wheel(server: FileServer, package: Package, archive: bytes, suffix: str = "-py3-none-any.whl") -> None:
    name, version = package.spec.split("==")
    file = f"{name.replace('-', '_')}-{version}{suffix}"
    server.files[f"/simple/{name}/"] = f'<a href="{WHEELS}{file}">{file}</a>'.encode()
    server.files[WHEELS + file] = archive


def _add_tarball(server: FileServer, package: Package, archive: bytes) -> None:
    name, version = package.spec.rsplit("@", 1)
    address = f"{TARBALLS}{name}-{version}.tgz"
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    told = {"tarball": server.url + address, "integrity": f"sha512-{digest}"}
    document = {"name": name, "dist-tags": {"latest": version}}
    document["versions"] = {version: {"name": name, "version": version, "dist": told}}
    server.files[f"/npm/{name}"] = json.dumps(document).encode()
    server.files[address] = archive


def add_source_distribution(server: FileServer, package: Package, archive: bytes) -> None:
    """Offer `archive` as the source of a package that has no wheel."""
    _add_wheel(server, package, archive, ".tar.gz")


__all__ = ["NPM", "PYPI", "PackageIndex", "add_source_distribution", "package_index", "part", "tarball", "wheel"]
