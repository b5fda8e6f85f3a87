"""What speaking engines answer: /generate and /samples."""

import math
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.contract.wav import pcm16_wav
from engines.tests.scripted_engine import ScriptedEngine, make_folder, serving

SAMPLE = pcm16_wav(b"\0\1" * 16_000, 16_000)
WAV = {"Content-Type": "audio/wav"}


@pytest.fixture
def loaded(client: httpx.Client, engine: ScriptedEngine) -> httpx.Client:
    """The client of a server with a loaded model."""
    client.post("/load", json={"engineModelName": "default"})
    engine.calls.clear()
    return client


def generate(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.post("/generate", json={"text": "Hello", "language": "en", "ttsSpeakerWav": "", **changes})


@pytest.mark.parametrize(
    "body",
    [
        {"text": "Hi", "language": "en", "ttsSpeakerWav": "", "parameters": {}},
        {"text": "Hi", "language": "en", "tts_speaker_wav": []},
        {"text": "Hi", "language": "en", "ttsSpeakerWav": None, "parameters": None},
        {"text": "Hi", "language": "en", "unknown": True},
    ],
)
def test_generate_without_a_sample_in_every_spelling(
    loaded: httpx.Client, engine: ScriptedEngine, body: dict[str, Any]
) -> None:
    answer = loaded.post("/generate", json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.content == engine.answer
    assert engine.calls == [("generate", "Hi", "en", [], {"speed": 1.0, "steps": 3})]


@pytest.mark.parametrize(
    ("change", "status", "detail"),
    [
        ({"text": ""}, 400, "Text cannot be empty"),
        ({"text": " \n\t"}, 400, "Text cannot be empty"),
        ({"language": ""}, 400, "Language cannot be empty"),
        ({"language": " "}, 400, "Language cannot be empty"),
        ({"language": "xx"}, 400, "Unsupported language 'xx'. Use one of en, de."),
        ({"text": "x" * 101}, 400, "Text too long (101 chars). Scripted's max is 100 chars. Use text segmentation"),
        ({"text": "x" * 100_000}, 400, "Text too long (100000 chars)"),
        ({"language": "x" * 100_000}, 400, "Unsupported language"),
        ({"text": 5}, 400, "field 'text'"),
        ({"text": None}, 400, "field 'text'"),
        ({"text": ["a"]}, 400, "field 'text'"),
        ({"ttsSpeakerWav": 5}, 400, "field 'ttsSpeakerWav"),
        ({"ttsSpeakerWav": [""]}, 400, "Empty speaker filename"),
        ({"ttsSpeakerWav": ["a.wav"] * 101}, 400, "at most 100 items"),
        ({"ttsSpeakerWav": "../engine.yaml"}, 400, "Invalid speaker filename format: '../engine.yaml'"),
        ({"ttsSpeakerWav": "/etc/passwd"}, 400, "Invalid speaker filename format"),
        ({"ttsSpeakerWav": ["a\0b"]}, 400, "Invalid speaker filename format"),
        ({"ttsSpeakerWav": "x" * 1000}, 400, "Invalid speaker filename format"),
        ({"ttsSpeakerWav": "nobody.wav"}, 404, "Speaker sample not found: nobody.wav"),
        ({"parameters": [1]}, 400, "field 'parameters'"),
        ({"parameters": {"speed": "fast"}}, 400, "'speed' must be of type float, not str"),
        ({"parameters": {"speed": True}}, 400, "'speed' must be of type float, not bool"),
        ({"parameters": {"speed": 2.1}}, 400, "'speed' must be a number between 0.5 and 2.0"),
        ({"parameters": {"steps": 1.5}}, 400, "'steps' must be of type int, not float"),
        ({"parameters": {"steps": 10**400}}, 400, "'steps' must be a number between 1 and 9"),
        ({"parameters": {"speed": 10**400}}, 400, "'speed' must be a number between 0.5 and 2.0"),
    ],
)
def test_generate_refusal(
    shared: tuple[httpx.Client, ScriptedEngine], change: dict[str, Any], status: int, detail: str
) -> None:
    client, engine = shared
    answer = generate(client, **change)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]
    assert engine.count("generate") == 0
    assert client.get("/health").json()["status"] == "ready"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-Infinity"])
def test_generate_with_a_number_that_is_none(shared: tuple[httpx.Client, ScriptedEngine], number: str) -> None:
    body = b'{"text": "Hi", "language": "en", "parameters": {"speed": %s}}' % number.encode()
    answer = shared[0].post("/generate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400


def test_generate_refusals_never_repeat_the_text(loaded: httpx.Client) -> None:
    answer = loaded.post("/generate", json={"text": {"deep": "secret words"}, "language": "en"})
    assert answer.status_code == 400
    assert "secret" not in answer.text


def test_generate_with_lone_surrogates_is_400(loaded: httpx.Client) -> None:
    for body in (b'{"text": "\\ud800", "language": "en"}', b'{"text": "a", "language": "\\ud800"}'):
        answer = loaded.post("/generate", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_generate_passes_parameters_by_type_and_ignores_unknown_ones(
    loaded: httpx.Client, engine: ScriptedEngine
) -> None:
    assert generate(loaded, parameters={"speed": 2, "steps": 4.0, "colour": "red"}).status_code == 200
    assert engine.calls[0][4] == {"speed": 2.0, "steps": 4}
    assert isinstance(engine.calls[0][4]["steps"], int)


@pytest.mark.parametrize(("given", "understood"), [("EN", "en"), ("en-AU", "en"), ("de_CH", "de"), ("de", "de")])
def test_generate_understands_a_language_with_its_region(
    loaded: httpx.Client, engine: ScriptedEngine, given: str, understood: str
) -> None:
    assert generate(loaded, language=given).status_code == 200
    assert engine.calls[0][2] == understood


@pytest.mark.parametrize("kind", [str, lambda name: [name, name]])
def test_generate_gets_the_files_of_uploaded_samples(loaded: httpx.Client, engine: ScriptedEngine, kind: Any) -> None:
    assert loaded.post("/samples/upload/anna-1", content=SAMPLE, headers=WAV).status_code == 200
    assert generate(loaded, ttsSpeakerWav=kind("anna-1.wav")).status_code == 200
    assert set(engine.calls[0][3]) == {"anna-1.wav"}


def test_generate_of_a_cloning_engine_wants_a_sample(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "e", capabilities={"supports_speaker_cloning": True})
    with serving(ScriptedEngine(folder)) as client:
        client.post("/load", json={"engineModelName": "default"})
        answer = generate(client)
        assert (answer.status_code, "requires speaker samples for voice cloning" in answer.text) == (400, True)
        client.post("/samples/upload/me", content=SAMPLE, headers=WAV)
        assert generate(client, ttsSpeakerWav="me.wav").status_code == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"ID3 not a WAV" * 20,
        SAMPLE[:22] + b"\2\0" + SAMPLE[24:],  # stereo
        SAMPLE[:20] + b"\3\0" + SAMPLE[22:34] + b"\x20\0" + SAMPLE[36:],  # 32-bit float
    ],
)
def test_generate_never_answers_audio_that_the_client_cannot_join(
    loaded: httpx.Client, engine: ScriptedEngine, answer: bytes
) -> None:
    engine.answer = answer
    assert generate(loaded).status_code == 500


def test_generate_keeps_one_sample_rate(loaded: httpx.Client, engine: ScriptedEngine) -> None:
    assert generate(loaded).status_code == 200
    engine.answer = pcm16_wav(bytes(4800), 22_050)
    answer = generate(loaded)
    assert answer.status_code == 500
    assert "24000 Hz" in answer.json()["detail"]


def test_samples_check_upload_check(client: httpx.Client, engine: ScriptedEngine) -> None:
    assert client.post("/samples/check", json={"sampleIds": ["b", "a"]}).json() == {"missing": ["b", "a"]}
    for content_type in ("audio/wav", "application/octet-stream"):
        answer = client.post("/samples/upload/a", content=SAMPLE, headers={"Content-Type": content_type})
        assert answer.json() == {"status": "ok", "sampleId": "a"}
    assert (engine.samples_dir / "a.wav").read_bytes() == SAMPLE
    assert client.post("/samples/check", json={"sample_ids": ["b", "a"]}).json() == {"missing": ["b"]}


@pytest.mark.parametrize("sample_id", ["../a", "a/b", ".", "..", "", "a b", "ü", "x" * 126, "nul", "a\0"])
def test_samples_check_invalid_id_is_400(shared: tuple[httpx.Client, ScriptedEngine], sample_id: str) -> None:
    answer = shared[0].post("/samples/check", json={"sampleIds": [sample_id]})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("Invalid sample ID format")


def test_samples_check_of_more_than_any_client_has_is_400(shared: tuple[httpx.Client, ScriptedEngine]) -> None:
    assert shared[0].post("/samples/check", json={"sampleIds": ["a"] * 10_001}).status_code == 400


@pytest.mark.parametrize("path", ["..%2Fescaped", "a%2Fb", "%2e%2e", "a%00b", ".hidden"])
def test_samples_upload_invalid_id_is_400(shared: tuple[httpx.Client, ScriptedEngine], path: str) -> None:
    client, engine = shared
    before = sorted(engine.base_path.rglob("*"))
    assert client.post(f"/samples/upload/{path}", content=SAMPLE, headers=WAV).status_code in (400, 404)
    assert sorted(engine.base_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "Empty request body"),
        (b"RIFF", "too small"),
        (b"<html>Not found</html>" * 10, "expected WAV file"),
        (b"RIFF\0\0\0\0WAVE" + bytes(100), "holds no sound"),
        (SAMPLE[:44], "holds no sound"),
        (b"ID3" + bytes(200), "expected WAV file"),
    ],
)
def test_samples_upload_of_what_is_no_wav_is_400(
    shared: tuple[httpx.Client, ScriptedEngine], content: Any, detail: str
) -> None:
    client, engine = shared
    answer = client.post("/samples/upload/a", content=content, headers=WAV)
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]
    assert not (engine.samples_dir / "a.wav").exists()


