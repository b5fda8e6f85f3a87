"""Speak many texts on all cores: their chunks run in parallel on one session, each in one thread.

A single run does not use all cores well, because much of the network is short and sequential: two parallel runs on one
core each are faster than two consecutive runs on both. The session is thread-safe; the text side has a lock.
"""

import logging
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import KokoroError
from core_engine.kokoro.model.arenas import LARGE_MODEL_BYTES
from core_engine.kokoro.model.cores import allowed_cores
from core_engine.kokoro.model.inference import Sound
from core_engine.kokoro.model.memory import free_memory
from core_engine.kokoro.speech.synthesis import Kokoro, Speech, Utterance
from core_engine.reading.lexicon import NO_LEXICON, Lexicon

logger = logging.getLogger(__name__)

_RUN_BYTES = 500 << 20
"""Memory of a run of Kokoro with 510 tokens, measured with int8; float32 needs about the same."""

_AHEAD = 2
"""Unfinished chunks per worker: enough to keep all workers busy, few enough to save memory."""

_AHEAD_TEXTS = 64
"""Texts that may wait for an earlier slow one, with their audio in memory."""


@dataclass(frozen=True)
class Line:
    """A text, who says it, and how fast."""

    text: str
    voice: str
    speed: float = 1.0
    lexicon: Lexicon = NO_LEXICON


@dataclass(frozen=True)
class _Started:
    """An utterance whose chunks have been submitted to the workers."""

    utterance: Utterance
    sounds: list["Future[Sound]"]


def run_bytes(model: Path) -> int:
    """Return the bytes of memory that the longest run of the model at `model` needs, besides the loaded model.

    Small models, like the built-in voice, need a quarter at most.
    """
    return _RUN_BYTES if model.stat().st_size >= LARGE_MODEL_BYTES else _RUN_BYTES // 4


def workers_for(model: Path) -> int:
    """Return how many chunks to speak at once: one per allowed core, fewer where memory is short, at least 1.

    `model` is the ONNX file, whose model should be loaded by then.
    """
    cores, free, each = allowed_cores(), free_memory(), run_bytes(model)
    fit = cores if free is None else max(1, free // each)
    if fit < cores:
        logger.warning(
            "%d of %d cores speak: %d MB of memory are free, and each of them needs up to %d MB.",
            *(fit, cores, (free or 0) >> 20, each >> 20),
        )
    return min(fit, cores)


def speak_each(kokoro: Kokoro, lines: Iterable[Line], workers: int) -> Generator[Speech | KokoroError, None, None]:
    """Speak lines on `workers` threads and yield, in order, the speech or the error for each.

    Load the model with `threads=1` for this. When the caller stops iterating, no further chunks are started.
    """
    waiting: deque[_Started | KokoroError] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="speak")
    try:
        for line in lines:
            waiting.append(_start(pool, kokoro, line))
            while waiting and _is_due(waiting, workers):
                yield _finish(kokoro, waiting.popleft())
        while waiting:
            yield _finish(kokoro, waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _start(pool: ThreadPoolExecutor, kokoro: Kokoro, line: Line) -> _Started | KokoroError:
    try:
        utterance = kokoro.prepare(line.text, line.voice, line.speed, lexicon=line.lexicon)
    except KokoroError as error:
        return error
    return _Started(utterance, [pool.submit(kokoro.run, utterance, chunk) for chunk in utterance.chunks])


def _is_due(waiting: "deque[_Started | KokoroError]", workers: int) -> bool:
    """Return whether to yield the first text before starting another: it is done, or enough is in progress."""
    unfinished = [_unfinished(item) for item in waiting]
    return unfinished[0] == 0 or sum(unfinished) > _AHEAD * workers or len(waiting) > _AHEAD_TEXTS


def _unfinished(item: _Started | KokoroError) -> int:
    return 0 if isinstance(item, KokoroError) else sum(not sound.done() for sound in item.sounds)


def _finish(kokoro: Kokoro, item: _Started | KokoroError) -> Speech | KokoroError:
    if isinstance(item, KokoroError):
        return item
    try:
        return kokoro.joined(item.utterance, [sound.result() for sound in item.sounds])
    except KokoroError as error:
        return error
