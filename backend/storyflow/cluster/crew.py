"""The speakers of a run: placed on the nodes by their resources, checked before they speak, replaced when they die."""

import contextlib
import logging
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from storyflow.cluster.delivery import Parts, Shipment
from storyflow.cluster.errors import ClusterError, first_line, last_line, reason_of
from storyflow.cluster.parcel import Parcel
from storyflow.cluster.software import Software, differences, software_here
from storyflow.cluster.stations import Engaged, Placement, Station

logger = logging.getLogger(__name__)

_MAX_FAILED_STARTS = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
_PATIENCE_S = 10.0
"""Seconds without a speaker after which the user is told what is waited for."""

Lost = Callable[[Engaged], None]
"""Called with a speaker that is gone, which may still have batches."""


class Crew:
    """The speakers of a run. Not thread-safe."""

    def __init__(
        self,
        run: str,
        parcel: Parcel,
        model: Path,
        placement: Placement,
        actor: type[Any],
        lost: Lost,
        say: Callable[[str], None],
    ) -> None:
        self._run, self._parcel, self._placement = run, parcel, placement
        self._shipment = Shipment(parcel, model)
        # Replacing a dead speaker is left to us: Ray would start it again without its model.
        self._actor = ray.remote(max_restarts=0, max_task_retries=0)(actor)
        self._lost, self._say = lost, say
        self._stations: dict[str, Station] = {}
        self._steps: dict[Any, tuple[Engaged, Callable[[Engaged, Any], None]]] = {}
        """What speakers do before they are ready: reference → speaker, and what to do with the result."""
        self._numbers = count(1)
        self._told_at: float | None = time.monotonic() + _PATIENCE_S

    @property
    def stations(self) -> list[Station]:
        """All nodes of this run, those that left included."""
        return list(self._stations.values())

    @property
    def ready(self) -> list[Engaged]:
        """The speakers whose model is loaded; may be asked for by other threads, while nodes join."""
        return [speaker for station in self.stations for speaker in list(station.speakers) if speaker.is_open]

    @property
    def pending(self) -> list[Any]:
        """References to what speakers do before they are ready."""
        return list(self._steps)

    def look_around(self, wanted: int) -> None:
        """Learn which nodes joined and left, and start speakers where they fit, at most `wanted` in all.

        Raises ClusterError if no node may speak.
        """
        alive = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
        for station in self.stations:
            if station.is_alive and station.node_id not in alive:
                self._leave(station)
        for node_id, node in alive.items():
            if node_id not in self._stations and self._placement.room(node["Resources"]):
                self._stations[node_id] = self._joined(node)
        self._engage(wanted)
        self._check_hope(wanted)

    def advance(self, reference: Any) -> None:
        """Take the result of a pending step, and begin the next one."""
        step = self._steps.pop(reference, None)
        if step is None:  # of a speaker that was lost meanwhile
            return
        speaker, go_on = step
        try:
            go_on(speaker, ray.get(reference))
        except RayTaskError as error:
            self.refuse(speaker.station, reason_of(error))
        except RayError as error:
            self.lose(speaker, error)

    def lose(self, speaker: Engaged, error: Exception) -> None:
        """Take note that a speaker is dead; another one will be started."""
        station = speaker.station
        if speaker not in station.speakers:
            return
        logger.info("%s died: %s", speaker.name, first_line(error))
        station.deaths += 1
        if "creation task" in str(error):
            self.refuse(station, last_line(error))
            return
        if not speaker.is_open:
            self._note_failed_start(station, error)
        self._part_with(speaker)

    def refuse(self, station: Station, reason: str) -> None:
        """Let nobody speak on a node in this run."""
        if station.refused is None:
            station.refused = reason
            self._say(f"Node {station.name} does not take part: {reason}")
        for speaker in list(station.speakers):
            self._part_with(speaker)

    def dismiss(self) -> None:
        """End all speakers."""
        for station in self._stations.values():
            for speaker in list(station.speakers):
                self._part_with(speaker)

    def _joined(self, node: dict[str, Any]) -> Station:
        station = Station.of(node, self._placement)
        by_cores = self._placement.room_but_for_memory(node["Resources"])
        if station.room < by_cores:
            self._say(f"Node {station.name} has cores for {by_cores} speakers, but memory for {station.room}.")
        return station

    def _engage(self, wanted: int) -> None:
        """Start speakers, on all nodes in turn."""
        usable = [each for each in self._stations.values() if each.is_alive and each.refused is None]
        engaged = sum(len(station.speakers) for station in usable)
        for place in range(max((station.room for station in usable), default=0)):
            for station in usable:
                may = station.room > place >= len(station.speakers) and time.monotonic() >= station.not_before
                if may and engaged < wanted:
                    self._start(station)
                    engaged += 1

    def _start(self, station: Station) -> None:
        name = f"{self._run}/{station.name}/speaker-{next(self._numbers)}"
        handle = self._actor.options(
            name=name,
            num_cpus=self._placement.cpus,
            num_gpus=self._placement.gpus,
            memory=station.memory_each,
            scheduling_strategy=NodeAffinitySchedulingStrategy(station.node_id, soft=False),
        ).remote()
        speaker = Engaged(handle, name, station)
        station.speakers.append(speaker)
        self._steps[handle.software.remote()] = (speaker, self._check)

    def _check(self, speaker: Engaged, theirs: Software) -> None:
        """Refuse a node with other software; load the model otherwise."""
        ours = software_here()
        other = differences(theirs, ours)
        if other:
            self.refuse(
                speaker.station,
                f"it has {', '.join(other)}, so its audio would differ. Install the same versions there as here.",
            )
            return
        self._open(speaker)

    def _open(self, speaker: Engaged, parts: Parts | None = None) -> None:
        opened = speaker.handle.open.remote(self._parcel, self._placement.cpus, parts)
        self._steps[opened] = (speaker, self._opened)

    def _opened(self, speaker: Engaged, has_model: bool) -> None:
        if has_model:
            speaker.is_open = True
            speaker.station.failed_starts = 0
            self._told_at = None
            self._shipment.has_arrived(speaker)
            return
        logger.info("Sending the model '%s' to %s", self._parcel.name, speaker.station.name)
        self._open(speaker, self._shipment.parts_for(speaker))

    def _leave(self, station: Station) -> None:
        station.is_alive = False
        if station.refused is None:
            self._say(f"Node {station.name} left the cluster. What it had not finished goes to the others.")
        for speaker in list(station.speakers):
            station.deaths += 1
            self._part_with(speaker)

    def _part_with(self, speaker: Engaged) -> None:
        speaker.station.speakers.remove(speaker)
        speaker.is_open = False
        self._shipment.has_arrived(speaker)  # or never will
        for reference in [each for each, (whose, _) in self._steps.items() if whose is speaker]:
            del self._steps[reference]
        with contextlib.suppress(RayError, ValueError):
            ray.kill(speaker.handle)
        self._lost(speaker)

    def _note_failed_start(self, station: Station, error: Exception) -> None:
        pause = min(_FIRST_PAUSE_S * 2**station.failed_starts, _LONGEST_PAUSE_S)
        station.failed_starts += 1
        station.not_before = time.monotonic() + pause
        if station.failed_starts >= _MAX_FAILED_STARTS:
            self.refuse(station, f"its speakers die while they load the model: {first_line(error)}")

    def _check_hope(self, wanted: int) -> None:
        alive = [station for station in self._stations.values() if station.is_alive]
        if wanted and alive and all(station.refused for station in alive):
            reasons = "\n".join(f"  {station.name}: {station.refused}" for station in alive)
            raise ClusterError(f"No node of the cluster can speak:\n{reasons}")
        if wanted and self._told_at and time.monotonic() > self._told_at:
            self._told_at = None
            self._say(f"Waiting for a node of the cluster with {self._placement}.")
