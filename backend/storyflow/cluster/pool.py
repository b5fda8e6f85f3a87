"""Speakers on a cluster for a run of one or many stories."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.throughput import run_bytes
from core_engine.model_choice import Model
from storyflow.cluster.connection import connected
from storyflow.cluster.parcel import Parcel, packed
from storyflow.cluster.stations import Placement

if TYPE_CHECKING:
    from storyflow.cluster.dispatcher import Dispatcher


_PROCESS_BYTES = 200 << 20
"""Memory of a speaker with Python, Ray and the runtime, but without a model."""


@contextlib.contextmanager
def speakers_on(
    address: str, model: Model, kokoro: Kokoro, placement: Placement, say: Callable[[str], None]
) -> Iterator["Dispatcher"]:
    """Yield the speakers of the cluster at `address` with a model that is loaded here, too.

    `address` is HOST:PORT, `auto` or `local`; see `connected`. Raises ClusterError.
    """
    with connected(address) as run, contextlib.closing(dispatcher_of(run, model, kokoro, placement, say)) as dispatcher:
        yield dispatcher


def dispatcher_of(
    run: str, model: Model, kokoro: Kokoro, placement: Placement, say: Callable[[str], None]
) -> "Dispatcher":
    """Return the dispatcher of a run on the cluster that this process is connected to; see `connected`."""
    from storyflow.cluster.dispatcher import Dispatcher  # imports Ray

    parcel = packed(model, kokoro)
    placement = replace(placement, memory=_speaker_bytes(parcel, model, placement.cpus))
    return Dispatcher(run, parcel, model.path, placement, say=say)


def _speaker_bytes(parcel: Parcel, model: Model, cpus: int) -> int:
    """Return the memory of a speaker while it speaks the longest chunks, one on each core."""
    return _PROCESS_BYTES + sum(file.size for file in parcel.files) + cpus * run_bytes(model.path)
