"""Who may ask an engine, and for how much: web pages elsewhere, tokens, large bodies."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engines.serving.guards import Exposure, is_loopback
from engines.tests.scripted_engine import ScriptedEngine, make_folder, serving
from engines.tests.support import AT_LAST_S, SOON_S, port_of, wait_until

CHANGING = ["/load", "/shutdown", "/generate", "/samples/check", "/samples/upload/a"]
OPEN = Exposure(loopback_only=False)


@pytest.fixture(scope="module", params=[Exposure(), OPEN], ids=["loopback", "network"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    engine = ScriptedEngine(make_folder(tmp_path_factory.mktemp("either") / "scripted"))
    engine.stop = lambda: pytest.fail("the engine was stopped")
    with serving(engine, request.param) as client:
        yield client


@pytest.mark.parametrize("path", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://[::bad"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.example", "Origin": "http://rebound.example"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "Text/Plain; charset=utf-8"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)  # fmt: skip
def test_browser_attack_on_every_route_that_changes_state_is_refused(
    either: httpx.Client, path: str, headers: dict[str, Any]
) -> None:
    sent = {"Content-Type": "application/json", **headers}
    answer = either.post(path, content=b'{"engineModelName": "default"}', headers=sent)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Refused")
    assert "access-control-allow-origin" not in answer.headers


def test_preflight_gives_no_permission(either: httpx.Client) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    answer = either.options("/load", headers=asked)
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/health", "/info", "/models"])
def test_rebound_name_reads_nothing_from_a_loopback_engine(client: httpx.Client, path: str) -> None:
    assert client.get(path, headers={"Host": "rebound.example"}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:8766", "127.0.0.1:8766", "127.3.2.1", "[::1]:8766", "LOCALHOST"])
def test_loopback_engine_is_reached_by_every_name_of_loopback(client: httpx.Client, host: str) -> None:
    assert client.post("/load", json={"engineModelName": "default"}, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["kokoro:8766", "192.168.1.5:8766", "studio.local", "localhost:18000"])
def test_network_engine_is_reached_by_container_and_host_names(engine: ScriptedEngine, host: str) -> None:
    with serving(engine, OPEN) as client:
        assert client.post("/load", json={"engineModelName": "default"}, headers={"Host": host}).status_code == 200


def test_own_documentation_page_may_be_used(client: httpx.Client) -> None:
    host = f"127.0.0.1:{client.base_url.port}"
    headers = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/load", json={"engineModelName": "default"}, headers=headers).status_code == 200


def test_token_is_wanted_everywhere_but_for_health(engine: ScriptedEngine) -> None:
    with serving(engine, Exposure(token="s3cret")) as client:
        assert client.get("/health").status_code == 200
        for value in (b"", b"Bearer wrong", b"s3cret", "é".encode()):
            sent = {b"Authorization": value}
            assert client.get("/models", headers=sent).status_code == 400
            assert client.post("/load", json={"engineModelName": "default"}, headers=sent).status_code == 400
        allowed = {"Authorization": "Bearer s3cret"}
        assert client.post("/load", json={"engineModelName": "default"}, headers=allowed).status_code == 200


def test_browser_asks_its_user_for_the_token(engine: ScriptedEngine) -> None:
    opening = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    with serving(engine, Exposure(token="s3cret")) as client:
        asked = client.get("/docs", headers=opening)
        assert asked.status_code == 401
        assert asked.headers["www-authenticate"].startswith("Basic ")
        assert client.get("/docs", headers=opening, auth=("anybody", "s3cret")).status_code == 200
        assert client.get("/docs", headers=opening, auth=("s3cret", "wrong")).status_code == 401
        assert client.get("/models", auth=("", "s3cret")).status_code == 200, "what the page itself asks for"
        for value in ("Basic", "Basic !", "Basic s3cret", "Digest s3cret"):
            assert client.get("/models", headers={"Authorization": value}).status_code == 400


def test_answers_are_shown_as_what_they_are_and_in_no_other_page(client: httpx.Client) -> None:
    for answer in (client.get("/docs"), client.get("/nowhere"), client.get("/health", headers={"Host": "x.example"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"


def test_token_is_wanted_for_head_as_for_get(engine: ScriptedEngine) -> None:
    with serving(engine, Exposure(token="s3cret")) as client:
        assert client.head("/health").status_code == 200
        assert client.head("/models").status_code == 400


@pytest.mark.parametrize("path", [*CHANGING, "/nowhere"])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_body_of_64_mib_is_refused(either: httpx.Client, path: str, chunked: bool) -> None:
    if path == "/shutdown" and chunked:
        pytest.skip("the body of /shutdown is never read")
    block = b" " * (1 << 20)
    content = (block for _ in range(64)) if chunked else block * 64
    kind = "audio/wav" if "upload" in path else "application/json"
    answer = either.post(path, content=content, headers={"Content-Type": kind})
    assert answer.status_code == (404 if path == "/nowhere" and chunked else 400)
    assert answer.status_code == 404 or "too large" in answer.json()["detail"]
    assert either.get("/health").status_code == 200


@pytest.mark.parametrize("path", CHANGING)
def test_body_of_64_mib_is_refused_within_a_second_of_its_announcement(either: httpx.Client, path: str) -> None:
    port = port_of(either)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {64 << 20}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=SOON_S) as connection:
        started = time.monotonic()
        connection.sendall(f"{head}Content-Type: application/json\r\n\r\n[".encode())
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert time.monotonic() - started < SOON_S


def test_bodies_of_all_requests_together_have_a_limit(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.serving.guards.LARGEST_BODIES_BYTES", 3 << 20)
    monkeypatch.setattr(
        "engines.serving.connections.WINDOW_S", AT_LAST_S
    )  # the first body stays open on a busy machine
    head = f"POST /samples/upload/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {8 << 20}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port_of(client)), timeout=SOON_S) as first:
        first.sendall(head + bytes(3 << 20))
        time.sleep(0.5)  # otherwise the next one may be there first, and this one is refused
        wait_until(lambda: client.post("/samples/upload/b", content=bytes(3 << 20)).status_code == 503)
        assert client.post("/samples/upload/b", content=bytes(3 << 20)).headers["retry-after"] == "1"
        assert client.post("/load", json={"engineModelName": "default"}).status_code == 200
    wait_until(lambda: client.post("/samples/upload/b", content=bytes(3 << 20)).status_code == 400)  # no WAV, but read


def test_flood_of_characters_is_refused_within_a_second(client: httpx.Client) -> None:
    client.post("/load", json={"engineModelName": "default"})
    for key in ("text", "language", "ttsSpeakerWav"):
        started = time.monotonic()
        body = {"text": "Hi", "language": "en", key: "\U0001f600" * 100_000}
        assert client.post("/generate", json=body).status_code == 400
        assert time.monotonic() - started < SOON_S


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("localhost.", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("example.com", False), ("", False), ("localhost.example.com", False)],
)  # fmt: skip
def test_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
