"""`storyflow serve` for programs of OpenAI's API: its own Python client, unchanged, is the judge."""

import asyncio
import base64
import io
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import numpy as np
import openai
import pytest
from starlette.types import Message

import engines
from core_engine.kokoro.errors import SynthesisError
from core_engine.kokoro.model.inference import Audio, Sound
from core_engine.kokoro.speech.streaming import steps
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path
from engines.contract.errors import BusyError
from engines.serving.app import new_app
from engines.serving.guards import Exposure
from storyflow.serving.answers import speech_answer
from storyflow.serving.errors import OpenAIErrors
from storyflow.serving.openai_names import VOICES
from storyflow.serving.speaking import MOST_STREAMS, Stage
from storyflow.serving.wire import SpeechRequest
from storyflow.tests.support import AT_LAST_S, storyflow

TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little. " * 8


KOKORO = Path(engines.__file__).parent / "tts" / "kokoro"


@contextmanager
def served(*command: str, folder: Path | None = None, **environment: str) -> Iterator[str]:
    """Run a server on a free port and yield its address; it has to end well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)],
        cwd=folder,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=AT_LAST_S)
    assert process.returncode == 0, log
    assert "Traceback" not in log


def _wait_for(address: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + AT_LAST_S
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(address, timeout=AT_LAST_S).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server on a machine without models of its own: the built-in voice speaks."""
    with served("storyflow.serving", folder=only_built_in(tmp_path_factory.mktemp("kokoro"))) as address:
        yield address


