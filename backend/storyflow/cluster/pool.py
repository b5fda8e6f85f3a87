"""Speakers on a cluster for a run of one or many stories."""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_choice import Model
from storyflow.cluster.connection import connected
from storyflow.cluster.parcel import packed
from storyflow.cluster.stations import Placement

if TYPE_CHECKING:
    from storyflow.cluster.dispatcher import Dispatcher


@contextlib.contextmanager
def speakers_on(
    address: str, model: Model, kokoro: Kokoro, placement: Placement, say: Callable[[str], None]
) -> Iterator["Dispatcher"]:
    """Yield the speakers of the cluster at `address` with a model that is loaded here, too.

    `address` is HOST:PORT, `auto` or `local`; see `connected`. Raises ClusterError.
    """
    parcel = packed(model, kokoro)
    with connected(address) as run:
        from storyflow.cluster.dispatcher import Dispatcher  # imports Ray

        dispatcher = Dispatcher(run, parcel, model.path, placement, say=say)
        try:
            yield dispatcher
        finally:
            dispatcher.close()
