"""What the driver knows of the nodes, their speakers, and the batches these have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storyflow.cluster.backlog import Item

_MEMORY = "memory"
"""Ray's name of this resource, in bytes."""

_RECENT = 0.5
"""Weight of the last batch in a speaker's pace."""


@dataclass(frozen=True)
class Placement:
    """The resources that a speaker reserves."""

    cpus: int = 1
    """Cores, each of which speaks one chunk at a time."""
    gpus: float = 0
    """GPUs; half of one means that two speakers share it."""
    memory: int = 0
    """Bytes of memory that it may need."""

    def room(self, resources: Mapping[str, float]) -> int:
        """Return how many speakers fit on a node with these resources.

        One fits into any memory, since what it needs is only an estimate, for the longest segments.
        """
        room = self.room_but_for_memory(resources)
        if not self.memory or _MEMORY not in resources:
            return room
        return min(room, max(1, int(resources[_MEMORY] // self.memory)))

    def room_but_for_memory(self, resources: Mapping[str, float]) -> int:
        """Return how many speakers would fit if the node had more memory."""
        by_cpus = int(resources.get("CPU", 0) // self.cpus)
        return min(by_cpus, int(resources.get("GPU", 0) / self.gpus)) if self.gpus else by_cpus

    def memory_each(self, resources: Mapping[str, float]) -> int:
        """Return the bytes of memory to reserve for each speaker of a node; never more than it has."""
        return min(self.memory, int(resources.get(_MEMORY, 0)) // max(1, self.room(resources)))

    def __str__(self) -> str:
        """Return it as people say it."""
        gpus = f", {self.gpus:g} GPU(s)" if self.gpus else ""
        return f"{self.cpus} free CPU(s){gpus} and {self.memory / 1e9:.1f} GB of memory"


@dataclass(eq=False)
class Batch:
    """Segments that speakers have; the same batch may be with several of them, and the first answer counts."""

    items: list[Item]
    began: float
    """When a speaker first got it, in monotonic seconds."""
    speakers: int = 0
    """How many have it."""

    @property
    def tokens(self) -> int:
        """Its tokens."""
        return sum(item.tokens for item in self.items)

    @property
    def open_items(self) -> list[Item]:
        """The items that nobody has answered yet."""
        return [item for item in self.items if item.is_open]


@dataclass(eq=False)
class Engaged:
    """A speaker: an actor as the driver sees it."""

    handle: Any
    name: str
    station: "Station"
    is_open: bool = False
    """Whether its model is loaded."""
    batches: list[Batch] = field(default_factory=list)
    """Its batches, in the order in which it speaks them."""
    pace: float | None = None
    """Tokens per second of its recent work."""

    def note_pace(self, tokens: int, busy_s: float) -> None:
        """Remember how fast a batch was."""
        now = tokens / max(busy_s, 1e-6)
        self.pace = now if self.pace is None else _RECENT * now + (1 - _RECENT) * self.pace


@dataclass(eq=False)
class Station:
    """A node that speakers fit on."""

    node_id: str
    name: str
    address: str
    room: int
    """How many speakers fit on it."""
    memory_each: int = 0
    """Bytes of memory to reserve for each of them."""
    is_alive: bool = True
    refused: str | None = None
    """Why it may not speak."""
    speakers: list[Engaged] = field(default_factory=list)
    failed_starts: int = 0
    """Speakers in a row that died before they had a model."""
    not_before: float = 0.0
    """When to start the next speaker, in monotonic seconds."""
    segments: int = 0
    audio_s: float = 0.0
    busy_s: float = 0.0
    deaths: int = 0
    """Speakers that died."""

    @classmethod
    def of(cls, node: Mapping[str, Any], placement: Placement) -> "Station":
        """Return the station for a node as `ray.nodes` describes it."""
        address, resources = str(node["NodeManagerAddress"]), node["Resources"]
        name = str(node.get("NodeName") or address)
        return cls(
            node["NodeID"],
            str(node["NodeManagerHostname"]) if name == address else name,
            address,
            placement.room(resources),
            placement.memory_each(resources),
        )


@dataclass(frozen=True)
class NodeReport:
    """What a node did in a run."""

    node: str
    address: str
    speakers: int
    """How many speakers fit on it."""
    segments: int
    audio: float
    """Seconds of audio that it made first."""
    busy: float
    """Seconds that its speakers worked, summed over them."""
    times_real_time: float | None
    """Seconds of audio per second of a speaker's work."""
    deaths: int
    refused: str | None
    is_alive: bool


def reports(stations: Iterable[Station]) -> list[NodeReport]:
    """Return what each node did, by name; a node that was started again counts as the same."""
    merged: dict[tuple[str, str], list[Station]] = {}
    for station in stations:
        merged.setdefault((station.name, station.address), []).append(station)
    return [_report(name, address, same) for (name, address), same in sorted(merged.items())]


def _report(name: str, address: str, same: list[Station]) -> NodeReport:
    last = same[-1]
    audio_s, busy_s = sum(each.audio_s for each in same), sum(each.busy_s for each in same)
    return NodeReport(
        node=name,
        address=address,
        speakers=last.room,
        segments=sum(each.segments for each in same),
        audio=audio_s,
        busy=busy_s,
        times_real_time=audio_s / busy_s if busy_s else None,
        deaths=sum(each.deaths for each in same),
        refused=last.refused,
        is_alive=last.is_alive,
    )
