"""/transcribe: all that is said in a recording, with times, on the real faster-whisper and a small model.

The same with openai-whisper and a trained model: tests/real/test_whisper.py.
"""

import io
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import engines
from engines.stt.whisper.hearing import HeardWord
from engines.stt.whisper.segments import with_their_marks
from engines.stt.whisper.server import WhisperServer
from engines.stt.whisper.transcription import LARGEST_BYTES
from engines.tests.scripted_engine import serving
from engines.tests.small_whisper import TEXT, WORD_S, write_small_whisper
from engines.tests.support import SOON_S, port_of

pytest.importorskip("faster_whisper")
soundfile = pytest.importorskip("soundfile")

WHISPER = Path(engines.__file__).parent / "stt" / "whisper"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("whisper")
    write_small_whisper(folder / "models" / "base")
    shutil.copy(WHISPER / "engine.yaml", folder)
    with serving(WhisperServer(folder)) as client:
        assert client.post("/load", json={"engineModelName": "base"}).status_code == 200
        yield client


def recording(seconds: float, rate: int = 16_000, channels: int = 1, form: str = "WAV") -> bytes:
    """Noise, of which the model says its text; the last second is silent."""
    noise = np.random.default_rng(0).normal(0, 0.1, (int(seconds * rate), channels)).clip(-1, 1)
    noise[-rate:] = 0
    file = io.BytesIO()
    soundfile.write(file, noise, rate, format=form)
    return file.getvalue()


def heard(client: httpx.Client, audio: bytes, **query: Any) -> dict[str, Any]:
    answer = client.post("/transcribe", params=query, content=audio, headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_words_and_sentences_have_their_times(client: httpx.Client) -> None:
    answer = heard(client, recording(5))
    assert (answer["text"], answer["language"], answer["duration"]) == (TEXT, "en", 5.0)
    first, second = answer["segments"]
    assert [first["text"], second["text"]] == ["The old house stood there.", "Nobody came!"]
    assert [word["word"] for word in first["words"]] == ["The", "old", "house", "stood", "there."]
    assert [word["start"] for word in first["words"]] == pytest.approx([WORD_S * number for number in range(5)])
    assert [word["end"] for word in first["words"]] == pytest.approx([WORD_S * number for number in range(1, 6)])
    assert (second["start"], second["end"]) == pytest.approx((6 * WORD_S, 8 * WORD_S))
    assert first["noSpeechProb"] < 0.1
    assert first["avgLogprob"] > -0.1


@pytest.mark.parametrize(("rate", "channels", "form"), [(44_100, 2, "WAV"), (48_000, 1, "FLAC"), (24_000, 1, "MP3")])
def test_any_rate_and_form_has_the_same_times(client: httpx.Client, rate: int, channels: int, form: str) -> None:
    answer = heard(client, recording(5, rate, channels, form))
    assert answer["text"] == TEXT
    assert answer["duration"] == pytest.approx(5.0, abs=0.15)  # MP3 fills up its last frame
    assert answer["segments"][1]["words"][0]["start"] == pytest.approx(6 * WORD_S, abs=0.05)


def test_long_recording_is_heard_to_its_end_with_times_from_its_start(client: httpx.Client) -> None:
    answer = heard(client, recording(95))
    assert answer["text"] == " ".join([TEXT] * 4)
    starts = [segment["start"] for segment in answer["segments"]]
    assert len(starts) == 8
    assert starts == sorted(starts)
    parts = np.diff(starts[::2])
    assert (parts > 14.9).all()
    assert (parts < 30.1).all()
    assert all(segment["words"][0]["start"] == segment["start"] for segment in answer["segments"])


def test_times_are_left_out_if_nobody_wants_them(client: httpx.Client) -> None:
    assert heard(client, recording(5), times="false")["segments"] == []


def test_silence_is_no_text(client: httpx.Client) -> None:
    answer = heard(client, recording(1))
    assert (answer["text"], answer["segments"]) == ("", [])


@pytest.mark.parametrize("query", [{"temperature": "2"}, {"temperature": "nan"}, {"prompt": "x" * 10_001}])
def test_query_out_of_bounds_is_refused(client: httpx.Client, query: dict[str, str]) -> None:
    assert client.post("/transcribe", params=query, content=recording(2)).status_code == 400


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b"no sound at all", "cannot be read: Format not recognised"),
        (recording(2)[:44], "no usable"),
    ],
)
def test_what_is_no_recording_is_refused(client: httpx.Client, body: bytes, says: str) -> None:
    answer = client.post("/transcribe", content=body, headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


def test_recording_of_more_than_an_hour_is_refused(client: httpx.Client) -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 1000, 1, format="WAV", subtype="PCM_U8") as wav:
        for _ in range(3601):
            wav.write(np.zeros(1000))
    answer = client.post("/transcribe", content=file.getvalue(), headers={"Content-Type": "audio/wav"})
    assert answer.status_code == 400
    assert "longer than 3600 s" in answer.json()["detail"]


def test_body_has_its_own_bound(client: httpx.Client) -> None:
    port = port_of(client)
    head = f"POST /transcribe HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {LARGEST_BYTES + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=SOON_S) as connection:
        connection.sendall(head.encode())
        answer = b""
        while b"}" not in answer:
            answer += connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"{LARGEST_BYTES // 2**20} MiB".encode() in answer


def test_prompt_longer_than_what_fits_is_cut(client: httpx.Client) -> None:
    assert heard(client, recording(5), prompt="The old house. " * 600)["text"] == TEXT


def test_marks_belong_to_the_words_beside_them() -> None:
    words = [
        HeardWord(text, number, number + 1, (number,)) for number, text in enumerate([' "', "Come", "!", '"', " -"])
    ]
    (word,) = with_their_marks(words)
    assert (word.text, word.start, word.end, word.tokens) == (' "Come!" -', 1, 2, (0, 1, 2, 3, 4))
