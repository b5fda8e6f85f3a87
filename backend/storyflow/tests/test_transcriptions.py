"""POST /v1/audio/transcriptions: OpenAI's own client, a real engine as a child process, and a small model of Whisper.

With Whisper base and the real voice: listening/tests/test_transcriptions.py.
"""

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pysubs2
import pytest
import soundfile
import webvtt

import engines
from engines.conformance.trial import free_port
from engines.contract.errors import BusyError, NotFoundError
from engines.tests.small_whisper import TEXT, WORD_S, write_small_whisper
from engines.tests.support import wait_until
from storyflow.hosting.child_engine import ChildEngine
from storyflow.serving import listener as listening
from storyflow.serving.listener import Listener
from storyflow.serving.recordings import LARGEST_BYTES
from storyflow.tests.support import AT_LAST_S, children_of, is_alive
from storyflow.tests.test_openai_api import only_built_in, served

pytest.importorskip("faster_whisper")

WHISPER = Path(engines.__file__).parent / "stt" / "whisper"
RATE = 16_000


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine with a model 'base' that says one text whatever it hears."""
    folder = whisper_in(tmp_path_factory.mktemp("stt") / "whisper")
    write_small_whisper(folder / "models" / "base")
    return folder


def whisper_in(folder: Path) -> Path:
    kept_out = shutil.ignore_patterns("venv", "models", "external_models", "samples", "__pycache__")
    return Path(shutil.copytree(WHISPER, folder, ignore=kept_out))


@pytest.fixture(scope="module")
def address(whisper: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    kokoro = only_built_in(tmp_path_factory.mktemp("kokoro"))
    with served("storyflow.serving", folder=kokoro, STORYFLOW_WHISPER_DIR=str(whisper)) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0, timeout=AT_LAST_S) as client:
        yield client


def noise(seconds: float) -> Any:
    """Return (n,) samples of which the model says its text."""
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)).clip(-1, 1).astype(np.float32)


def recording(form: str = "WAV", seconds: float = 5.0) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(seconds), RATE, format=form, subtype="OPUS" if form == "OGG" else None)
    return file.getvalue()


def packed(container: str, codec: str, rate: int) -> bytes:
    """Return a file that libsndfile does not read."""
    av = pytest.importorskip("av", reason="PyAV makes and reads it")
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(noise(5.0).reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3", "OGG"])
def test_recordings_are_transcribed(client: openai.OpenAI, form: str) -> None:
    answer = client.audio.transcriptions.create(model="whisper-1", file=(f"story.{form}", recording(form)))
    assert answer.text == TEXT
    usage: Any = answer.usage
    assert usage.seconds == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize(("container", "codec", "rate"), [("mp4", "aac", 44_100), ("webm", "libopus", 48_000)])
def test_recordings_of_phones_and_browsers_are_transcribed(
    client: openai.OpenAI, container: str, codec: str, rate: int
) -> None:
    sent = packed(container, codec, rate)
    answer = client.audio.transcriptions.create(
        model="base", file=("story", sent), response_format="verbose_json", language="en"
    )
    assert answer.text == TEXT
    assert answer.duration == pytest.approx(5.0, abs=0.2)


def test_verbose_answer_has_the_times_that_were_asked_for(client: openai.OpenAI) -> None:
    both = client.audio.transcriptions.create(
        model="whisper-1",
        file=recording(),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        prompt="A house.",
        temperature=0,
    )
    assert both.language == "en"
    assert both.words
    assert both.segments
    assert [word.word for word in both.words] == ["The", "old", "house", "stood", "there", "Nobody", "came"]
    assert [word.start for word in both.words] == pytest.approx([WORD_S * place for place in (0, 1, 2, 3, 4, 6, 7)])
    assert [segment.text for segment in both.segments] == ["The old house stood there.", "Nobody came!"]
    assert both.segments[1].start == pytest.approx(6 * WORD_S)
    assert both.segments[1].seek == 180
    alone = client.audio.transcriptions.create(model="whisper-1", file=recording(), response_format="verbose_json")
    assert alone.segments
    assert alone.words is None


def test_text_and_captions_are_what_other_parsers_read(client: openai.OpenAI) -> None:
    def asked(form: Any) -> str:
        answer: Any = client.audio.transcriptions.create(model="whisper-1", file=recording(), response_format=form)
        return str(answer)

    assert asked("text") == f"{TEXT}\n"
    events = pysubs2.SSAFile.from_string(asked("srt"), format_="srt").events
    assert [event.text for event in events] == ["The old house stood there.", "Nobody came!"]
    assert [event.start for event in events] == [0, 1800]
    cues = webvtt.from_string(asked("vtt")).captions
    assert [cue.text for cue in cues] == ["The old house stood there.", "Nobody came!"]


WRONG: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str]] = {
    "sound": ({"file": b"no sound at all"}, openai.BadRequestError, "no recording"),
    "empty": ({"file": b""}, openai.BadRequestError, "recording is missing"),
    "playlist": ({"file": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"}, openai.BadRequestError, "no recording"),
    "concat": ({"file": b"ffconcat version 1.0\nfile /etc/hostname\n"}, openai.BadRequestError, "no recording"),
    "model": ({"model": "../base"}, openai.BadRequestError, "model name"),
    "unknown": ({"model": "nobody"}, openai.NotFoundError, "Available: base"),
    "format": ({"response_format": "tape"}, openai.BadRequestError, "response_format"),
    "temperature": ({"temperature": float("nan")}, openai.BadRequestError, "temperature"),
    "times": ({"timestamp_granularities": ["letter"]}, openai.BadRequestError, "timestamp_granularities"),
    "prompt": ({"prompt": "x" * 20_000}, openai.BadRequestError, "prompt"),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_have_the_shape_that_the_client_reads(client: openai.OpenAI, what: str) -> None:
    change, expected, says = WRONG[what]
    request: Any = {"model": "whisper-1", "file": recording(seconds=1.0), **change}
    with pytest.raises(expected) as caught:
        client.audio.transcriptions.create(**request)
    body: Any = caught.value.body
    assert set(body) == {"message", "type", "param", "code"}
    assert says in body["message"]


@pytest.mark.parametrize(
    ("files", "fields"),
    [(2, 1), (1, 60)],
)
def test_form_has_bounds(address: str, files: int, fields: int) -> None:
    sent = [("file", (f"{number}.wav", recording(seconds=1.0))) for number in range(files)]
    body = {f"field{number}": "x" for number in range(fields)}
    answer = httpx.post(f"{address}/v1/audio/transcriptions", files=sent, data=body, timeout=AT_LAST_S)
    assert answer.status_code == 400
    assert "Too many" in answer.json()["error"]["message"]


def test_file_larger_than_the_limit_is_refused_before_it_is_read(address: str) -> None:
    host, port = "127.0.0.1", int(address.rpartition(":")[2])
    head = (
        f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {LARGEST_BYTES + 1}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x"
    )
    with socket.create_connection((host, port), timeout=AT_LAST_S) as connection:
        connection.sendall(head.encode())
        answer = b""
        while b"}" not in answer:
            answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"100 MiB" in answer


def test_forms_of_other_origins_are_refused(address: str) -> None:
    for headers in ({"Origin": "https://example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = httpx.post(
            f"{address}/v1/audio/transcriptions",
            files={"file": recording()},
            data={"model": "base"},
            headers=headers,
            timeout=AT_LAST_S,
        )
        assert answer.status_code == 400
        assert "Refused" in answer.json()["error"]["message"]
    other = httpx.post(f"{address}/v1/audio/speech", files={"file": recording()}, timeout=AT_LAST_S)
    assert "multipart/form-data" in other.json()["error"]["message"], "only where a form is expected"


def test_route_is_described(address: str) -> None:
    route = httpx.get(f"{address}/openapi.json", timeout=AT_LAST_S).json()["paths"]["/v1/audio/transcriptions"]["post"]
    assert "file" in route["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_engine_ends_with_the_server_however_that_ends(whisper: Path, tmp_path: Path, by: signal.Signals) -> None:
    port = free_port()
    command = [sys.executable, "-m", "storyflow.serving", "--port", str(port)]
    environment = os.environ | {"STORYFLOW_WHISPER_DIR": str(whisper)}
    with subprocess.Popen(command, cwd=only_built_in(tmp_path), env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="any", max_retries=20)
            assert client.audio.transcriptions.create(model="whisper-1", file=recording()).text == TEXT
            (engine,) = children_of(server.pid)
            server.send_signal(by)
            server.wait(AT_LAST_S)
            wait_until(lambda: not is_alive(engine))
        finally:
            server.kill()


# The listener


def heard(listener: Listener, seconds: float = 5.0, model: str | None = None) -> Any:
    return listener.transcribe(io.BytesIO(recording(seconds=seconds)), model, {"times": "false"})


def test_engine_that_is_idle_is_stopped_and_started_again(whisper: Path) -> None:
    async def listen() -> None:
        listener = Listener(whisper, idle_s=0.1)
        for _ in range(2):
            assert (await heard(listener))["text"] == TEXT
            process = listener._engine.process if listener._engine else None
            assert process
            while process.poll() is None:
                await asyncio.sleep(0.05)
            assert listener._engine is None

    asyncio.run(asyncio.wait_for(listen(), AT_LAST_S))


def test_engine_that_was_killed_is_an_error_and_started_again(whisper: Path) -> None:
    async def listen() -> None:
        listener = Listener(whisper)
        try:
            await heard(listener)
            assert listener._engine
            listener._engine.process.kill()
            listener._engine.process.wait()
            assert (await heard(listener))["text"] == TEXT
        finally:
            listener.close()

    asyncio.run(asyncio.wait_for(listen(), AT_LAST_S))


def test_client_that_leaves_ends_the_work_of_the_engine(whisper: Path) -> None:
    async def listen() -> None:
        listener = Listener(whisper)
        try:
            await heard(listener)
            began = time.monotonic()
            await heard(listener, seconds=60)
            minute_s = time.monotonic() - began
            assert listener._engine
            long = asyncio.ensure_future(heard(listener, seconds=1200))
            while _status(listener._engine) != "processing":
                await asyncio.sleep(0.01)
            long.cancel()
            began = time.monotonic()
            while _status(listener._engine) != "ready":
                await asyncio.sleep(0.01)
            assert time.monotonic() - began < 10 * minute_s, "it went on to the end"
        finally:
            listener.close()

    asyncio.run(asyncio.wait_for(listen(), 3 * AT_LAST_S))


def _status(engine: ChildEngine) -> str:
    return str(engine.call(timeout_s=5).answer("GET", "/health").document["status"])


def test_too_many_recordings_are_refused_for_the_moment(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "MOST", 2)

    async def listen() -> None:
        listener = Listener(whisper)
        try:
            results = await asyncio.gather(*(heard(listener) for _ in range(4)), return_exceptions=True)
        finally:
            listener.close()
        refused = [result for result in results if isinstance(result, BusyError)]
        assert len(refused) == 2
        assert "Retry" in str(refused[0])

    asyncio.run(asyncio.wait_for(listen(), AT_LAST_S))


def test_requests_for_two_models_are_each_answered_by_theirs(whisper: Path, tmp_path: Path) -> None:
    folder = whisper_in(tmp_path / "whisper")
    for name in ("base", "other"):
        shutil.copytree(whisper / "models" / "base", folder / "models" / name)

    async def listen() -> list[str]:
        listener = Listener(folder)
        loads = []
        load = listener._load

        async def noted(engine: ChildEngine, model: str) -> None:
            assert not listener._listening
            loads.append(model)
            await load(engine, model)

        listener._load = noted  # type: ignore[method-assign]
        try:
            await asyncio.gather(*(heard(listener, 35, name) for name in ("base", "base", "other", "base")))
        finally:
            listener.close()
        return loads

    loads = asyncio.run(asyncio.wait_for(listen(), AT_LAST_S))
    assert set(loads) == {"base", "other"}
    assert len(loads) <= 3


def test_engine_without_its_library_says_how_to_install_it(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_LIBRARIES", ("no_such_library",))
    listener = Listener(whisper)
    with pytest.raises(NotFoundError, match=r"pip install.* -r '.*requirements-faster-whisper.txt'"):
        asyncio.run(heard(listener))
    assert listener._engine is None


def test_model_that_is_missing_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORYFLOW_MODELS_URL", f"http://127.0.0.1:{free_port()}")
    folder = whisper_in(tmp_path / "whisper")

    async def listen() -> None:
        listener = Listener(folder)
        try:
            with pytest.raises(NotFoundError, match=r"'base' is not installed.*external_models"):
                await heard(listener)
        finally:
            listener.close()

    asyncio.run(asyncio.wait_for(listen(), AT_LAST_S))


def test_another_installed_model_stands_in_for_the_default(whisper: Path, tmp_path: Path) -> None:
    folder = whisper_in(tmp_path / "whisper")
    shutil.copytree(whisper / "models" / "base", folder / "external_models" / "mine")

    async def listen() -> None:
        listener = Listener(folder)
        try:
            assert (await heard(listener))["text"] == TEXT
            assert listener._model == "mine"
        finally:
            listener.close()

    asyncio.run(asyncio.wait_for(listen(), AT_LAST_S))
    assert json.loads((folder / "models" / "mine" / "config.json").read_text())
