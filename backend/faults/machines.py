"""A Ray cluster of several nodes on this machine, whose nodes and speakers can be killed, stopped and added."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

_OBJECT_STORE_BYTES = 80 << 20


class Machines:
    """A head without cores, where only the driver is, and nodes of one core each."""

    def __init__(self) -> None:
        """Start the head."""
        head = {"num_cpus": 0, "include_dashboard": False}
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

    def add(self, name: str, **environment: str) -> None:
        """Start a node of one core, with variables of its own."""
        self._nodes[name] = self._cluster.add_node(
            num_cpus=1,
            object_store_memory=_OBJECT_STORE_BYTES,
            node_name=name,
            env_vars=environment,
        )

    def kill(self, name: str) -> None:
        """Kill a node with all of its processes."""
        self._cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def clear(self) -> None:
        """Kill all nodes but the head."""
        for name in self.names:
            self.signal(name, signal.SIGCONT)
            self.kill(name)

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
        self.clear()
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
