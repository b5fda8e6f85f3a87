"""The doors of the speech server: who comes in, with how much, for how long, and under what name.

The engine base has its own tests of the same doors; these are about what the speech server adds to it.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from engines.serving.connections import Door, EngineConnection
from engines.serving.guards import Exposure
from engines.tests.scripted_engine import serving
from engines.tests.support import AT_LAST_S, port_of, wait_until
from engines.tests.test_connections import answer_of, connections
from storyflow.hosting import engine_folders
from storyflow.serving.server import NarrationServer
from storyflow.tests.test_openai_api import TEXT, only_built_in, served

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits as Unix has them")

SPEECH = {"model": "tts-1", "input": "Hello.", "voice": "alloy", "response_format": "pcm"}
TRICKS = ("../../../etc/passwd", "..\\..\\secret", "/etc/passwd", "a/../../b", "%2e%2e%2f", ".", "..", "a\0b", "~root")
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return only_built_in(tmp_path_factory.mktemp("kokoro"))


@pytest.fixture
def client(folder: Path) -> Iterator[httpx.Client]:
    """A client of a server in this process."""
    with serving(NarrationServer(folder)) as client:
        yield client


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fraction of a second where a server waits ten seconds or ten minutes."""
    monkeypatch.setattr("engines.serving.connections.WINDOW_S", 0.3)
    monkeypatch.setattr("engines.serving.connections.STREAM_WINDOW_S", 1.5)


def head_of(path: str, length: int, kind: str = "application/json") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()
    )


FORM = head_of("/v1/audio/transcriptions", 90_000_000, "multipart/form-data; boundary=x")
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF'


def speaks(client: httpx.Client) -> bool:
    answer = client.post("/v1/audio/speech", json=SPEECH, timeout=AT_LAST_S)
    return answer.status_code == 200 and len(answer.content) > 6_000


# How long, and how many


def test_stalled_uploads_hold_up_no_other_and_are_told_so(hurried: None, client: httpx.Client) -> None:
    with connections(port_of(client), 40, FORM + PART) as stalled:
        assert speaks(client)
        answers = [answer_of(connection) for connection in stalled]
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 400"}
    error = json.loads(answers[0].partition(b"\r\n\r\n")[2])["error"]
    assert error["type"] == "invalid_request_error"
    assert "incomplete" in error["message"]


def test_what_is_sent_before_a_request_is_known_has_both_shapes(client: httpx.Client, monkeypatch: Any) -> None:
    error = NarrationServer.error_body(None, 503, "Too many.")
    assert (error["detail"], error["error"]["message"]) == ("Too many.", "Too many.")
    assert set(NarrationServer.error_body("/v1/models", 503, "Too many.")) == {"error"}
    assert set(NarrationServer.error_body("/load", 503, "Too many.")) == {"detail"}


@pytest.mark.parametrize("sent", [b"", FORM + PART], ids=["idle", "half-a-form"])
def test_1200_connections_at_1024_files_stop_no_request(folder: Path, tmp_path: Path, sent: bytes) -> None:
    resource = pytest.importorskip("resource")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1400:
        pytest.skip("this process itself may not open 1,400 files")
    limit = "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024)); "
    program = tmp_path / "limited_server.py"
    program.write_text(f"{limit}runpy.run_module('storyflow.serving', run_name='__main__')")
    with served("limited_server", folder=folder, PYTHONPATH=str(tmp_path)) as address:
        port = int(address.rpartition(":")[2])
        with connections(port, 1200, sent), httpx.Client(base_url=address, timeout=AT_LAST_S) as client:
            assert all(speaks(client) for _ in range(3))


