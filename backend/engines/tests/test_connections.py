"""Connections that nobody uses do not keep out those who ask."""

import asyncio
import contextlib
import errno
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

import engines
from engines.conformance.trial import Trial, trial_of
from engines.contract.wav import pcm16_wav
from engines.serving.connections import IS_STREAM, Capacity, Door, Notice, server_config
from engines.tests.scripted_engine import ScriptedEngine, serving
from engines.tests.support import AT_LAST_S, SOON_S, port_of, wait_until

DEBUG_TTS = Path(engines.__file__).parent / "tts" / "debug-tts"
UPLOAD = b"POST /samples/upload/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nRIFF"
HALF_A_HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
FULL_WAV = pcm16_wav(b"\0\1" * 16_000, 16_000)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="limits as Unix has them")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of half a second in servers of this process."""
    monkeypatch.setattr("engines.serving.connections.WINDOW_S", 0.5)


@contextlib.contextmanager
def connections(port: int, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open many connections that send no more than `sent`."""
    with contextlib.ExitStack() as opened:
        made = []
        for _ in range(count):
            made.append(opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=AT_LAST_S)))
            with contextlib.suppress(OSError):
                made[-1].sendall(sent)
        yield made


def answer_of(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes; TimeoutError where it does not."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    return received


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD, UPLOAD], ids=["idle", "half-a-head", "half-a-body"])
def test_connection_that_asks_nothing_is_closed_in_time(hurried: None, client: httpx.Client, sent: Any) -> None:
    with connections(port_of(client), 300, sent) as opened:
        started = time.monotonic()
        answers = {answer_of(connection)[:12] for connection in opened}
        assert time.monotonic() - started < AT_LAST_S
        assert client.get("/health").status_code == 200
    assert answers == ({b"HTTP/1.1 400"} if sent == UPLOAD else {b""})


def is_closed_although_it_drips(connection: socket.socket) -> bool:
    """Send a byte now and then, and tell whether the server ends that at last."""
    for _ in range(int(AT_LAST_S / 0.1)):
        time.sleep(0.1)
        try:
            connection.sendall(b"x")
        except OSError:
            return True
    return False


@pytest.mark.parametrize("sent", [HALF_A_HEAD, UPLOAD], ids=["head", "body"])
def test_connection_that_drips_is_closed_in_time(hurried: None, client: httpx.Client, sent: Any) -> None:
    with connections(port_of(client), 1, sent) as (dripping,):
        assert is_closed_although_it_drips(dripping)


def test_connection_that_drips_after_a_refusal_is_closed_in_time(hurried: None, client: httpx.Client) -> None:
    head = b"POST /load HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 10000\r\n\r\n"
    with connections(port_of(client), 1, head) as (dripping,):
        assert dripping.recv(12) == b"HTTP/1.1 400"
        assert is_closed_although_it_drips(dripping)


def test_body_that_is_late_is_told_so(hurried: None, client: httpx.Client) -> None:
    with connections(port_of(client), 1, UPLOAD) as (late,):
        head, _, body = answer_of(late).partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert "The body is incomplete" in json.loads(body)["detail"]


