"""Long texts are read by further processes, too: the same lines in the same order, whatever becomes of them."""

import contextlib
import logging
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
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest

from core_engine.kokoro.errors import UnsupportedLanguageError
from core_engine.kokoro.model.cores import allowed_cores
from core_engine.model_paths import BUILT_IN
from core_engine.places import models_dir
from engines.tests.support import wait_until
from storyflow.narration import further_processes
from storyflow.narration.further_processes import read_in_order
from storyflow.narration.rehearsal import Passage, Rehearsal, Rehearsed
from storyflow.tests.support import AT_LAST_S, children_of, is_alive

LINES = [f"Chapter {number} began at {number % 12 + 1}:30, {number} km from here." for number in range(300)]
UNSPEAKABLE = "One \N{PALM BRANCH} two."


@pytest.fixture
def passages() -> list[Passage]:
    return passages_of("\n".join(LINES))


@pytest.fixture
def many_blocks() -> Iterator[None]:
    """Some fifteen blocks, of which a machine with three cores reads all."""
    with patch.object(further_processes, "_BLOCK", 1000), patch.object(further_processes, "allowed_cores", lambda: 3):
        yield


def passages_of(text: str, *, as_written: bool = False, phonemes: bool = True) -> list[Passage]:
    how = Rehearsal.by("af_bella", BUILT_IN, models_dir(), as_written=as_written, phonemes=phonemes)
    return list(how.of_text(text))


def read(passages: list[Passage]) -> list[Rehearsed]:
    return [passage.read() for passage in passages]


@pytest.mark.usefixtures("many_blocks")
def test_further_processes_read_the_same_in_the_same_order(passages: list[Passage]) -> None:
    with patch.object(further_processes, "_asked", side_effect=further_processes._asked) as asked:
        found = list(read_in_order(passages))
    assert asked.call_count >= 2
    assert found == read(passages)


def test_further_process_reads_by_itself(passages: list[Passage]) -> None:
    strange = passages_of(UNSPEAKABLE)
    unreadable = Passage(passages[0].rehearsal, None, b"no text")  # type: ignore[arg-type]
    blocks = (passages, strange, [*passages[:5], unreadable, *passages])
    answers: list[Future[further_processes._Answer]] = [Future() for _ in blocks]
    with ExitStack() as stack:
        further_processes._start_process(deque(zip(blocks, answers, strict=True)), stack)
        first, second, third = (answer.result(AT_LAST_S) for answer in answers)
    assert (first.read, first.warnings) == (read(passages), [])
    assert second.read == read(strange)
    assert ["U+2E19" in record.getMessage() for record in second.warnings] == [True]
    assert third.read == read(passages[:5])


@pytest.mark.usefixtures("many_blocks")
def test_warnings_come_in_the_order_of_the_text(passages: list[Passage], caplog: pytest.LogCaptureFixture) -> None:
    codes = range(0x2E00, 0x2E18, 2)
    strange = [passages_of(f"One {chr(code)} two.")[0] for code in codes]
    mixed = [each for number, own in enumerate(strange) for each in (own, *passages[20 * number : 20 * number + 20])]
    with without_reading_here():
        list(read_in_order(mixed))
    said = [record.getMessage().rpartition("U+")[2] for record in caplog.records if "U+" in record.getMessage()]
    assert said == [f"{code:04X}" for code in codes]


def without_reading_here() -> contextlib.AbstractContextManager[Any]:
    """Let the further processes read all that they can."""
    return patch.object(further_processes, "_answered", lambda _: further_processes._Answer())


