"""Read passages in order, those of a long text in further processes, too.

A process reads on one core. A further one takes a while to start, so it pays for long texts only. It gets one
block after the other through a pipe, and ends with the pipe, however this process ends. What it cannot read is read
here, where errors are raised.
"""

import logging
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from logging.handlers import QueueHandler
from threading import Thread
from typing import IO

from core_engine.kokoro.model.cores import allowed_cores
from storyflow.narration.rehearsal import Passage, Rehearsed

logger = logging.getLogger(__name__)

_BLOCK = 40_000
"""Characters that a process reads at a time."""

_FEWEST_BLOCKS = 4
"""For each process: with fewer, a further one is not started."""

_Block = Sequence[Passage]


@dataclass(frozen=True)
class _Answer:
    """What was read of a block, up to a passage that cannot be read."""

    read: list[Rehearsed] = field(default_factory=list)
    warnings: list[logging.LogRecord] = field(default_factory=list)
    """Those of a further process, whose log nobody sees."""


_Left = deque[tuple[_Block, "Future[_Answer]"]]
"""The blocks that nobody reads yet."""


def read_in_order(passages: Iterable[Passage]) -> Generator[Rehearsed, None, None]:
    """Yield what would be spoken for each passage, in order; raises as `Passage.read` does."""
    blocks = list(_blocks(passages))
    processes = _processes_that_pay(blocks)
    left: _Left = deque((block, Future()) for block in islice(blocks, 1, None) if processes)
    answers = deque(left)
    with ExitStack() as stack:
        for _ in range(processes):
            _start_process(left, stack)
        yield from (passage.read() for block in islice(blocks, 1 if processes else None) for passage in block)
        while answers:
            block, answer = answers.popleft()
            while not answer.done() and _next_answered(left, _answered):
                pass
            yield from _told(answer.result())
            yield from (passage.read() for passage in block[len(answer.result().read) :])


def _processes_that_pay(blocks: Sequence[_Block]) -> int:
    """Return the number of further processes for these blocks."""
    if not blocks or not blocks[0][0].rehearsal.takes_time:
        return 0
    return max(0, min(allowed_cores(), len(blocks) // _FEWEST_BLOCKS) - 1)


def _blocks(passages: Iterable[Passage]) -> Iterator[_Block]:
    block: list[Passage] = []
    size = 0
    for passage in passages:
        block.append(passage)
        size += len(passage.text)
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _next_answered(left: _Left, answered: Callable[[_Block], _Answer]) -> bool:
    """Let `answered` answer the next block; return False if there is none left."""
    try:
        block, answer = left.popleft()
    except IndexError:
        return False
    answer.set_result(answered(block))
    return True


def _answered(block: _Block) -> _Answer:
    answer = _Answer()
    with suppress(Exception):  # raised again when it is the passage's turn
        for passage in block:
            answer.read.append(passage.read())
    return answer


def _told(answer: _Answer) -> list[Rehearsed]:
    """Log the warnings of a block; return what was read of it."""
    for record in answer.warnings:
        log = logging.getLogger(record.name)
        if log.isEnabledFor(record.levelno):
            log.handle(record)
    return answer.read


def _start_process(left: _Left, stack: ExitStack) -> None:
    """Start a further process that reads what is left, until `stack` ends."""
    python = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import answer_blocks; answer_blocks()"
    command, pipe = [sys.executable or "", "-c", python], subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)  # noqa: S603
        thread = Thread(target=_read_by, args=(process, left), daemon=True)
        stack.callback(_end, process, thread)
        thread.start()
    except (OSError, RuntimeError):
        logger.debug("There is no further process", exc_info=True)


def _read_by(process: "subprocess.Popen[bytes]", left: _Left) -> None:
    if process.stdin and process.stdout:
        while process.poll() is None and _next_answered(left, partial(_asked, process, process.stdin, process.stdout)):
            pass


def _asked(process: "subprocess.Popen[bytes]", question: IO[bytes], answer: IO[bytes], block: _Block) -> _Answer:
    """Let a process answer a block."""
    try:
        question.write(pickle.dumps(block))
        question.flush()
        read, warnings = pickle.load(answer)  # noqa: S301  # of our own process
        return _Answer(read, warnings)
    except Exception:  # it ended, for example for want of memory
        with suppress(Exception):  # the log may be what is broken
            logger.debug("A further process does not answer", exc_info=True)
        process.kill()
        return _Answer()


def _end(process: "subprocess.Popen[bytes]", thread: Thread) -> None:
    with suppress(OSError), process:  # a pipe may be broken
        process.kill()
        if thread.ident:
            thread.join()


def answer_blocks() -> None:
    """Be a further process: answer the blocks from standard input, until it ends."""
    warnings: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logging.getLogger().addHandler(QueueHandler(warnings))
    with suppress(EOFError):
        while True:
            read = _answered(pickle.load(sys.stdin.buffer)).read  # noqa: S301  # of the process that started this one
            sys.stdout.buffer.write(pickle.dumps((read, [warnings.get() for _ in range(warnings.qsize())])))
            sys.stdout.buffer.flush()