def only_built_in(folder: Path) -> Path:
    shutil.copy(KOKORO / "engine.yaml", folder)
    shutil.copytree(KOKORO / "models" / "default", folder / "models" / "default")
    return folder


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[openai.OpenAI]:
    """OpenAI's client of it."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0, timeout=AT_LAST_S) as client:
        yield client


def pcm_of(client: openai.OpenAI, text: str = TEXT, voice: str = "af_bella", **more: Any) -> Any:
    """Return the samples for a text, from -1 to 1."""
    answer = client.audio.speech.create(model="tts-1", input=text, voice=voice, response_format="pcm", **more)
    return np.frombuffer(answer.content, "<i2") / 32768


@pytest.fixture(scope="module")
def expected(client: openai.OpenAI) -> Any:
    """Samples of the text."""
    return pcm_of(client)


Packed = Literal["mp3", "opus", "aac", "flac", "wav"]


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav"])
def test_formats_are_decoded_to_the_same_sound(client: openai.OpenAI, expected: Any, name: Packed) -> None:
    answer = client.audio.speech.create(model="tts-1", input=TEXT, voice="af_bella", response_format=name)
    audio = _decoded(answer.content)
    assert abs(audio.size - expected.size) < 0.15 * 24_000
    lag = _lag(audio[:60_000], expected[:48_000])
    size = min(audio.size - lag, expected.size)
    assert np.corrcoef(audio[lag : lag + size], expected[:size])[0, 1] > 0.85  # Opus at this rate changes the waveform


def _lag(audio: Any, expected: Any) -> int:
    """Return after how many samples `expected` is most like `audio`, which is longer."""
    size = 1 << audio.size.bit_length()
    likeness = np.fft.irfft(np.fft.rfft(audio, size) * np.fft.rfft(expected, size).conj())
    return int(np.argmax(likeness[: audio.size - expected.size + 1]))


def _decoded(data: bytes) -> Any:
    """Return the samples that FFmpeg decodes, at 24 kHz."""
    av = pytest.importorskip("av", reason="PyAV decodes what the server sends")
    resampler = av.AudioResampler("flt", "mono", 24_000)
    with av.open(io.BytesIO(data)) as container:
        frames = [*container.decode(audio=0), None]
        parts = [part.to_ndarray() for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(parts, axis=1)[0]


def test_audio_is_at_the_level_of_a_file(client: openai.OpenAI) -> None:
    peak = np.max(np.abs(pcm_of(client)))
    assert 0.8 < peak <= 10 ** (-1 / 20) + 1e-3


def test_scene_break_is_a_silence(client: openai.OpenAI) -> None:
    silence = pcm_of(client, "* * *")
    assert silence.size == 1.5 * 24_000
    assert not silence.any()


def test_speed_shortens_the_audio(client: openai.OpenAI) -> None:
    normal, fast, fastest = (pcm_of(client, speed=speed).size for speed in (1.0, 2.0, 4.0))
    assert fast < 0.65 * normal
    assert fastest == fast  # as fast as the model speaks


def test_events_carry_the_same_audio(client: openai.OpenAI, address: str) -> None:
    body = {"model": "tts-1", "input": TEXT, "voice": "af_bella", "response_format": "pcm", "stream_format": "sse"}
    with httpx.stream("POST", f"{address}/v1/audio/speech", json=body, timeout=AT_LAST_S) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert done["type"] == "speech.audio.done"
    audio = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    np.testing.assert_array_equal(np.frombuffer(audio, "<i2") / 32768, pcm_of(client))


def test_timestamps_are_those_of_the_audio_and_the_text(address: str, client: openai.OpenAI) -> None:
    text = "Dr. Watson paid $5.\n\nThen he left."
    body = {"model": "tts-1", "input": text, "voice": "bf_emma", "response_format": "pcm"}
    answer = httpx.post(f"{address}/v1/audio/speech/timestamps", json=body, timeout=AT_LAST_S).json()
    samples = np.frombuffer(base64.b64decode(answer["audio"]), "<i2")
    assert samples.size == round(answer["duration"] * 24_000)
    words = answer["words"]
    assert [word["word"].strip(".") for word in words] == ["Dr", "Watson", "paid", "$5", "Then", "he", "left"]
    assert [text[word["from"] : word["to"]] for word in words] == [word["word"] for word in words]
    assert all(word["start"] < word["end"] <= answer["duration"] for word in words)
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)
    assert answer["estimated"] is True
    before = samples[: max(0, int(words[0]["start"] * 24_000) - 2_400)]
    assert not before.size or np.abs(before).max() < 0.02 * 32768


def test_timestamps_are_for_texts_whose_audio_fits_into_memory(address: str) -> None:
    body = {"model": "tts-1", "input": "a " * 10_001, "voice": "alloy"}
    answer = httpx.post(f"{address}/v1/audio/speech/timestamps", json=body, timeout=AT_LAST_S)
    assert answer.status_code == 400
    assert "20000 characters" in answer.json()["error"]["message"]


def test_timestamps_refuse_like_speech(address: str) -> None:
    body = {"model": "tts-1", "input": "?!", "voice": "alloy"}
    answer = httpx.post(f"{address}/v1/audio/speech/timestamps", json=body, timeout=AT_LAST_S)
    assert answer.status_code == 400
    assert "nothing that can be spoken" in answer.json()["error"]["message"]


def test_voices_of_openai_and_ours(client: openai.OpenAI, address: str) -> None:
    listed = httpx.get(f"{address}/v1/audio/voices", timeout=AT_LAST_S).json()["voices"]
    assert {"id": "bm_george", "name": "bm_george", "language": "en-gb"} in listed
    assert {voice["id"] for voice in listed} >= set(VOICES)
    for voice in ("nova", "Onyx", "af_bella*0.5+am_adam*0.5", "af_bella(2)+am_adam(1)"):
        assert pcm_of(client, "Hello.", voice).size > 6_000
    by_id: Any = {"id": "bf_emma"}
    assert client.audio.speech.create(model="tts-1", input="Hello.", voice=by_id).content


def test_models_can_be_listed_and_asked_by_name(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    speaking = ["tts-1", "tts-1-hd", "gpt-4o-mini-tts", "kokoro", "default"]
    assert names == [*speaking, "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"]
    assert client.models.retrieve("default").id == "default"
    assert client.audio.speech.create(model="default", input="Hello.", voice="alloy").content


WRONG: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str]] = {
    "model": ({"model": "whatever"}, openai.NotFoundError, "GET /v1/models"),
    "voice": ({"voice": "af_belle"}, openai.BadRequestError, "Did you mean af_bella"),
    "text": ({"input": "?!"}, openai.BadRequestError, "nothing that can be spoken"),
    "empty": ({"input": ""}, openai.BadRequestError, "input"),
    "speed": ({"speed": 9}, openai.BadRequestError, "speed"),
    "format": ({"response_format": "tape"}, openai.BadRequestError, "response_format"),
}


@pytest.mark.parametrize("what", WRONG)
def test_errors_have_the_shape_that_the_client_reads(client: openai.OpenAI, what: str) -> None:
    change, expected, says = WRONG[what]
    request: Any = {"model": "tts-1", "input": "Hello.", "voice": "alloy", **change}
    with pytest.raises(expected) as caught:
        client.audio.speech.create(**request)
    body: Any = caught.value.body
    assert set(body) == {"message", "type", "param", "code"}
    assert says in body["message"]


def test_unexpected_errors_have_that_shape() -> None:
    app = new_app("Trial", None, Exposure())
    app.add_middleware(OpenAIErrors)

    async def fails() -> None:
        raise OSError("The disk is gone.")

    app.get("/v1/fails")(fails)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/v1/fails")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "The disk is gone."


def test_errors_of_the_engine_keep_their_own_shape(address: str) -> None:
    assert set(httpx.get(f"{address}/nowhere", timeout=AT_LAST_S).json()) == {"detail"}
    assert set(httpx.get(f"{address}/v1/nowhere", timeout=AT_LAST_S).json()) == {"error"}


def test_routes_are_described(address: str) -> None:
    paths = httpx.get(f"{address}/openapi.json", timeout=AT_LAST_S).json()["paths"]
    assert "audio/mpeg" in paths["/v1/audio/speech"]["post"]["responses"]["200"]["content"]
    page = httpx.get(f"{address}/docs", timeout=AT_LAST_S).text
    assert all(path in page for path in paths)


def test_pages_of_other_sites_are_refused(address: str) -> None:
    body = {"model": "tts-1", "input": "Hello.", "voice": "alloy"}
    for headers in ({"Origin": "https://example.com"}, {"Host": "example.com"}):
        answer = httpx.post(f"{address}/v1/audio/speech", json=body, headers=headers, timeout=AT_LAST_S)
        assert answer.status_code == 400
        assert "Refused" in answer.json()["error"]["message"]


def test_key_is_required_where_one_was_given() -> None:
    with (
        served("storyflow", "serve", STORYFLOW_API_KEY="secret") as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="guess", max_retries=0) as client,
    ):
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
        assert list(client.with_options(api_key="secret").models.list())


def test_open_address_needs_a_key_or_consent() -> None:
    refused = storyflow("serve", "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "--api-key" in refused.stderr
    assert "--insecure" in refused.stderr


def _broken(events: bool) -> tuple[list[bytes], list[str]]:
    """Return what is sent of an answer whose second piece fails, and what is logged."""

    async def pieces() -> AsyncGenerator[Audio, None]:
        yield np.full(24_000, 0.5, np.float32)
        raise SynthesisError("The model returned no audio.")

    async def answer() -> list[bytes]:
        sent = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        form: Literal["sse", "audio"] = "sse" if events else "audio"
        body = SpeechRequest(model="kokoro", input="Hi.", voice="alloy", response_format="pcm", stream_format=form)
        await (await speech_answer(body, pieces()))({"type": "http"}, receive, send)
        assert all(message.get("more_body", True) for message in sent)  # incomplete
        return [message["body"] for message in sent[1:]]

    records: list[str] = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("storyflow.serving").addHandler(handler)
    try:
        return asyncio.run(answer()), records
    finally:
        logging.getLogger("storyflow.serving").removeHandler(handler)


def test_audio_that_fails_on_the_way_ends_incomplete_and_in_one_line_of_the_log() -> None:
    sent, logged = _broken(events=False)
    assert [len(part) for part in sent] == [48_000]
    assert logged == ["The answer ends too early: The model returned no audio."]


def test_events_that_fail_on_the_way_end_with_an_error() -> None:
    sent, _ = _broken(events=True)
    assert json.loads(sent[-1].removeprefix(b"data: "))["error"]["message"] == "The model returned no audio."


def test_end_of_the_server_cuts_a_stream(tmp_path: Path) -> None:
    long = {"model": "tts-1", "input": TEXT * 200, "voice": "af_bella", "response_format": "pcm"}
    with httpx.Client(timeout=AT_LAST_S) as client:
        with served("storyflow.serving", folder=only_built_in(tmp_path)) as address:
            answer = client.send(client.build_request("POST", f"{address}/v1/audio/speech", json=long), stream=True)
            parts = answer.iter_raw()
            next(parts)
        with pytest.raises(httpx.RemoteProtocolError):  # `served` has checked that the log has no traceback
            list(parts)


# The stage


class Worker:
    """Does the work that is submitted when the test says so."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Callable[[], Sound], Future[Sound]]] = []

    def submit(self, work: Callable[[], Sound]) -> "Future[Sound]":
        self.submitted.append((work, Future()))
        return self.submitted[-1][1]

    def do_next(self) -> None:
        work, done = next((work, done) for work, done in self.submitted if not done.done())
        done.set_result(work())


