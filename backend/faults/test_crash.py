"""Processes are killed while they write a WAV or load espeak-ng."""

import os
from pathlib import Path
from typing import Any

import pytest

from faults.support import run_module

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

KILLS = [100, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
STARTS = [15, pytest.param(100, marks=pytest.mark.slow)]


@pytest.mark.parametrize("kills", KILLS)
def test_wav_killed_while_written_is_the_old_or_the_new_one(tmp_path: Path, kills: Any) -> None:
    found = run_module("killed_writer", "wav", tmp_path, kills, timeout_s=280)
    assert found["torn"] == 0
    assert found["left"] == 0, "temporary files after the next start"
    assert found["most_left"] <= 2, "each start removes the files of the previous one"
    assert found["interrupted"] > kills // 50, "too few kills interrupted a write to prove anything"


@pytest.mark.parametrize("starts", STARTS)
def test_espeak_killed_leaves_no_temporary_copies(tmp_path: Path, starts: Any) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    found = run_module("killed_writer", "espeak", temporary, starts, TMPDIR=str(temporary))
    assert found["left"] == 0
    assert found["spoken"] > starts, "espeak-ng was rarely loaded"
