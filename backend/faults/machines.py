"""A Ray cluster of several nodes on this machine, whose nodes and speakers can be killed, stopped and added."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

_OBJECT_STORE_BYTES = 80 << 20
_HEALTH_CHECKS = {"health_check_period_ms": 1000}
"""A dead node is noticed after five of them; a slow one has, as ever, ten seconds for each."""


class Machines:
    """A head without cores, where only the driver is, and nodes of one core each."""

    def __init__(self, caches: Path) -> None:
        """Start the head. In `caches` each node gets a cache folder of its own."""
        self._caches = caches
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": _HEALTH_CHECKS}
        self._cluster = Cluster(
            initialize_head=True, head_node_args={**head, "object_store_memory": _OBJECT_STORE_BYTES}
        )
        self._nodes: dict[str, Any] = {}

    @property
    def address(self) -> str:
        """The address of the cluster."""
        return str(self._cluster.address)

    @property
    def names(self) -> list[str]:
        """The names of the nodes."""
        return list(self._nodes)

    def cache(self, name: str) -> Path:
        """Return the cache folder of a node."""
        return self._caches / name

    def only(self, *names: str) -> None:
        """Let the cluster have these nodes and no others; those that it has stay."""
        for name in self.names:
            if name not in names:
                self.kill(name)
        for name in names:
            if name not in self._nodes:
                self.add(name)

    def add(self, name: str, **environment: str) -> None:
        """Start a node of one core, with variables of its own."""
        self._nodes[name] = self._cluster.add_node(
            num_cpus=1,
            object_store_memory=_OBJECT_STORE_BYTES,
            node_name=name,
            env_vars={"STORYFLOW_CACHE_DIR": str(self.cache(name)), **environment},
        )

    def kill(self, name: str) -> None:
        """Kill a node with all of its processes."""
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def let_go_on(self) -> None:
        """Let speakers that were stopped go on."""
        for name in self.names:
            self.signal(name, signal.SIGCONT)

    def speakers(self, name: str) -> list[int]:
        """Return the ids of the processes on a node that are actors."""
        raylet = self._nodes[name].all_processes["raylet"][0].process.pid
        return [pid for pid, parent, title in _processes() if parent == raylet and _is_actor(title)]

    def signal(self, name: str, number: signal.Signals) -> int:
        """Send a signal to all speakers of a node; return how many there were."""
        sent = 0
        for pid in self.speakers(name):
            try:
                os.kill(pid, number)
                sent += 1
            except ProcessLookupError:
                continue
        return sent

    def end(self) -> None:
        """Stop everything."""
        self.let_go_on()
        self.only()
        self._cluster.shutdown()


def _is_actor(title: bytes) -> bool:
    return title.startswith(b"ray::") and not title.startswith(b"ray::IDLE") and b"Agent" not in title


def _processes() -> Iterator[tuple[int, int, bytes]]:
    """Yield the id, the parent's id and the title of every process."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                yield int(folder.name), parent, (folder / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
