"""The actor: a process on a node that holds one loaded model and speaks batches of lines."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.throughput import Line, speak_each
from core_engine.places import models_dir
from core_engine.reading.aloud import Reading
from storyflow.cluster.delivery import Parts, fetch, models_cache
from storyflow.cluster.parcel import Parcel, found_here
from storyflow.cluster.software import Software, software_here
from storyflow.narration.spoken import Answer, answer_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What to speak."""

    reading: Reading
    line: Line


@dataclass(frozen=True)
class Answers:
    """The answers to a batch."""

    answers: Sequence[Answer]
    """One for each request, in order."""
    busy_s: float
    """Seconds of work."""


class Speaker:
    """An actor of the cluster. Created without a model, so that what is wrong with a node can be told."""

    def __init__(self) -> None:
        self._kokoro: Kokoro | None = None
        self._workers = 1

    def software(self) -> Software:
        """Return what is installed here."""
        return software_here()

    def open(self, parcel: Parcel, workers: int, parts: Parts | None = None) -> bool:
        """Load the model; return False if this machine does not have it and there are no `parts` to fetch.

        `workers` is the number of chunks to speak in parallel. Raises as `fetch`, and ModelFileError.
        """
        path = found_here(parcel, models_dir(), models_cache())
        if path is None:
            if parts is None:
                return False
            path = fetch(parcel, parts)
        self._kokoro, self._workers = Kokoro.load(path, threads=1), workers
        return True

    def speak(self, requests: Sequence[Request]) -> Answers:
        """Speak a batch."""
        if self._kokoro is None:
            raise RuntimeError("The speaker has no model yet.")
        began = time.monotonic()
        spoken = speak_each(self._kokoro, (each.line for each in requests), self._workers)
        answers = [answer_of(speech, each.reading, each.line) for each, speech in zip(requests, spoken, strict=True)]
        return Answers(answers, time.monotonic() - began)
