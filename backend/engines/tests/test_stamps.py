"""Whether a change to an installed model is seen without reading all of it, and whatever the change."""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from engines.store import stamps
from engines.store.manifest import (
    NAME,
    DamagedModelError,
    FileEntry,
    manifest_path,
    model_of,
    sha256_of,
    to_json,
    verify_model,
)
from engines.store.stamps import check_unchanged, note_verified, stamp_path

CONTENT = random.Random(9).randbytes(200_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model in a folder of its own, with its manifest."""
    model = tmp_path / "tone"
    (model / "voices").mkdir(parents=True)
    (model / "tone.onnx").write_bytes(CONTENT)
    (model / "voices" / "one.bin").write_bytes(CONTENT[:1000])
    paths = ("tone.onnx", "voices/one.bin")
    listed = [FileEntry(path, (model / path).stat().st_size, sha256_of(model / path)) for path in paths]
    (model / NAME).write_bytes(to_json(listed))
    return model


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A model whose files lie side by side."""
    for name in ("tone.onnx", "voices.bin"):
        (tmp_path / name).write_bytes(CONTENT)
    model = tmp_path / "tone.onnx"
    digest = sha256_of(model)
    manifest_path(model).write_bytes(to_json([FileEntry(n, len(CONTENT), digest) for n in ("tone.onnx", "voices.bin")]))
    return model


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Count how often all of a model is read."""
    counted = []

    def counting(model: Any) -> None:
        counted.append(model)
        verify_model(model)

    monkeypatch.setattr(stamps, "verify_model", counting)
    return counted


def test_unchanged_model_is_read_once(folder: Path, readings: list[Path]) -> None:
    for _ in range(3):
        check_unchanged(folder)
    assert len(readings) == 1


def test_model_without_a_manifest_is_not_read(tmp_path: Path, readings: list[Path]) -> None:
    (tmp_path / "mine.onnx").write_bytes(CONTENT)
    check_unchanged(tmp_path / "mine.onnx")
    assert readings == []


def test_copy_with_other_times_is_read_and_taken(folder: Path, tmp_path: Path, readings: list[Path]) -> None:
    note_verified(folder)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    check_unchanged(copy)
    check_unchanged(copy)
    assert len(readings) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_model_that_cannot_be_noted_is_read_each_time(folder: Path, readings: list[Path]) -> None:
    folder.chmod(0o555)
    check_unchanged(folder)
    check_unchanged(folder)
    folder.chmod(0o755)
    assert len(readings) == 2


def test_damaged_note_costs_a_reading(folder: Path, readings: list[Path]) -> None:
    note_verified(folder)
    stamp_path(folder).write_text("{")
    check_unchanged(folder)
    assert len(readings) == 1


def test_model_of_finds_the_manifest_that_lists_a_file(folder: Path, beside: Path, tmp_path: Path) -> None:
    assert model_of(folder / "tone.onnx") == folder
    assert model_of(beside) == beside
    (folder / "other.onnx").write_bytes(b"mine")
    assert model_of(folder / "other.onnx") is None
    link = tmp_path / "link.onnx"
    link.symlink_to(folder / "tone.onnx")
    assert model_of(link) == folder


@pytest.mark.parametrize("name", ["tone.onnx", "voices.bin"])
def test_files_side_by_side_are_all_checked(beside: Path, name: str) -> None:
    check_unchanged(beside)
    (beside.parent / name).write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(DamagedModelError, match=name):
        check_unchanged(beside)


def flip(content: bytes, at: Any) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]


def truncation(content: bytes, at: Any) -> Any:
    return content[:at]


def zeros(content: bytes, at: Any) -> bytes:
    return content[:at] + bytes(len(content[at : at + 512])) + content[at + 512 :]


@pytest.mark.parametrize("damage", [flip, truncation, zeros])
def test_100_damages_are_all_found_even_with_the_old_time(folder: Path, damage: Any) -> None:
    """Row 9 of the reliability figures, on the quick way that a load takes."""
    path, chance = folder / "tone.onnx", random.Random(9)
    for _ in range(100):
        path.write_bytes(CONTENT)
        check_unchanged(folder)
        times = path.stat()
        path.write_bytes(damage(CONTENT, chance.randrange(len(CONTENT) - 1)))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(DamagedModelError, match=r"tone\.onnx"):
            check_unchanged(folder)


def test_missing_file_is_found(folder: Path) -> None:
    note_verified(folder)
    (folder / "voices" / "one.bin").unlink()
    with pytest.raises(DamagedModelError, match=r"one\.bin"):
        check_unchanged(folder)


def test_other_manifest_makes_the_note_void(folder: Path, readings: list[Path]) -> None:
    note_verified(folder)
    listed = (folder / NAME).read_bytes()
    (folder / NAME).write_bytes(listed.replace(sha256_of(folder / "tone.onnx").encode(), b"0" * 64))
    with pytest.raises(DamagedModelError):
        check_unchanged(folder)
    assert len(readings) == 1