@pytest.fixture(scope="module")
def kokoro() -> Kokoro:
    """The built-in voice."""
    return Kokoro.load(model_path(BUILT_IN, Path()), threads=1)


async def _submitted(worker: Worker, count: int) -> None:
    async def wait() -> None:
        while len(worker.submitted) < count:
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), AT_LAST_S)


def test_first_piece_needs_one_run_and_one_more_is_done_ahead(kokoro: Kokoro) -> None:
    async def listen() -> None:
        worker = Worker()
        pieces = Stage(worker.submit).pieces(steps(kokoro, TEXT, "af_bella"), 1.0)
        first = asyncio.ensure_future(anext(pieces))
        await _submitted(worker, 1)
        worker.do_next()
        assert (await first).size > 12_000
        assert len(worker.submitted) == 2
        await asyncio.sleep(0.05)
        assert len(worker.submitted) == 2  # nobody has taken the second piece
        await pieces.aclose()
        assert worker.submitted[1][1].cancelled()

    asyncio.run(listen())


def test_two_texts_take_turns(kokoro: Kokoro) -> None:
    async def listen() -> list[str]:
        worker, turns = Worker(), []
        stage = Stage(worker.submit)

        async def speak(name: str) -> None:
            async for _ in stage.pieces(steps(kokoro, TEXT, "af_bella"), 1.0):
                turns.append(name)

        both = [asyncio.ensure_future(speak(name)) for name in ("first", "second")]
        while not all(task.done() for task in both):
            if any(not done.done() for _, done in worker.submitted):
                worker.do_next()
            await asyncio.sleep(0.001)
        return turns

    turns = asyncio.run(listen())
    assert abs(turns[: len(turns) // 2].count("first") - len(turns) // 4) <= 1


def test_too_many_texts_at_once_are_refused_for_the_moment(kokoro: Kokoro) -> None:
    async def listen() -> None:
        worker = Worker()
        stage = Stage(worker.submit)
        speaking = [stage.pieces(steps(kokoro, "One.", "af_bella"), 1.0) for _ in range(MOST_STREAMS)]
        waiting = [asyncio.ensure_future(anext(pieces)) for pieces in speaking]
        await _submitted(worker, MOST_STREAMS)
        with pytest.raises(BusyError, match="Retry"):
            await anext(stage.pieces(steps(kokoro, "One.", "af_bella"), 1.0))
        worker.do_next()
        (first,), _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await speaking[waiting.index(first)].aclose()
        one_more = asyncio.ensure_future(anext(stage.pieces(steps(kokoro, "One.", "af_bella"), 1.0)))
        await _submitted(worker, MOST_STREAMS + 1)
        for task in (*waiting, one_more):
            task.cancel()

    asyncio.run(listen())


def test_client_that_leaves_stops_its_own_work(address: str) -> None:
    long = {"model": "tts-1", "input": TEXT * 200, "voice": "af_bella", "response_format": "pcm"}
    with httpx.stream("POST", f"{address}/v1/audio/speech", json=long, timeout=AT_LAST_S) as answer:
        next(answer.iter_bytes())
    end = time.monotonic() + AT_LAST_S
    while httpx.get(f"{address}/health", timeout=AT_LAST_S).json()["status"] != "ready":
        assert time.monotonic() < end
        time.sleep(0.01)


def test_slow_reader_stops_its_own_work_and_nobody_else(client: openai.OpenAI, address: str) -> None:
    long = {"model": "tts-1", "input": TEXT * 200, "voice": "af_bella", "response_format": "pcm"}
    with httpx.stream("POST", f"{address}/v1/audio/speech", json=long, timeout=AT_LAST_S) as answer:
        next(answer.iter_raw(1))
        assert pcm_of(client, "Hello.").size > 6_000
        end = time.monotonic() + AT_LAST_S
        while httpx.get(f"{address}/health", timeout=AT_LAST_S).json()["status"] != "ready":
            assert time.monotonic() < end, "the model speaks on although nobody listens"
            time.sleep(0.01)
