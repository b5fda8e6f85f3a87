"""A narration on a cluster whose speakers, nodes and driver die: the result is that of one machine, byte for byte."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_choice import Model
from core_engine.model_paths import BUILT_IN, model_path
from engines.store.file_state import sampled_digest
from faults.support import BACKEND, is_root, mounted_tmpfs
from storyflow.cluster.errors import ClusterError
from storyflow.cluster.pool import speakers_on
from storyflow.cluster.stations import NodeReport, Placement
from storyflow.narration.narration import Narration, Step
from storyflow.narration.planning import Task
from storyflow.narration.record import JOURNAL_NAME, RECORD_NAME
from storyflow.narration.spoken import Speakers, speakers_here
from storyflow.stories.story import read_story

pytest.importorskip("ray", reason="Ray has no wheel for this machine or this Python")
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes of nodes in /proc"),
    pytest.mark.timeout(420),
]

KILLS = 50
SENTENCES = (
    "The keeper lit the lamp at a quarter past six.",
    "Nobody came.",
    "A ship turned slowly away from the rocks, and the gulls went after it as far as the light reached.",
    "In the morning the sea lay as flat as a table, and on it was a single sail.",
    "“Is there anybody?” asked the boy.",
    "He counted 17 steps, then the door.",
)


def long_story(path: Path, segments: int) -> Path:
    """Write a story of paragraphs of different lengths, with two scene breaks."""
    chosen = random.Random(segments)
    paragraphs = [f"Number {n}. {' '.join(chosen.choices(SENTENCES, k=chosen.randint(1, 5)))}" for n in range(segments)]
    paragraphs[5:5] = ["* * *"]
    paragraphs[20:20] = ["* * *"]
    path.write_text("\n\n".join(paragraphs), encoding="utf-8")
    return path


@dataclass
class Run:
    """A narration, and what happened in it."""

    folder: Path
    made: list[str]
    errors: dict[str, str]
    steps: list[Step] = field(default_factory=list)
    nodes: list[NodeReport] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def files(self) -> dict[str, str]:
        """All files of the project with their digests."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


class Teller:
    """Narrates with the built-in voice, here or on a cluster."""

    def __init__(self, model: Path, address: str, story: Path, root: Path) -> None:
        self.model = Model("voice", model)
        self.kokoro = Kokoro.load(model, 1)
        self.address, self.story, self.root = address, story, root

    def here(self, project: str) -> Run:
        """Narrate on this machine."""
        return self._run(project, speakers_here(self.kokoro, 2))

    def there(self, project: str, during: Callable[[Future[Run]], Any] = lambda running: running.result()) -> Run:
        """Narrate on the cluster, in a thread: nodes can only be started in the main one, where `during` runs."""
        said: list[str] = []
        with (
            speakers_on(self.address, self.model, self.kokoro, Placement(), said.append) as speakers,
            ThreadPoolExecutor(1) as thread,
        ):
            running = thread.submit(self._run, project, speakers.speak)
            try:
                during(running)
            except BaseException:
                speakers.close()
                raise
            run = running.result()
        run.nodes, run.said = speakers.nodes, said
        return run

    def _run(self, project: str, speakers: Speakers) -> Run:
        task = Task(read_story(self.story), self.story, project, self.root, "af_bella", 1.0)
        steps: list[Step] = []
        outcome = Narration(task, self.kokoro, sampled_digest(self.model.path), speakers).run(steps.append)
        return Run(task.folder, [entry.id for entry in outcome.made], outcome.errors, steps)


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    from faults.machines import Machines

    machines = Machines()
    yield machines
    machines.end()


@pytest.fixture
def nodes(machines: Any) -> Iterator[Any]:
    """The cluster of a test, which adds its own nodes."""
    yield machines
    machines.clear()


@pytest.fixture(scope="module")
def teller(machines: Any, tmp_path_factory: pytest.TempPathFactory) -> Teller:
    root = tmp_path_factory.mktemp("cluster")
    return Teller(model_path(BUILT_IN, Path()), machines.address, long_story(root / "story.txt", 60), root)


@pytest.fixture(scope="module")
def expected(teller: Teller) -> dict[str, str]:
    return teller.here("expected").files


def wait_until(condition: Callable[[], Any], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the cluster did not get there in time"
        time.sleep(0.02)


def made_once(run: Run) -> bool:
    made = [step.segment.id for step in run.steps if step.new_s]
    return sorted(made) == sorted(set(made)) == sorted(run.made)


def test_fifty_kills_of_speakers_and_nodes_lose_nothing_and_make_nothing_twice(
    nodes: Any, teller: Teller, expected: dict[str, str]
) -> None:
    for name in ("hare", "tortoise", "snail"):
        nodes.add(name)
    chance, kills = random.Random(7), 0

    def kill_at_random_moments(running: Future[Run]) -> None:
        nonlocal kills
        while kills < KILLS and not wait([running], chance.uniform(0.05, 0.8)).done:
            name = chance.choice(nodes.names)
            if kills % 5 == 4:
                nodes.kill(name)
                nodes.add(name)
                kills += 1
            elif speakers := nodes.speakers(name):
                os.kill(chance.choice(speakers), signal.SIGKILL)
                kills += 1

    for number in count():
        run = teller.there(f"kills-{number}", kill_at_random_moments)
        assert run.errors == {}
        assert made_once(run)
        assert run.files == expected
        if kills >= KILLS:
            break
