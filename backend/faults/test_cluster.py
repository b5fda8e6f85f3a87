"""A narration on a cluster whose speakers, nodes and driver die: the result is that of one machine, byte for byte."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_choice import Model
from core_engine.model_paths import BUILT_IN, model_path
from engines.store.file_state import sampled_digest
from engines.store.manifest import verify_model
from faults.support import BACKEND, is_root, mounted_tmpfs
from storyflow.cluster.connection import connected
from storyflow.cluster.errors import ClusterError
from storyflow.cluster.pool import dispatcher_of
from storyflow.cluster.stations import NodeReport, Placement
from storyflow.narration.journal import Journal
from storyflow.narration.narration import Narration, Step
from storyflow.narration.planning import Task
from storyflow.narration.record import JOURNAL_NAME, RECORD_NAME
from storyflow.narration.spoken import Speakers, speakers_here
from storyflow.stories.story import read_story

pytest.importorskip("ray", reason="Ray has no wheel for this machine or this Python")
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes of nodes in /proc"),
    pytest.mark.timeout(1200),  # ends what hangs; a busy machine is no reason to fail
]

KILLS = 50
AT_ONCE = 2
"""Speakers that are killed at the same moment, of three."""
SEGMENTS = 48
"""Of the story, besides two scene breaks, which the driver makes."""
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
    paragraphs = [f"Number {n}. {' '.join(chosen.choices(SENTENCES, k=chosen.randint(1, 2)))}" for n in range(segments)]
    paragraphs[5:5] = ["* * *"]
    paragraphs[20:20] = ["* * *"]
    path.write_text("\n\n".join(paragraphs), encoding="utf-8")
    return path


@dataclass
class Run:
    """A narration, and what happened in it."""

    folder: Path
    steps: list[Step] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, NodeReport] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def has_done(self, segments: int) -> bool:
        """Return whether so many segments are done, or the narration is over."""
        return len(self.steps) >= segments or self.is_over.is_set()

    @property
    def was_made_once(self) -> bool:
        """Whether each segment that was made was published once."""
        published = [step.segment.id for step in self.steps if step.new_s]
        return sorted(published) == sorted(self.made)

    @property
    def files(self) -> dict[str, str]:
        """All files of the project with their digests."""
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found
        }


class Teller:
    """Narrates with the built-in voice, here or on a cluster."""

    def __init__(self, model: Path, run: str, story: Path, root: Path) -> None:
        self.model = Model("voice", model)
        self.kokoro = Kokoro.load(model, 1)
        self.run, self.story, self.root = run, story, root

    def task(self, project: str) -> Task:
        """Return the task of narrating the story into a project."""
        return Task(read_story(self.story), self.story, project, self.root, "af_bella", 1.0)

    def here(self, project: str) -> Run:
        """Narrate on this machine."""
        run = Run(self.task(project).folder)
        self._tell(project, speakers_here(self.kokoro, 2), run)
        return run

    def there(self, project: str, during: Callable[[Run], Any] = lambda _run: None) -> Run:
        """Narrate on the cluster, in a thread: nodes can only be started in the main one, where `during` runs."""
        run = Run(self.task(project).folder)
        dispatcher = dispatcher_of(f"{self.run}-{project}", self.model, self.kokoro, Placement(), run.said.append)
        with ThreadPoolExecutor(1) as thread, contextlib.closing(dispatcher):
            running = thread.submit(self._tell, project, dispatcher.speak, run)
            during(run)
            running.result()
        run.nodes = {report.node: report for report in dispatcher.nodes}
        return run

    def _tell(self, project: str, speakers: Speakers, run: Run) -> None:
        try:
            narration = Narration(self.task(project), self.kokoro, sampled_digest(self.model.path), speakers)
            outcome = narration.run(run.steps.append)
            run.made, run.errors = [entry.id for entry in outcome.made], outcome.errors
        finally:
            run.is_over.set()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from faults.machines import Machines

    machines = Machines(tmp_path_factory.mktemp("caches"))
    yield machines
    machines.end()


@pytest.fixture
def nodes(machines: Any) -> Iterator[Any]:
    """The cluster, which may have nodes of earlier tests."""
    yield machines
    machines.let_go_on()


@pytest.fixture(scope="module")
def run_name(machines: Any) -> Iterator[str]:
    """This process as the driver of the cluster."""
    with connected(machines.address) as run:
        yield run


@pytest.fixture(scope="module")
def teller(run_name: str, tmp_path_factory: pytest.TempPathFactory) -> Teller:
    root = tmp_path_factory.mktemp("cluster")
    return Teller(model_path(BUILT_IN, Path()), run_name, long_story(root / "story.txt", SEGMENTS), root)


@pytest.fixture(scope="module")
def expected(teller: Teller) -> dict[str, str]:
    return teller.here("expected").files


def wait_until(condition: Callable[[], Any], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the cluster did not get there in time"
        time.sleep(0.02)


def test_fifty_kills_of_speakers_and_nodes_lose_nothing_and_make_nothing_twice(
    nodes: Any, teller: Teller, expected: dict[str, str]
) -> None:
    nodes.only("hare", "tortoise", "snail")
    chance, kills = random.Random(7), 0

    def kill_at_random_moments(run: Run) -> None:
        nonlocal kills
        while kills < KILLS and not run.is_over.is_set():
            seen = len(run.steps)
            # Kills come a random time after something was published, so that a slow machine gets on, too.
            wait_until(partial(run.has_done, seen + 1))
            run.is_over.wait(chance.uniform(0, 0.5))
            if kills % 10 == 9:
                name = chance.choice(nodes.names)
                nodes.kill(name)
                nodes.add(name)
                kills += 1
                continue
            for name in chance.sample(nodes.names, AT_ONCE):
                if speakers := nodes.speakers(name):
                    os.kill(chance.choice(speakers), signal.SIGKILL)
                    kills += 1

    for number in count():
        run = teller.there(f"kills-{number}", kill_at_random_moments)
        assert run.errors == {}
        assert not any(node.refused for node in run.nodes.values())
        assert run.was_made_once
        assert run.files == expected
        if kills >= KILLS:
            break


def test_node_that_joins_gets_work_and_what_a_stopped_node_has_goes_to_it(
    nodes: Any, teller: Teller, expected: dict[str, str]
) -> None:
    nodes.only()

    def stop_the_first(run: Run) -> None:
        nodes.add("hare")
        wait_until(partial(run.has_done, 6))
        assert nodes.signal("hare", signal.SIGSTOP)
        nodes.add("tortoise")

    run = teller.there("joining", stop_the_first)
    assert run.files == expected
    assert run.was_made_once
    assert run.nodes["tortoise"].segments > 0
    assert run.nodes["hare"].segments + run.nodes["tortoise"].segments == SEGMENTS


def test_slow_node_speaks_little_and_nobody_waits_for_its_last_batch(
    nodes: Any, teller: Teller, expected: dict[str, str]
) -> None:
    nodes.only("hare", "tortoise")

    def slow_down(run: Run) -> None:
        while not run.is_over.wait(0.02):
            nodes.signal("tortoise", signal.SIGCONT)
            run.is_over.wait(0.02)
            nodes.signal("tortoise", signal.SIGSTOP)
            run.is_over.wait(0.2)
        nodes.signal("tortoise", signal.SIGCONT)

    run = teller.there("slow", slow_down)
    assert run.files == expected
    assert run.was_made_once
    assert run.nodes["hare"].segments > run.nodes["tortoise"].segments


def test_killed_driver_goes_on_where_it_stopped(nodes: Any, teller: Teller, expected: dict[str, str]) -> None:
    nodes.only("hare")
    folder = teller.task("driver").folder
    for published in (5, 20, 35):
        with narrating(teller, nodes.address, "driver"):
            wait_until(partial(has_published, folder, published))
    kept = published_in(folder)
    with narrating(teller, nodes.address, "driver", "--json") as driver:
        output, errors = driver.communicate(timeout=200)
    document = json.loads(output)
    assert document["success"], errors
    assert {*document["made"]} & kept == set()
    assert {*document["made"]} | kept == {entry["id"] for entry in document["segments"]}
    assert [node["node"] for node in document["nodes"] if node["segments"]] == ["hare"]  # others may be leaving
    assert Run(folder).files == expected


@contextlib.contextmanager
def narrating(teller: Teller, address: str, project: str, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command on the cluster during the block, at whose end it is killed."""
    command = [sys.executable, "-m", "storyflow", "narrate", teller.story, "--project", project, "--out", teller.root]
    with_cluster = [*command, "--model", "default", "--cluster", address, *options]
    environment = {**os.environ, "PYTHONPATH": str(BACKEND)}
    driver = subprocess.Popen(
        list(map(str, with_cluster)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield driver
    finally:
        driver.kill()
        driver.communicate()


def published_in(folder: Path) -> set[str]:
    """Return the ids of the segments that a project's manifest and journal have."""
    found = set()
    with contextlib.suppress(FileNotFoundError, ValueError):
        found |= {entry["id"] for entry in json.loads((folder / RECORD_NAME).read_bytes())["segments"]}
    with contextlib.suppress(FileNotFoundError):
        found |= {entry.id for entry in Journal(folder / JOURNAL_NAME).entries()}
    return found


def has_published(folder: Path, segments: int) -> bool:
    return len(published_in(folder)) >= segments


def test_node_with_another_version_is_refused_by_name(
    nodes: Any, teller: Teller, expected: dict[str, str], tmp_path: Path
) -> None:
    for room in ("storyflow", "core_engine", "engines"):
        shutil.copytree(BACKEND / room, tmp_path / room, ignore=shutil.ignore_patterns("tests", "venv", "__pycache__"))
    (tmp_path / "storyflow" / "__init__.py").write_text('__version__ = "9.9"\n')
    nodes.only()
    nodes.add("old", PYTHONPATH=str(tmp_path))
    with pytest.raises(ClusterError, match=r"old: it has storyflow 9\.9 instead of"):
        teller.there("refused")
    run = teller.there("refused", lambda _run: nodes.add("hare"))
    assert run.files == expected
    assert run.nodes["old"].refused
    assert (run.nodes["old"].segments, run.nodes["hare"].segments) == (0, SEGMENTS)
    assert any("old" in line and "9.9" in line for line in run.said)


def own_model(folder: Path) -> Path:
    """Install a model that no other machine has: the built-in voice with a note more."""
    built_in = model_path(BUILT_IN, Path())
    shutil.copytree(built_in.parent, folder)
    model = folder / built_in.name
    model.write_bytes(model.read_bytes() + b"\x12\x04mine")  # producer_name, in ONNX's ModelProto
    return model


def test_model_reaches_a_node_once_and_is_checked(nodes: Any, teller: Teller, tmp_path: Path) -> None:
    nodes.only("hare")
    shutil.rmtree(nodes.cache("hare"), ignore_errors=True)
    own = Teller(own_model(tmp_path / "own"), teller.run, long_story(tmp_path / "story.txt", 10), tmp_path)
    expected = own.here("here").files
    assert own.there("there").files == expected
    (sent,) = (nodes.cache("hare") / "models").glob("voice-*")
    verify_model(sent)
    first = (sent / own.model.path.name).stat()
    assert own.there("again").files == expected
    assert (sent / own.model.path.name).stat() == first  # it was there
    (sent / own.model.path.name).write_bytes(b"rot")
    assert own.there("rotten").files == expected
    verify_model(sent)


@pytest.mark.skipif(not is_root(), reason="mounting a small disk needs root")
def test_node_with_a_full_disk_is_left_out_and_the_others_speak(nodes: Any, teller: Teller, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    own = Teller(own_model(tmp_path / "own"), teller.run, long_story(tmp_path / "story.txt", 10), tmp_path)
    expected = own.here("here").files
    try:
        with mounted_tmpfs(full, "1m"):
            nodes.only("hare")
            nodes.add("full", STORYFLOW_CACHE_DIR=str(full))
            run = own.there("there")
            nodes.kill("full")
            assert [path.name for path in full.rglob("*") if path.is_file()] == []
    except PermissionError as error:
        pytest.skip(str(error))
    assert run.files == expected
    assert "space" in str(run.nodes["full"].refused)
    assert run.nodes["full"].segments == 0