@pytest.mark.usefixtures("many_blocks")
def test_log_that_fails_is_an_error_here() -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise BrokenPipeError

    log, broken = logging.getLogger("core_engine"), Broken()
    log.addHandler(broken)
    try:
        with pytest.raises(BrokenPipeError):
            list(read_in_order(passages_of("\n".join([*LINES, UNSPEAKABLE] * 2))))
    finally:
        log.removeHandler(broken)


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("program", ["exit 3", "echo garbage; cat >/dev/null", "cat", None])
def test_process_that_fails_is_no_loss(program: str | None, passages: list[Passage], tmp_path: Path) -> None:
    python = tmp_path / "python"
    if program:  # otherwise it cannot even be started
        python.write_text(f"#!/bin/sh\n{program}\n")
        python.chmod(0o755)
    with patch.object(sys, "executable", str(python)):
        assert list(read_in_order(passages)) == read(passages)


@pytest.mark.usefixtures("many_blocks")
def test_process_without_a_thread_is_no_loss(passages: list[Passage]) -> None:
    with patch.object(Thread, "start", side_effect=RuntimeError), watched_processes() as started:
        assert list(read_in_order(passages)) == read(passages)
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


@pytest.mark.usefixtures("many_blocks")
def test_errors_are_raised_in_their_turn(passages: list[Passage]) -> None:
    expected = read(passages[:150])
    unread = Passage(passages[0].rehearsal, None, "No.")
    with patch.object(Passage, "read", failing_for(unread)):
        reading = read_in_order([*passages[:150], unread, *passages])
        assert list(islice(reading, 150)) == expected
        with pytest.raises(UnsupportedLanguageError):
            next(reading)


def failing_for(unread: Passage) -> Callable[[Passage], Rehearsed]:
    """Return a `Passage.read` that cannot read one passage."""
    read = Passage.read

    def read_or_fail(passage: Passage) -> Rehearsed:
        if passage == unread:
            raise UnsupportedLanguageError
        return read(passage)

    return read_or_fail


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize(("lines", "only_copied"), [(0, False), (150, False), (300, True)])  # 150 are seven blocks
def test_no_process_is_started_in_vain(lines: int, only_copied: bool) -> None:
    texts = passages_of("\n".join(LINES[:lines]), as_written=only_copied, phonemes=not only_copied)
    with patch.object(subprocess, "Popen") as popen:
        assert list(read_in_order(texts)) == read(texts)
    popen.assert_not_called()


@pytest.mark.usefixtures("many_blocks")
def test_first_lines_do_not_wait_for_a_block(passages: list[Passage]) -> None:
    for texts in (passages, passages[:150]):
        with (
            patch.object(further_processes, "_start_process"),
            patch.object(Passage, "read", autospec=True, side_effect=Passage.read) as reading,
            contextlib.closing(read_in_order(texts)) as lines,
        ):
            next(lines)
            assert reading.call_count == 1


@pytest.mark.usefixtures("many_blocks")
def test_nothing_is_left_of_a_reading_that_ends_early(passages: list[Passage]) -> None:
    with watched_processes() as started, contextlib.closing(read_in_order(passages)) as reading:
        next(reading)
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 2


@contextlib.contextmanager
def watched_processes() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Yield a list of the processes that are started."""
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *command: Any, **options: Any) -> None:
            super().__init__(*command, **options)
            started.append(self)

    with patch.object(subprocess, "Popen", Watched):
        yield started


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("by", ["SIGINT", "SIGKILL"])
def test_further_process_ends_with_the_command_however_that_ends(by: str, tmp_path: Path) -> None:
    if allowed_cores() < 2:
        pytest.skip("needs a second core")
    story, number = tmp_path / "story.txt", signal.Signals[by]
    story.write_text("\n\n".join(LINES * 200))
    how = ("--dry-run", "--phonemes", "--model", "default")
    command = [sys.executable, "-m", "storyflow", "narrate", str(story), *how]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        wait_until(lambda: bool(children_of(process.pid)))
        further = children_of(process.pid)
        os.killpg(process.pid, number) if by == "SIGINT" else process.kill()
        _, stderr = process.communicate(timeout=AT_LAST_S)
        wait_until(lambda: not any(map(is_alive, further)))
    assert process.returncode == (130 if by == "SIGINT" else -number)
    assert b"Traceback" not in stderr