def test_samples_upload_beyond_32_mib_is_400(client: httpx.Client) -> None:
    assert client.post("/samples/upload/a", content=bytes(33 << 20), headers=WAV).status_code == 400


def test_samples_link_to_elsewhere_is_never_opened(
    client: httpx.Client, engine: ScriptedEngine, tmp_path: Path
) -> None:
    (tmp_path / "secret.wav").write_bytes(SAMPLE)
    engine.samples_dir.mkdir()
    (engine.samples_dir / "out.wav").symlink_to(tmp_path / "secret.wav")
    answer = client.post("/samples/check", json={"sampleIds": ["out"]})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Invalid sample path")
    assert client.post("/samples/upload/out", content=SAMPLE[:60], headers=WAV).status_code == 400
    assert (tmp_path / "secret.wav").read_bytes() == SAMPLE


def test_samples_folder_that_cannot_be_written_keeps_samples_until_the_end(
    loaded: httpx.Client, engine: ScriptedEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.samples_dir.write_text("a file where the folder should be")
    assert loaded.post("/samples/upload/a", content=SAMPLE, headers=WAV).status_code == 200
    assert loaded.post("/samples/check", json={"sampleIds": ["a", "b"]}).json() == {"missing": ["b"]}
    assert generate(loaded, ttsSpeakerWav="a.wav").status_code == 200
    assert "only until the engine stops" in caplog.text
    spare = engine.samples._spare
    assert spare
    engine.samples.discard_spare()
    assert not spare.exists()


def test_sample_of_one_second_of_a_sine_is_accepted(client: httpx.Client) -> None:
    tone = b"".join(
        round(8000 * math.sin(math.tau * 440 * n / 16_000)).to_bytes(2, "little", signed=True) for n in range(16_000)
    )
    assert client.post("/samples/upload/t", content=pcm16_wav(tone, 16_000), headers=WAV).status_code == 200
