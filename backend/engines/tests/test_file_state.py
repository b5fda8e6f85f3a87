"""Whether a file has changed, told without reading it."""

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.store.file_state import sampled_digest, state_of, states_below

CONTENT = random.Random(3).randbytes(1000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(CONTENT)
    return path


def write(path: Path) -> None:
    times = path.stat()
    path.write_bytes(bytes(len(CONTENT)))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def cut(path: Path) -> None:
    os.truncate(path, 10)


def replace(path: Path) -> None:
    times = path.stat()
    other = path.with_name("other")
    shutil.copyfile(path, other)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [write, cut, replace])
def test_every_change_makes_another_state(file: Path, change: Callable[[Path], None]) -> None:
    before = state_of(file)
    assert state_of(file) == before
    time.sleep(0.02)  # file systems note times in ticks of some milliseconds
    change(file)
    assert state_of(file) != before


def test_state_below_a_folder_is_of_all_files_but_hidden_ones(file: Path, tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "one.bin").write_bytes(b"1")
    (tmp_path / ".note").write_bytes(b"1")
    (tmp_path / "gone").symlink_to("nowhere")
    states = dict(states_below(tmp_path))
    assert sorted(path.name for path in states) == ["gone", "model.bin", "one.bin"]
    assert states[tmp_path / "gone"] is None
    assert states_below(file) == ((file, state_of(file)),)


def test_state_of_a_file_just_written_is_not_settled(file: Path) -> None:
    state = state_of(file)
    assert not state.is_settled
    assert state._replace(changed_ns=state.changed_ns - 3_000_000_000).is_settled


def test_sampled_digest_tells_models_apart_and_not_their_places(tmp_path: Path) -> None:
    digests = set()
    for content in (b"a" * 3_000_000, b"a" * 3_000_001, b"b" + b"a" * 2_999_999, b"a" * 2_999_999 + b"b"):
        path = tmp_path / "m.onnx"
        path.write_bytes(content)
        digests |= {sampled_digest(path), sampled_digest(Path(shutil.copy(path, tmp_path / "copy")))}
    assert len(digests) == 4
