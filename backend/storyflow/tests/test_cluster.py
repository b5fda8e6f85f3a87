"""What the driver of a cluster decides, which needs none: batches, placement, versions. And folders of stories."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.throughput import Line
from core_engine.model_choice import Model
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.reading.aloud import read_as_written
from storyflow.cluster.backlog import BATCH_S, FIRST_TOKENS, MAX_TOKENS, Backlog, Item, batch_tokens, whole_batch
from storyflow.cluster.connection import connected
from storyflow.cluster.errors import ClusterError
from storyflow.cluster.job import Job
from storyflow.cluster.parcel import found_here, packed
from storyflow.cluster.software import SOURCE, differences, software_here
from storyflow.cluster.stations import Placement, Station, reports
from storyflow.commands.main import main
from storyflow.narration.planning import PlannedSegment
from storyflow.stories.errors import StoryError
from storyflow.stories.story import Segment, stories_in
from storyflow.tests.support import process_of, storyflow


def item(text: str, job: Job) -> Item:
    planned = PlannedSegment(Segment(text, text), False, read_as_written(text), Line(text, "af_bella"), "digest", None)
    return Item(planned, job)


def texts(items: list[Item]) -> list[str]:
    return [each.planned.line.text for each in items]


def test_longest_segments_of_the_first_story_come_first_and_the_next_story_fills_a_batch() -> None:
    first, second, backlog = Job(0), Job(1), Backlog()
    backlog.add([item("x" * 50, second), item("y", second)])
    backlog.add([item("a", first), item("c" * 30, first), item("b" * 20, first)])
    assert backlog.tokens == 102
    assert texts(backlog.take(40)) == ["c" * 30]
    assert texts(backlog.take(71)) == ["b" * 20, "a", "x" * 50]
    assert texts(backlog.take(1)) == ["y"]
    assert (backlog.take(1), backlog.tokens, len(backlog)) == ([], 0, 0)


def test_segment_longer_than_a_batch_goes_out_and_answered_ones_do_not() -> None:
    job, other, backlog = Job(0), Job(1), Backlog()
    items = [item("a" * 9, job), item("b" * 8, job), item("c", other)]
    backlog.add(items)
    items[1].is_done = other.is_over = True
    assert texts(backlog.take(1)) == ["a" * 9]
    assert backlog.take(100) == []
    backlog.add(items[1:])
    assert len(backlog) == 0


def test_segment_that_speakers_died_of_goes_out_alone() -> None:
    job, backlog = Job(0), Backlog()
    suspect = item("b" * 8, job)
    suspect.deaths = 2
    backlog.add([item("a" * 9, job), suspect, item("c", job)])
    assert [texts(backlog.take(100)) for _ in range(3)] == [["a" * 9], ["b" * 8], ["c"]]


def test_batches_are_as_long_as_the_speaker_is_fast_and_shrink_towards_the_end() -> None:
    assert whole_batch(None) == FIRST_TOKENS
    assert whole_batch(50) == 50 * BATCH_S
    assert whole_batch(1e9) == MAX_TOKENS
    sizes, waiting = [], 10_000
    while waiting:
        sizes.append(batch_tokens(waiting, speakers=4, whole=whole_batch(200)))
        waiting -= sizes[-1]
    assert sizes[0] == 800
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1


@pytest.mark.parametrize(
    ("placement", "resources", "room"),
    [
        (Placement(), {"CPU": 4.0}, 4),
        (Placement(), {}, 0),
        (Placement(cpus=3), {"CPU": 4.0, "GPU": 8.0}, 1),
        (Placement(cpus=2, gpus=0.5), {"CPU": 16.0, "GPU": 2.0}, 4),
        (Placement(gpus=1), {"CPU": 16.0}, 0),
        (Placement(memory=1 << 30), {"CPU": 16.0, "memory": 6.5 * (1 << 30)}, 6),
        (Placement(memory=1 << 30), {"CPU": 4.0, "memory": 6.5 * (1 << 30)}, 4),
        (Placement(memory=1 << 30), {"CPU": 4.0, "memory": 1000.0}, 1),
        (Placement(memory=1 << 30), {"CPU": 4.0}, 4),
        (Placement(memory=1 << 30), {"memory": 6.5 * (1 << 30)}, 0),
    ],
)
def test_speakers_fit_by_resources(placement: Placement, resources: dict[str, float], room: int) -> None:
    assert placement.room(resources) == room
    reserved = room * placement.memory_each(resources)
    assert reserved <= resources.get("memory", 0)
    assert not room or placement.memory_each(resources) <= placement.memory


def test_node_that_was_started_again_is_reported_once() -> None:
    killed = Station("1", "hare", "10.0.0.1", 2, is_alive=False, segments=3, audio_s=30.0, busy_s=10.0, deaths=2)
    again = Station("2", "hare", "10.0.0.1", 4, segments=1, audio_s=10.0, busy_s=10.0)
    (hare,) = reports([killed, again])
    assert (hare.speakers, hare.segments, hare.deaths, hare.is_alive) == (4, 4, 2, True)
    assert hare.times_real_time == 2.0


def test_other_versions_are_named_and_other_source_only_where_the_version_is_the_same() -> None:
    ours = software_here()
    assert {"storyflow", "onnxruntime", "espeakng-loader", SOURCE} <= set(ours)
    assert differences(dict(ours), ours) == []
    assert differences({**ours, SOURCE: "x"}, ours) == ["other source files of storyflow"]
    other = {**ours, SOURCE: "x", "storyflow": "9.9", "misaki": "1.0"}
    assert differences(other, {**ours, "misaki": "0.9"}) == [
        f"storyflow 9.9 instead of {ours['storyflow']}",
        "misaki 1.0 instead of 0.9",
    ]
    assert differences({**ours, "misaki": "1.0"}, {k: v for k, v in ours.items() if k != "misaki"}) == [
        "misaki 1.0 instead of none"
    ]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(BUILT_IN, model_path(BUILT_IN, Path()))


def test_model_is_found_in_a_machines_own_store_by_its_content(model: Model, tmp_path: Path) -> None:
    parcel = packed(model, Kokoro.load(model.path, 1))
    assert found_here(parcel, tmp_path, None) == model.path
    first, *others = parcel.files
    changed = replace(parcel, files=(replace(first, sha256="0" * 64), *others))
    assert found_here(changed, tmp_path, None) is None
    shutil.copytree(model.path.parent, tmp_path / "under-another-name")
    moved = tmp_path / "under-another-name" / "other.onnx"
    (tmp_path / "under-another-name" / model.path.name).rename(moved)
    moved.write_bytes(moved.read_bytes() + b"\x12\x04mine")
    own = packed(Model("mine", moved), Kokoro.load(moved, 1))
    assert found_here(own, tmp_path, None) == moved
    more = moved.parent / "more.npz"
    shutil.copyfile(next(path for path in moved.parent.rglob("*") if path.suffix in (".npz", ".bin")), more)
    assert found_here(own, tmp_path, None) is None  # other voices might be used there


def test_without_ray_the_command_names_the_extra(story: Path) -> None:
    script = "import sys; sys.modules['ray'] = None; from storyflow.commands.main import main; main()"
    arguments = ["narrate", str(story), "--model", "default", "--cluster", "local"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=100)
    assert done.returncode == 9
    assert "--cluster needs Ray" in done.stderr
    assert "cluster" in done.stderr.rpartition("Install it with")[2]


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray has no wheel for this machine or this Python")
def test_address_without_a_cluster_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ClusterError, match=r"127\.0\.0\.1:1.*ray start --head"), connected("127.0.0.1:1"):
        pass
    with pytest.raises(ClusterError, match="HOST:PORT"), connected("ray://somewhere:10001"):
        pass


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray has no wheel for this machine or this Python")
@pytest.mark.skipif(os.name == "nt", reason="Ray's support of Windows is experimental")
def test_folder_is_narrated_on_a_cluster_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(f"The lamp {name}.\n\n* * *\n\nThe ship {name}.\n")
    (folder / "empty.md").write_text("")
    done = process_of("narrate", folder, "--model", "default", "--cluster", "local", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 3
    assert [told["success"] for told in document["stories"]] == [False, True, True]
    assert [len(told["made"]) for told in document["stories"][1:]] == [3, 3]
    assert sum(node["segments"] for node in document["nodes"]) == 4
    again = storyflow("narrate", folder / "one.txt", "--model", "default")
    assert "Nothing has changed" in again.stdout


def test_folder_stands_for_its_stories(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", ".hidden.txt", "cover.png"):
        (tmp_path / name).write_text("Words.")
    (tmp_path / "folder.txt").mkdir()
    assert [path.name for path in stories_in(tmp_path)] == ["a.txt", "b.md"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoryError, match="no stories"):
        stories_in(tmp_path / "empty")


def test_folder_is_narrated_here_too(tmp_path: Path) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(f"The lamp {name}.")
    done: Any = CliRunner().invoke(main, ["narrate", str(folder), "--model", "default", "--json"])
    document = json.loads(done.stdout)
    assert [len(told["made"]) for told in document["stories"]] == [1, 1]
    assert "nodes" not in document