def test_body_that_goes_on_coming_is_waited_for(
    hurried: None, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.serving.connections.WINDOW_S", 1.5)
    monkeypatch.setattr("engines.serving.connections.SLOWEST_BODY_BYTES", 1000)

    def slowly() -> Iterator[bytes]:
        for start in range(0, len(FULL_WAV), 2000):
            time.sleep(0.15)
            yield FULL_WAV[start : start + 2000]

    started = time.monotonic()
    assert client.post("/samples/upload/slow", content=slowly()).status_code == 200
    assert time.monotonic() - started > 1.5


def test_request_that_takes_long_is_waited_for(hurried: None, client: httpx.Client, engine: ScriptedEngine) -> None:
    client.post("/load", json={"engineModelName": "default"})
    engine.may_generate.clear()
    threading.Timer(1, engine.may_generate.set).start()
    assert client.post("/generate", json={"text": "Hi", "language": "en"}).status_code == 200


def test_answer_that_nobody_reads_is_not_kept(
    hurried: None, client: httpx.Client, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    disconnected = threading.Event()
    monkeypatch.setattr(Door, "leave", lambda _, connection: disconnected.set() if connection._unsent else None)
    client.post("/load", json={"engineModelName": "default"})
    engine.answer = pcm16_wav(bytes(20 << 20), 24_000)
    body = b'{"text": "Hi", "language": "en"}'
    head = f"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n".encode()
    with connections(port_of(client), 1, head + b"Content-Type: application/json\r\n\r\n" + body) as (deaf,):
        assert disconnected.wait(AT_LAST_S)
        assert len(answer_of(deaf)) < 20 << 20


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "file"])
def test_reader_of_a_stream_may_pause(monkeypatch: pytest.MonkeyPatch, is_stream: bool) -> None:
    monkeypatch.setattr("engines.serving.connections.WINDOW_S", 0.2)
    size = 20 << 20
    left = threading.Event()
    monkeypatch.setattr(Door, "leave", lambda *_: left.set())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # it has no lifespan
        scope["state"][IS_STREAM] = is_stream
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(size >> 20):
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
        await send({"type": "http.response.body"})

    server = uvicorn.Server(server_config(app, Door(Capacity(9, 9)), 1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=AT_LAST_S) as reader:
                reader.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                assert left.wait(2 if is_stream else AT_LAST_S) is not is_stream
                with contextlib.suppress(ConnectionResetError):
                    received = sum(len(part) for part in iter(lambda: reader.recv(1 << 20), b""))
                    assert (received > size) is is_stream
        finally:
            server.should_exit = True
            thread.join(AT_LAST_S)


def test_stalled_uploads_hold_up_no_other(client: httpx.Client) -> None:
    with connections(port_of(client), 40, UPLOAD):
        time.sleep(0.3)
        assert client.post("/samples/upload/mine", content=FULL_WAV, timeout=SOON_S).status_code == 200


def test_client_that_leaves_during_an_upload_is_no_error(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with connections(port_of(client), 1, UPLOAD):
        time.sleep(0.2)
    time.sleep(0.3)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Trial]:
    """debug-tts in a process that may open 1,024 files."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nulimit -n 1024\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    with trial_of(DEBUG_TTS) as trial:
        trial.python, trial.model = str(python), "default"
        trial.start()
        yield trial


@pytest.mark.parametrize("sent", [b"", UPLOAD], ids=["idle", "half-a-body"])
def test_1200_connections_at_1024_files_stop_no_request_and_fill_no_log(limited: Trial, sent: Any) -> None:
    resource = pytest.importorskip("resource")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1400:
        pytest.skip("this process itself may not open 1,400 files")
    with connections(limited.port, 1200, sent):
        limited.load()
        started = time.monotonic()
        for _ in range(10):
            assert limited.get("/health", timeout_s=SOON_S).status == 200
            assert limited.post("/generate", {"text": "Hi", "language": "en"}, timeout_s=SOON_S).status == 200
        assert time.monotonic() - started < AT_LAST_S
    about = [line for line in limited.log.splitlines() if "WARNING" in line]
    assert len(about) == 1
    assert "More than 512 connections. Idle ones that were closed:" in about[0]
    assert len(limited.log) < 10_000


def test_door_with_all_at_work_refuses_the_newcomer_with_503(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.serving.connections.MOST_CONNECTIONS", 2)
    engine.may_generate.clear()
    with serving(engine) as client:
        client.post("/load", json={"engineModelName": "default"}, headers={"Connection": "close"})
        body = b'{"text": "Hi", "language": "en"}'
        head = f"POST /generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        asked = head.encode() + b"Content-Type: application/json\r\n\r\n" + body
        with connections(port_of(client), 2, asked) as working:
            assert engine.generate_began.wait(AT_LAST_S)
            wait_until(lambda: engine.activity._waiting)
            with connections(port_of(client), 1) as (refused,):
                answer = answer_of(refused).lower()
            engine.may_generate.set()
            assert {answer_of(connection)[:12] for connection in working} == {b"HTTP/1.1 200"}
    assert answer.startswith(b"http/1.1 503 ")
    assert b"retry-after: 1" in answer


@pytest.mark.parametrize(
    ("limit", "expected"), [(1024, (512, 64)), (256, (128, 16)), (20_000, (512, 128)), (-1, (512, 128))]
)
def test_capacity_leaves_room_below_the_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, expected: tuple[int, ...]
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (limit, limit))
    capacity = Capacity.of_this_process()
    assert (capacity.connections, capacity.backlog) == expected


def test_notice_is_given_once_a_minute_with_its_count(caplog: pytest.LogCaptureFixture) -> None:
    seconds = 100.0
    notice = Notice("closed %d", clock=lambda: seconds)
    for _ in range(1000):
        notice.give()
    seconds += 61
    notice.give()
    assert [record.getMessage() for record in caplog.records] == ["closed 1", "closed 1000"]


def test_door_says_in_one_line_that_there_is_no_descriptor(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(Capacity(2, 2))
    for _ in range(1000):
        door.handle_loop_error(asyncio.new_event_loop, {"exception": OSError(errno.EMFILE, "Too many open files")})  # type: ignore[arg-type]
    assert len(caplog.records) == 1
