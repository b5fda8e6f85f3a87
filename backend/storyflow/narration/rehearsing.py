"""Rehearse passages in order, long texts in further processes, too: one for each other core.

A process reads on one core. A further one takes as long to start as a block takes to be read, so it pays for long texts
only. It gets one block after the other through a pipe, and ends with the pipe, however this process ends. What it
cannot read is read here, where errors are raised.
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
from functools import partial
from logging.handlers import QueueHandler
from threading import Thread

from core_engine.kokoro.model.cores import allowed_cores
from storyflow.narration.rehearsal import Passage, Rehearsed

logger = logging.getLogger(__name__)

_BLOCK = 40_000
"""Characters that a process reads at a time."""

_FEWEST_BLOCKS = 4
"""For each process: with fewer, a further one is not started."""

_Block = Sequence[Passage]
_Answer = list[Rehearsed] | None
"""None if the block cannot be read."""

_Left = deque[tuple[_Block, "Future[_Answer]"]]
"""The blocks that nobody reads yet."""


def rehearsed(passages: Iterable[Passage]) -> Generator[Rehearsed, None, None]:
    """Yield what would be spoken for each passage, in order; raises as `Passage.rehearsed` does."""
    left: _Left = deque((block, Future()) for block in _blocks(passages))
    answers = list(left)
    with ExitStack() as processes:
        for _ in range(min(allowed_cores(), len(answers) // _FEWEST_BLOCKS) - 1):
            _start_process(left, processes)
        for block, answer in answers:
            while not answer.done() and _next_read(left, _read):
                pass
            found = answer.result()
            yield from (passage.rehearsed() for passage in block) if found is None else found


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


def _next_read(left: _Left, read: Callable[[_Block], _Answer]) -> bool:
    """Let `read` answer the next block; return False if there is none left."""
    try:
        block, answer = left.popleft()
    except IndexError:
        return False
    answer.set_result(read(block))
    return True


def _read(block: _Block) -> _Answer:
    try:
        return [passage.rehearsed() for passage in block]
    except Exception:  # raised again when it is the block's turn
        logger.debug("A block cannot be read", exc_info=True)
        return None


def _start_process(left: _Left, processes: ExitStack) -> None:
    """Start a further process that reads what is left, until `processes` ends."""
    # Isolated, it imports no module of the working folder by mistake.
    python = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import answer_blocks; answer_blocks()"
    command, pipe = [sys.executable, "-I", "-c", python], subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)  # noqa: S603
    except OSError:
        logger.debug("There is no further process", exc_info=True)
        return
    thread = Thread(target=_read_by, args=(process, left), daemon=True)
    thread.start()
    processes.callback(_end, process, thread)


def _read_by(process: "subprocess.Popen[bytes]", left: _Left) -> None:
    while process.poll() is None and _next_read(left, partial(_asked, process)):
        pass


def _asked(process: "subprocess.Popen[bytes]", block: _Block) -> _Answer:
    """Let a process read a block, and log what it logs."""
    if process.stdin is None or process.stdout is None:
        return None
    try:
        process.stdin.write(pickle.dumps(block))
        process.stdin.flush()
        answer, records = pickle.load(process.stdout)  # noqa: S301  # of our own process
    except Exception:  # it ended, for example for want of memory
        logger.debug("The further process does not answer", exc_info=True)
        process.kill()
        return None
    for record in records:
        log = logging.getLogger(record.name)
        if log.isEnabledFor(record.levelno):
            log.handle(record)
    found: _Answer = answer
    return found


def _end(process: "subprocess.Popen[bytes]", thread: Thread) -> None:
    with suppress(OSError), process:  # a pipe may be broken
        process.kill()
        thread.join()


def answer_blocks() -> None:
    """Be a further process: read the blocks from standard input, until it ends."""
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logging.getLogger().addHandler(QueueHandler(records))
    with suppress(EOFError):
        while True:
            answer = _read(pickle.load(sys.stdin.buffer))  # noqa: S301  # of the process that started this one
            sys.stdout.buffer.write(pickle.dumps((answer, [records.get() for _ in range(records.qsize())])))
            sys.stdout.buffer.flush()
