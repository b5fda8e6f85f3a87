"""The runtime never uses more threads than allowed cores."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.support import run_module

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")

V1 = Path("/sys/fs/cgroup/cpu")
V2 = Path("/sys/fs/cgroup")


def test_process_on_one_core_gets_one_thread() -> None:
    assert run_module("counted_threads", "one") == {"allowed": 1, "runtime": 1}


def test_process_on_all_cores_gets_no_more_threads_than_cores() -> None:
    found = run_module("counted_threads", "all")
    assert found["runtime"] <= found["allowed"] <= len(os.sched_getaffinity(0))


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with half a core."""
    version_2 = (V2 / "cgroup.subtree_control").exists()
    folder = (V2 if version_2 else V1) / f"storyflow-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"control groups cannot be created here: {error}")
    try:
        if version_2:
            (folder / "cpu.max").write_text("50000 100000")
        else:
            (folder / "cpu.cfs_quota_us").write_text("50000")
        yield folder
    except OSError as error:
        pytest.skip(f"control groups have no CPU quota here: {error}")
    finally:
        folder.rmdir()


def test_process_with_a_quota_of_half_a_core_gets_one_thread(group: Path) -> None:
    assert run_module("counted_threads", "all", group) == {"allowed": 1, "runtime": 1}


def test_quota_of_the_parent_group_counts(group: Path) -> None:
    inner = group / "inner"
    inner.mkdir()
    try:
        assert run_module("counted_threads", "all", inner) == {"allowed": 1, "runtime": 1}
    finally:
        inner.rmdir()
