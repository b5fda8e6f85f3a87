"""Full disks, file size limits and descriptor tables."""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from core_engine.tts_wrapper import generate_audio
from faults.support import LONG, SHORT, descriptors, files_in, is_root, mounted_tmpfs, run_module

resource = pytest.importorskip("resource", reason="needs the limits of a POSIX system")


@pytest.mark.parametrize("values", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_file_size_limit_keeps_the_old_file(tmp_path: Path, values: int) -> None:
    found = run_module("limited_writer", tmp_path, values)
    assert (found["wrong"], found["descriptors"]) == (0, 0)
    assert found["failures"] > values // 2
    assert found["successes"] > values // 10


SIZES_KIB = [64, 256, *(pytest.param(size, marks=pytest.mark.slow) for size in range(96, 1025, 32) if size != 256)]


@pytest.mark.skipif(not is_root(), reason="mounting a small disk needs root")
@pytest.mark.parametrize("size_kib", SIZES_KIB)
def test_full_disk_keeps_the_old_file_and_speaks_again_when_there_is_room(
    tmp_path: Path, voice: None, size_kib: Any
) -> None:
    try:
        with mounted_tmpfs(tmp_path, f"{size_kib}k"):
            target, ballast = tmp_path / "a.wav", tmp_path / "ballast"
            target.write_bytes(b"the old file")
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(bytes(1024)):
                    pass
            before = descriptors()
            for text in (SHORT, LONG):
                result = generate_audio(text, output_path=str(target))
                assert not result["success"]
                assert "space" in result["error"]
                assert target.read_bytes() == b"the old file"
                assert files_in(tmp_path) == ["a.wav", "ballast"]
            assert descriptors() == before
            ballast.unlink()
            fits = generate_audio("Go.", output_path=str(target))
            assert fits["success"], fits
    except PermissionError as error:
        pytest.skip(str(error))


def test_folder_that_cannot_be_made_is_a_failure(tmp_path: Path, voice: None) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = generate_audio(SHORT, output_path=str(tmp_path / "file" / "a.wav"))
    assert not result["success"]
    assert files_in(tmp_path) == ["file"]


def test_exhausted_descriptors_are_a_failure_at_every_number(tmp_path: Path, voice: None) -> None:
    target = tmp_path / "a.wav"
    generate_audio(SHORT, output_path=str(target))
    new, limits = target.read_bytes(), resource.getrlimit(resource.RLIMIT_NOFILE)
    target.write_bytes(b"the old file")
    free = os.dup(0)  # the lowest free number
    os.close(free)
    results = []
    for limit in range(free, free + 8):
        target.write_bytes(b"the old file")
        before = descriptors()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limits[1]))
        try:
            result = generate_audio(SHORT, output_path=str(target))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert target.read_bytes() == (new if result["success"] else b"the old file")
        assert (descriptors(), files_in(tmp_path)) == (before, ["a.wav"])
        results.append(result["success"])
    assert {*results} == {False, True}
