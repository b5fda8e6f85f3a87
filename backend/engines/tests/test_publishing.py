"""Files appear whole or not at all; what fails leaves the old file and nothing else."""

import contextlib
import errno
import os
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import pytest

from engines.store import publishing
from engines.store.publishing import publish, rename, sweep

fcntl = pytest.importorskip("fcntl", reason="the locks of POSIX")


def failing(number: int) -> Any:
    """Return a function that fails with an errno, as those of os do."""

    def fail(*arguments: Any, **named: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_publish_makes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    for data in (b"one", b"", b"two" * 100_000):
        publish(target, data)
        assert target.read_bytes() == data
    assert os.listdir(tmp_path) == ["a.wav"]


def test_publish_takes_the_longest_name(tmp_path: Path) -> None:
    publish(tmp_path / ("x" * 255), b"data")
    assert os.listdir(tmp_path) == ["x" * 255]


def test_publish_writes_all_when_the_system_writes_in_pieces(tmp_path: Path) -> None:
    write = os.write
    with patch("os.write", lambda descriptor, data: write(descriptor, data[:7])):
        publish(tmp_path / "a", b"0123456789" * 10)
    assert (tmp_path / "a").read_bytes() == b"0123456789" * 10


@pytest.mark.parametrize("old", [b"old", None])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "dup", "replace", "fstat"])
def test_publish_that_fails_leaves_everything_as_it_was(tmp_path: Path, call: str, old: bytes | None) -> None:
    target = tmp_path / "a"
    if old:
        target.write_bytes(old)
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    with patch(f"os.{call}", failing(errno.EIO)), pytest.raises(OSError, match="Input/output"):
        publish(target, b"new")
    assert (target.read_bytes() if target.exists() else None) == old
    assert os.listdir(tmp_path) == (["a"] if old else [])
    assert len(before) == (len(os.listdir("/proc/self/fd")) if before else 0)


@pytest.mark.parametrize("old", [b"old", None])
def test_publish_whose_folder_cannot_be_flushed_is_undone(tmp_path: Path, old: bytes | None) -> None:
    target = tmp_path / "a"
    if old:
        target.write_bytes(old)
    with patch.object(publishing, "_flush_folder", failing(errno.EIO)), pytest.raises(OSError, match="Input/output"):
        publish(target, b"new")
    assert (target.read_bytes() if target.exists() else None) == old
    assert os.listdir(tmp_path) == (["a"] if old else [])


def test_undoing_leaves_what_somebody_else_published(tmp_path: Path) -> None:
    target = tmp_path / "a"

    def overtaken(folder: Path) -> NoReturn:
        target.unlink()
        target.write_bytes(b"theirs")
        raise OSError(errno.EIO, "lost")

    with patch.object(publishing, "_flush_folder", overtaken), pytest.raises(OSError, match="lost"):
        publish(target, b"new")
    assert target.read_bytes() == b"theirs"


def test_publish_works_where_there_are_no_locks_no_links_and_no_flushing_of_folders(tmp_path: Path) -> None:
    fsync, target = os.fsync, tmp_path / "a"
    target.write_bytes(b"old")

    def only_files(descriptor: Any) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "no")
        fsync(descriptor)

    with (
        patch("fcntl.flock", failing(errno.ENOTSUP)),
        patch("os.link", failing(errno.EPERM)),
        patch("os.fsync", only_files),
    ):
        publish(target, b"new")
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def test_old_name_that_cannot_be_removed_is_no_failure(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    with patch("os.unlink", failing(errno.EIO)):
        publish(target, b"new")
    assert target.read_bytes() == b"new"
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["a"]


def test_sweep_removes_the_abandoned_and_leaves_the_living(tmp_path: Path) -> None:
    abandoned, living, other = (tmp_path / name for name in (".a.1.publishing", ".a.2.publishing", ".other"))
    for path in (abandoned, living, other):
        path.write_bytes(b"")
    with living.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".a.2.publishing", ".other"]


def test_rename_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"real")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "new").write_bytes(b"new")
    rename(tmp_path / "new", tmp_path / "link")
    assert (tmp_path / "real").read_bytes() == b"real"
    assert (tmp_path / "link").read_bytes() == b"new"
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("old", [b"old", None])
def test_publishing_shows_the_file_only_when_it_is_whole(tmp_path: Path, old: bytes | None) -> None:
    target = tmp_path / "a"
    if old:
        target.write_bytes(old)
    with publishing.publishing(target) as file:
        file.write(b"new!")
        file.seek(3)
        file.write(b".")
        file.seek(0)
        assert file.read() == b"new."
        assert (target.read_bytes() if target.exists() else None) == old
        sweep(tmp_path)  # another process that cleans up
    assert target.read_bytes() == b"new."
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["open", "fsync", "dup", "replace", "fstat", "block"])
def test_publishing_that_fails_leaves_everything_as_it_was(tmp_path: Path, call: str) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []

    def write() -> None:
        with publishing.publishing(target) as file:
            file.write(b"new")
            if call == "block":
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    failure = patch(f"os.{call}", failing(errno.EIO)) if call != "block" else contextlib.nullcontext()
    with failure, pytest.raises(OSError, match="Input/output"):
        write()
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
    assert len(before) == (len(os.listdir("/proc/self/fd")) if before else 0)
