"""Clusters of nodes of one core each on this machine, and narrations on them."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Ray reads these when it is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"] = "."

from ray.cluster_utils import Cluster

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_choice import Model
from engines.store.file_state import sampled_digest
from storyflow.cluster.connection import connected
from storyflow.cluster.dispatcher import Dispatcher
from storyflow.cluster.parcel import packed
from storyflow.cluster.speaker import Speaker
from storyflow.narration.narration import Narration
from storyflow.narration.planning import Task
from storyflow.stories.story import read_story

_OBJECT_STORE_BYTES = 256 << 20


@contextlib.contextmanager
def cluster_of(nodes: int, cores: int = 1) -> Iterator[str]:
    """Yield the address of a cluster with a head without cores and `nodes` nodes."""
    memory = {"object_store_memory": _OBJECT_STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **memory})
    try:
        for number in range(nodes):
            cluster.add_node(num_cpus=cores, node_name=f"node-{number}", **memory)
        yield cluster.address
    finally:
        cluster.shutdown()


@dataclass(frozen=True)
class Told:
    """What a narration took, from the first segment to the last."""

    segments: int
    seconds: float
    cpu_s: float
    """CPU time of the driver."""
    audio_s: float


class Teller:
    """Narrates one story again and again on a cluster."""

    def __init__(self, address: str, model: Model, actor: type[Any] = Speaker) -> None:
        self._kokoro, self._model, self._actor = Kokoro.load(model.path, 1), model, actor
        self._address = address

    @contextlib.contextmanager
    def connected(self) -> Iterator["Dispatcher"]:
        """Yield a dispatcher of the cluster, which may tell several stories."""
        with connected(self._address) as run:
            dispatcher = Dispatcher(run, packed(self._model, self._kokoro), self._model.path, actor=self._actor)
            try:
                yield dispatcher
            finally:
                dispatcher.close()

    def tell(self, dispatcher: Dispatcher, story: Path, root: Path) -> Told:
        """Narrate a story into a new folder."""
        task = Task(read_story(story), story, "p", root, "af_bella", 1.0)
        narration = Narration(task, self._kokoro, sampled_digest(self._model.path), dispatcher.speak)
        began, cpu = time.perf_counter(), time.process_time()
        outcome = narration.run(lambda _step: None)
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        return Told(len(outcome.made), seconds, cpu_s, outcome.audio_s)