def test_reader_of_a_byte_now_and_then_is_let_go_and_holds_up_nobody(
    hurried: None, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system has buffered is read on, a byte at a time: the server lets go of what it holds itself."""
    lost: set[int] = set()  # ports of clients
    leave = Door.leave

    def noted(door: Door, connection: EngineConnection) -> None:
        lost.add(connection.client[1] if connection.client else 0)
        leave(door, connection)

    monkeypatch.setattr(Door, "leave", noted)
    body = json.dumps({**SPEECH, "input": TEXT * 400}).encode()
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(AT_LAST_S)
        reader.connect(("127.0.0.1", port_of(client)))
        reader.sendall(head_of("/v1/audio/speech", len(body)) + body)
        end = time.monotonic() + AT_LAST_S
        while reader.getsockname()[1] not in lost:
            assert time.monotonic() < end
            reader.recv(1)
            assert speaks(client)
        wait_until(lambda: client.get("/health").json()["status"] == "ready")


def test_200_streams_at_once_are_answered_whole_or_refused_for_the_moment(folder: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> tuple[int, int, str | None]:
        answer = await client.post("/v1/audio/speech", json=SPEECH)
        if answer.status_code != 200:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        return answer.status_code, len(answer.content), answer.headers.get("retry-after")

    async def ask_all(address: str) -> list[tuple[int, int, str | None]]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=address, timeout=AT_LAST_S, limits=limits) as client:
            return await asyncio.gather(*(ask(client) for _ in range(200)))

    with served("storyflow.serving", folder=folder) as address:
        answers = asyncio.run(ask_all(address))
        with httpx.Client(base_url=address, timeout=AT_LAST_S) as client:
            assert speaks(client)
    whole = {size for status, size, _ in answers if status == 200}
    assert len(whole) == 1
    assert {(status, again) for status, _, again in answers} <= {(200, None), (503, "1")}
    assert sum(status == 200 for status, _, _ in answers) >= 16


# How much


def test_text_of_100_mb_is_refused_at_its_announcement(client: httpx.Client) -> None:
    with connections(port_of(client), 1, head_of("/v1/audio/speech", 100_000_000) + b'{"input": "') as (sender,):
        assert b"limit is 2 MiB" in answer_with_body(sender)


def test_text_of_100_mb_without_an_announcement_is_refused_on_its_way(client: httpx.Client) -> None:
    def text() -> Iterator[bytes]:
        yield b'{"model": "tts-1", "voice": "alloy", "input": "'
        for _ in range(100):
            yield b"word " * 200_000
        yield b'"}'

    answer = client.post("/v1/audio/speech", content=text(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "limit is 2 MiB" in answer.json()["error"]["message"]


def answer_with_body(connection: socket.socket) -> bytes:
    received = b""
    while b"}" not in received:
        received += connection.recv(4096)
    return received


# Who


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost.example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "example.com"},
        {"Host": "127.0.0.1.example.com"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/audio/speech", "/v1/audio/speech/timestamps", "/v1/audio/transcriptions"])
def test_pages_of_other_origins_and_foreign_hosts_are_refused(
    client: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, json=SPEECH, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("Refused")


def test_server_for_a_published_port_answers_only_to_names_of_this_machine(folder: Path) -> None:
    command = [sys.executable, "-m", "storyflow.serving", "--host", "0.0.0.0"]
    refused = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=AT_LAST_S)
    assert refused.returncode != 0
    assert "STORYFLOW_API_KEY" in refused.stderr
    assert "Traceback" not in refused.stderr
    elsewhere = {"Host": "storyflow.example"}
    with served("storyflow.serving", "--host", "0.0.0.0", folder=folder, STORYFLOW_LOCAL="1") as address:
        assert httpx.get(f"{address}/v1/models", timeout=AT_LAST_S).status_code == 200
        assert httpx.get(f"{address}/v1/models", headers=elsewhere, timeout=AT_LAST_S).status_code == 400
    with served("storyflow.serving", "--host", "0.0.0.0", folder=folder, STORYFLOW_API_KEY="k") as address:
        assert httpx.get(f"{address}/v1/models", headers=elsewhere, timeout=AT_LAST_S).status_code == 401
        allowed = {**elsewhere, "Authorization": "Bearer k"}
        assert httpx.get(f"{address}/v1/models", headers=allowed, timeout=AT_LAST_S).status_code == 200


def test_key_is_asked_for_by_a_browser_and_in_the_shape_of_the_api(folder: Path) -> None:
    with serving(NarrationServer(folder), Exposure(token="k")) as client:
        assert client.get("/docs", headers={"Accept": "text/html"}).status_code == 401
        assert client.get("/docs", headers={"Accept": "text/html"}, auth=("me", "k")).status_code == 200
        error = client.get("/v1/models").json()["error"]
        assert error["code"] == "invalid_api_key"


# Under what name


@pytest.mark.parametrize("name", TRICKS)
def test_tricks_in_names_lead_nowhere(client: httpx.Client, folder: Path, name: str) -> None:
    client.get("/models")  # makes the folders
    before = sorted(folder.rglob("*"))
    asked: list[Callable[[], httpx.Response]] = [
        lambda: client.post("/v1/audio/speech", json={**SPEECH, "model": name}),
        lambda: client.post("/v1/audio/speech", json={**SPEECH, "voice": name}),
        lambda: client.get(f"/v1/models/{name.encode().hex()}"),
        lambda: client.get("/v1/models/" + "".join(f"%{byte:02x}" for byte in name.encode())),
        lambda: client.post(
            "/v1/audio/transcriptions", files={"file": (name, b"RIFF")}, data={"model": name, "language": "en"}
        ),
    ]
    for ask in asked:
        answer = ask()
        assert answer.status_code in (400, 404), answer.text
        assert "error" in answer.json()
        assert "root:" not in answer.text
    assert sorted(folder.rglob("*")) == before


def test_markup_in_a_request_comes_back_as_text_only(client: httpx.Client) -> None:
    for body in ({**SPEECH, "voice": MARKUP}, {**SPEECH, "model": MARKUP}, {**SPEECH, "response_format": MARKUP}):
        answer = client.post("/v1/audio/speech", json=body)
        assert answer.status_code in (400, 404)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in client.get("/docs").text


def test_markup_in_a_text_is_spoken_like_any_text(client: httpx.Client) -> None:
    answer = client.post("/v1/audio/speech", json={**SPEECH, "input": f"Hello. {MARKUP} Good bye."}, timeout=AT_LAST_S)
    assert answer.status_code == 200
    assert np.frombuffer(answer.content, "<i2").any()


# The models folder


def test_link_to_the_models_follows_the_models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, first, second = tmp_path / "external_models", tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    for users in (first, second, second):
        monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(users))
        engine_folders._link_models(link)
        assert link.resolve() == users
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(tmp_path / "nowhere"))
    engine_folders._link_models(link)
    assert not link.is_symlink()
    link.mkdir()
    (link / "mounted").mkdir()
    monkeypatch.setenv("STORYFLOW_MODELS_DIR", str(first))
    engine_folders._link_models(link)
    assert not link.is_symlink(), "models that are mounted there stay"
    (link / "mounted").rmdir()
    engine_folders._link_models(link)
    assert link.resolve() == first, "an empty folder is what a server leaves that started before there were models"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["external_models", "first", "second"]
