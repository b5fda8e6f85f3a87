"""Long texts are rehearsed by further processes, too: the same lines in the same order, whatever becomes of them."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from core_engine.kokoro.errors import UnsupportedLanguageError
from core_engine.kokoro.model.cores import allowed_cores
from core_engine.model_paths import BUILT_IN
from core_engine.places import models_dir
from engines.tests.support import wait_until
from storyflow.narration import rehearsing
from storyflow.narration.rehearsal import Passage, Rehearsal, Rehearsed
from storyflow.narration.rehearsing import rehearsed
from storyflow.tests.support import AT_LAST_S, children_of, is_alive

LINES = [f"Chapter {number} began at {number % 12 + 1}:30, {number} km from here." for number in range(300)]


@pytest.fixture
def passages() -> list[Passage]:
    return list(rehearsal().of_text("\n".join(LINES)))


@pytest.fixture
def many_blocks() -> Iterator[None]:
    """Some fifteen blocks, of which a machine with three cores reads all."""
    with patch.object(rehearsing, "_BLOCK", 1000), patch.object(rehearsing, "allowed_cores", return_value=3):
        yield


def rehearsal() -> Rehearsal:
    return Rehearsal.by("af_bella", BUILT_IN, models_dir(), as_written=False, phonemes=True)


@pytest.mark.usefixtures("many_blocks")
def test_further_processes_read_the_same_in_the_same_order(passages: list[Passage]) -> None:
    with patch.object(rehearsing, "_asked", side_effect=rehearsing._asked) as asked:
        found = list(rehearsed(passages))
    assert asked.call_count >= 2
    assert found == [passage.rehearsed() for passage in passages]


@pytest.mark.usefixtures("many_blocks")
def test_further_process_reads_by_itself(passages: list[Passage], caplog: pytest.LogCaptureFixture) -> None:
    strange = [Passage(rehearsal(), None, "One ⸎ two.")]
    answers: list[Future[rehearsing._Answer]] = [Future(), Future()]
    with ExitStack() as processes:
        rehearsing._start_process(deque(zip((passages, strange), answers, strict=True)), processes)
        read = [answer.result(AT_LAST_S) for answer in answers]
    assert read == [[passage.rehearsed() for passage in block] for block in (passages, strange)]
    assert [record.name for record in caplog.records if "U+2E0E" in record.getMessage()] == [
        "core_engine.kokoro.text.phonemes"  # by the process
    ] * 2  # and here


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("program", ["exit 3", "echo garbage; cat >/dev/null", "cat"])
def test_process_that_fails_is_no_loss(program: str, passages: list[Passage], tmp_path: Path) -> None:
    python = tmp_path / "python"
    for script in (f"#!/bin/sh\n{program}\n", None):  # None: it cannot even be started
        python.unlink(missing_ok=True)
        if script:
            python.write_text(script)
            python.chmod(0o755)
        with patch.object(sys, "executable", str(python)):
            assert len(list(rehearsed(passages))) == len(LINES)


@pytest.mark.usefixtures("many_blocks")
def test_errors_are_raised_in_their_turn(passages: list[Passage]) -> None:
    expected = [passage.rehearsed() for passage in passages[:-1]]
    unread = Passage(rehearsal(), None, "No.", "zz_unknown")
    got: list[Rehearsed] = []
    with patch.object(Passage, "rehearsed", failing_for(unread)), patch.object(rehearsing, "_start_process"):
        reading = iter(rehearsed([*passages[:-1], unread]))
        got += islice(reading, len(expected))
        with pytest.raises(UnsupportedLanguageError):
            next(reading)
    assert got == expected


def failing_for(unread: Passage) -> Callable[[Passage], Rehearsed]:
    """Return a `Passage.rehearsed` that cannot read one passage."""
    read = Passage.rehearsed

    def rehearsed_or_not(passage: Passage) -> Rehearsed:
        if passage is unread:
            raise UnsupportedLanguageError
        return read(passage)

    return rehearsed_or_not


@pytest.mark.usefixtures("many_blocks")
def test_short_texts_start_no_process(passages: list[Passage]) -> None:
    with patch.object(subprocess, "Popen") as popen:
        assert len(list(rehearsed(passages[:150]))) == 150  # seven blocks, but each process needs four
        assert list(rehearsed([])) == []
    popen.assert_not_called()


@pytest.mark.usefixtures("many_blocks")
def test_nothing_is_left_of_a_rehearsal_that_is_not_read_to_its_end(passages: list[Passage]) -> None:
    started = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *command: Any, **options: Any) -> None:
            super().__init__(*command, **options)
            started.append(self)

    with patch.object(subprocess, "Popen", Watched), contextlib.closing(rehearsed(passages)) as reading:
        next(reading)
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_further_process_ends_with_the_command_however_that_ends(by: signal.Signals, tmp_path: Path) -> None:
    if allowed_cores() < 2:
        pytest.skip("needs a second core")
    story = tmp_path / "story.txt"
    story.write_text("\n\n".join(LINES * 200))
    command = [
        sys.executable,
        "-m",
        "storyflow",
        "narrate",
        str(story),
        "--dry-run",
        "--phonemes",
        "--model",
        "default",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        wait_until(lambda: bool(children_of(process.pid)))
        further = children_of(process.pid)
        os.killpg(process.pid, by)
        _, stderr = process.communicate(timeout=AT_LAST_S)
        wait_until(lambda: not any(map(is_alive, further)))
    assert process.returncode == (130 if by == signal.SIGINT else -by)
    assert b"Traceback" not in stderr
