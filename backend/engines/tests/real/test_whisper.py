"""Whisper with its real library: it listens to the built-in voice.

A model of Whisper's own architecture is trained for it on this machine, in a minute or two, to know five sentences.
"""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import engines
from core_engine.audio_utils import encode_wav, normalize_audio
from engines.conformance.run import check_engine
from engines.contract.wav import pcm16_wav
from engines.stt.whisper.vocabulary import LANGUAGES
from engines.tests.file_server import file_server
from engines.tests.real.conftest import MakeEngine
from engines.tests.real.real_engine import BUILD, RealEngine, python_of
from engines.tests.support import field

pytest.importorskip("onnxruntime")
soundfile = pytest.importorskip("soundfile")
soxr = pytest.importorskip("soxr")

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

ENGINE = "stt/whisper"
VOICE = Path(engines.__file__).parent / "tts" / "kokoro" / "models" / "default" / "storyflow-voice.onnx"
SENTENCES = (
    "The old house stood on the hill.",
    "Nobody knew why the lamp was lit.",
    "A small boat crossed the dark river.",
    "She opened the letter and laughed.",
    "Winter came early that year.",
)
RATE = 24_000


@pytest.fixture(scope="module")
def spoken() -> dict[str, bytes]:
    """What the built-in voice makes of the sentences, as its engine answers."""
    from core_engine.kokoro.speech.synthesis import Kokoro

    voice = Kokoro.load(VOICE)
    return {text: encode_wav(normalize_audio(voice.speak(text, "af_bella").audio), RATE) for text in SENTENCES}


@pytest.fixture(scope="module")
def trained(spoken: dict[str, bytes], tiny_model: Callable[..., Path]) -> Path:
    """A model file that knows the sentences; kept below build/ as long as they sound the same."""
    python_of(ENGINE)
    version = hashlib.sha256(b"".join(spoken.values())).hexdigest()[:12]
    speech = BUILD / ENGINE / f"speech-{version}"
    speech.mkdir(parents=True, exist_ok=True)
    for number, (text, wav) in enumerate(spoken.items()):
        (speech / f"{number}.wav").write_bytes(wav)
        (speech / f"{number}.txt").write_text(text, encoding="utf-8")
    return tiny_model(ENGINE, "trained", ["--speech", str(speech)]) / "tiny.pt"


@pytest.fixture(scope="module")
def listening(shared_real_engine: MakeEngine, trained: Path) -> RealEngine:
    """The real server with that model loaded."""
    engine = shared_real_engine(ENGINE)
    shutil.copy(trained, engine.external_models_dir)
    engine.start()
    assert engine.load_named("tiny") == 200, engine.refusal
    return engine


def analyze(engine: RealEngine, wav: bytes, **body: Any) -> dict[str, Any]:
    answer = engine.post("/analyze", {"audioBase64": base64.b64encode(wav).decode(), "language": "en", **body})
    assert answer.status == 200, answer.body
    return dict(answer.json())


def samples_of(wav: bytes) -> "np.ndarray":
    return np.asarray(soundfile.read(io.BytesIO(wav), dtype="float32")[0], np.float32)


def wav_of(samples: "np.ndarray", rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format="WAV")
    return file.getvalue()


def in_its_python(code: str) -> Any:
    """Return the JSON that `code` prints in the engine's environment."""
    command = [str(python_of(ENGINE)), "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(Path(engines.__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("text", SENTENCES)
def test_built_in_voice_is_understood_word_by_word(listening: RealEngine, spoken: dict[str, bytes], text: Any) -> None:
    answer = analyze(listening, spoken[text], expectedText=text)
    assert field(answer, "transcription") == text
    assert (answer["qualityScore"], answer["qualityStatus"]) == (100, "perfect")
    assert answer["details"]["topLabel"] == "whisperTranscription"
    assert answer["details"]["infoBlocks"] == {}
    assert field(answer, "confidence") > 70
    assert field(answer, "duration") == pytest.approx(len(samples_of(spoken[text])) / RATE, abs=0.01)


def test_built_in_voice_that_says_another_text_is_a_defect(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    answer = analyze(listening, spoken[SENTENCES[0]], expectedText=SENTENCES[3])
    assert (field(answer, "transcription"), answer["qualityStatus"]) == (SENTENCES[0], "defect")
    assert answer["qualityScore"] < 30
    issue = answer["details"]["infoBlocks"]["textDeviations"][0]
    assert issue["text"] == "wordMismatch"
    assert set(issue["details"]) == {"expected", "detected"}


def test_text_that_goes_on_after_the_recording_is_a_defect(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    answer = analyze(listening, spoken[SENTENCES[1]], expectedText=f"{SENTENCES[1]} {SENTENCES[2]}")
    assert answer["qualityStatus"] == "defect"
    (issue,) = answer["details"]["infoBlocks"]["textDeviations"]
    assert (issue["text"], issue["severity"]) == ("incompleteTranscription", "error")
    assert issue["details"]["missingWords"] == "A small boat crossed the dark river"


def test_one_wrong_word_is_a_warning(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    answer = analyze(listening, spoken[SENTENCES[0]], expectedText="The cold house stood on the hill!")
    assert (answer["qualityScore"], answer["qualityStatus"]) == (80, "warning")
    (issue,) = answer["details"]["infoBlocks"]["textDeviations"]
    assert issue["details"] == {"expected": "cold", "detected": "old"}


def test_without_expected_text_the_score_is_the_confidence(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    answer = analyze(listening, spoken[SENTENCES[2]])
    assert answer["qualityScore"] == round(field(answer, "confidence"))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_float_stereo_and_any_rate_are_understood_like_16_bits(
    listening: RealEngine, spoken: dict[str, bytes], subtype: str, rate: int
) -> None:
    sound = soxr.resample(samples_of(spoken[SENTENCES[4]]), RATE, rate)
    answer = analyze(listening, wav_of(np.column_stack([sound, sound]), rate, subtype))
    assert field(answer, "transcription") == SENTENCES[4]


@pytest.mark.parametrize("language", ["en-gb", "EN", "xx", ""])
def test_language_codes_of_speaking_engines_and_unknown_ones_are_taken(
    listening: RealEngine, spoken: dict[str, bytes], language: str
) -> None:
    answer = analyze(listening, spoken[SENTENCES[0]], language=language)
    assert (field(answer, "transcription"), field(answer, "language")) == (SENTENCES[0], "en")


def test_language_zh_cn_is_listened_for_as_chinese(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    assert field(analyze(listening, spoken[SENTENCES[0]], language="zh-cn"), "language") == "zh"


def test_recording_longer_than_30_seconds_is_heard_to_its_end(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    first, last = samples_of(spoken[SENTENCES[0]]), samples_of(spoken[SENTENCES[1]])
    pause = np.zeros(14 * RATE, np.float32)
    answer = analyze(listening, wav_of(np.concatenate([first, pause, last, pause, pause])))
    assert field(answer, "transcription") == f"{SENTENCES[0]} {SENTENCES[1]}"
    assert field(answer, "duration") > 45


def transcribe(engine: RealEngine, wav: bytes, query: str = "") -> dict[str, Any]:
    answer = engine.post(f"/transcribe{query}", wav, {"Content-Type": "audio/wav"})
    assert answer.status == 200, answer.body
    return dict(answer.json())


def test_recording_is_transcribed_with_the_times_of_its_words(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    first, last = samples_of(spoken[SENTENCES[0]]), samples_of(spoken[SENTENCES[1]])
    pause = np.zeros(14 * RATE, np.float32)
    answer = transcribe(listening, wav_of(np.concatenate([first, pause, last, pause, pause])))
    assert (answer["text"], answer["language"]) == (f"{SENTENCES[0]} {SENTENCES[1]}", "en")
    assert [segment["text"] for segment in answer["segments"]] == list(SENTENCES[:2])
    words = [word for segment in answer["segments"] for word in segment["words"]]
    assert [word["word"] for word in words] == f"{SENTENCES[0]} {SENTENCES[1]}".split()
    starts = [word["start"] for word in words]
    assert starts == sorted(starts)
    assert all(word["start"] <= word["end"] <= answer["duration"] for word in words)


def test_transcription_takes_a_prompt_and_a_temperature(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    answer = transcribe(listening, spoken[SENTENCES[2]], "?prompt=A+boat.&temperature=0.2&language=en&times=false")
    assert answer["segments"] == []
    assert transcribe(listening, spoken[SENTENCES[2]], "?language=en")["text"] == SENTENCES[2]


def test_silence_is_no_text(listening: RealEngine) -> None:
    answer = analyze(listening, pcm16_wav(bytes(4 * RATE), RATE), expectedText=SENTENCES[0])
    assert (field(answer, "transcription"), answer["qualityScore"]) == ("", 0)
    assert answer["details"]["infoBlocks"]["audioIssues"][0]["text"] == "silence"


def test_noise_in_which_nothing_is_said_is_a_defect_whatever_the_model_makes_up(listening: RealEngine) -> None:
    noise = np.random.default_rng(9).normal(0, 0.05, 2 * RATE).astype(np.float32)
    assert analyze(listening, wav_of(noise))["qualityStatus"] == "defect"


def test_listening_asks_nothing_of_the_network(listening: RealEngine, spoken: dict[str, bytes]) -> None:
    analyze(listening, spoken[SENTENCES[0]], language="")
    assert listening.network_notes == []


def test_model_is_fetched_once_into_the_mount_and_survives_a_restart(
    real_engine: MakeEngine, trained: Path, spoken: dict[str, bytes]
) -> None:
    engine = real_engine(ENGINE)
    weights = trained.read_bytes()
    config = yaml.safe_load((engine.folder / "engine.yaml").read_text())
    listed = {model["name"]: model for model in config["models"]}
    listed["large-v3"]["download"].update(size=len(weights), sha256=hashlib.sha256(weights).hexdigest())
    (engine.folder / "engine.yaml").write_text(yaml.safe_dump(config))
    with file_server({"/large-v3.pt": weights}) as files:
        engine.environment["STORYFLOW_MODELS_URL"] = files.url
        engine.start()
        assert engine.load_named("large") == 200, engine.refusal
    kept, link = engine.external_models_dir / "large-v3.pt", engine.models_dir / "large-v3.pt"
    assert kept.is_file()
    assert not kept.is_symlink()
    assert link.is_symlink()
    assert link.samefile(kept)
    assert engine.shut_down() == 0

    link.unlink()  # a container loses everything but the mount
    engine.start()
    assert engine.load_named("large") == 200, engine.refusal
    assert field(analyze(engine, spoken[SENTENCES[3]]), "transcription") == SENTENCES[3]
    assert engine.network_notes == []


def test_model_that_cannot_be_fetched_is_refused_with_the_reason(real_engine: MakeEngine) -> None:
    engine = real_engine(ENGINE)
    engine.start()
    assert engine.load_named("base") == 500
    assert "'base.pt'" in engine.refusal
    assert engine.network_notes
    assert all("openaipublic.azureedge.net" in note for note in engine.network_notes)
    assert list(engine.models_dir.iterdir()) == []
    assert engine.load_named("nobody") == 404


def test_models_are_swapped_unloaded_and_refused(
    real_engine: MakeEngine, tiny_model: Callable[..., Path], trained: Path, spoken: dict[str, bytes]
) -> None:
    engine = real_engine(ENGINE)
    shutil.copy(tiny_model(ENGINE, "wide", ["--width", "512"]) / "tiny.pt", engine.external_models_dir / "wide.pt")
    shutil.copy(trained, engine.models_dir / "mine.pt")
    (engine.models_dir / "half.pt").write_bytes(trained.read_bytes()[:1_000_000])
    (engine.models_dir / "other.pt").write_bytes(b"no model at all")
    engine.start()
    assert engine.load_named("wide") == 200, engine.refusal
    analyze(engine, spoken[SENTENCES[0]])
    before_mib = engine.resident_mib()
    assert engine.load_named("mine") == 200, engine.refusal
    assert field(analyze(engine, spoken[SENTENCES[0]]), "transcription") == SENTENCES[0]
    assert engine.resident_mib() < before_mib - 60  # the wide one has 110 MiB
    for broken in ("half", "other"):
        assert engine.load_named(broken) == 400
        assert "no model of openai-whisper" in engine.refusal
    assert (engine.health["status"], engine.health["currentEngineModel"]) == ("ready", None)
    assert engine.load_named("mine") == 200
    assert engine.shut_down() == 0


def test_client_starts_it_and_has_a_segment_judged(
    real_engine: MakeEngine, trained: Path, spoken: dict[str, bytes]
) -> None:
    engine = real_engine(ENGINE)
    shutil.copy(trained, engine.external_models_dir / "base.pt")
    client = engine.client()
    try:
        client.start("base")
        body = {"audioBase64": base64.b64encode(spoken[SENTENCES[2]]).decode(), "language": "en"}
        answer = client.repeated("/analyze", {**body, "expectedText": SENTENCES[2], "pronunciationRules": []}).json()
    finally:
        client.stop()
    assert answer["qualityStatus"] == "perfect"
    assert client.process
    assert client.process.returncode == 0


def test_engine_conforms_with_a_model_at_hand(real_engine: MakeEngine, trained: Path) -> None:
    engine = real_engine(ENGINE)
    shutil.copy(trained, engine.external_models_dir / "base.pt")
    results = list(check_engine(engine.folder))
    assert {result.check: result.found for result in results if result.outcome == "failed"} == {}
    assert "/analyze: every refusal with its status, and an answer" in [
        result.check for result in results if result.outcome == "passed"
    ]


def test_library_has_what_the_stand_in_of_the_light_tests_mimics() -> None:
    found = in_its_python("""
import dataclasses, inspect, json, whisper, whisper.audio as audio
from whisper.tokenizer import LANGUAGES, get_tokenizer
names = lambda function: list(inspect.signature(function).parameters)
tokenizer = get_tokenizer(True, num_languages=99, language="de", task="transcribe")
model = ("device", "is_multilingual", "num_languages", "embed_audio", "logits", "detect_language")
print(json.dumps({
    "load": names(whisper.load_model),
    "decode": names(whisper.decode),
    "options": [field.name for field in dataclasses.fields(whisper.DecodingOptions)],
    "result": [field.name for field in dataclasses.fields(whisper.DecodingResult)],
    "mel": names(audio.log_mel_spectrogram),
    "model": [hasattr(whisper.model.Whisper, name) for name in model],
    "audio": [audio.HOP_LENGTH, audio.N_FRAMES, audio.N_SAMPLES],
    "languages": list(LANGUAGES),
    "tokens": [tokenizer.decode(tokenizer.encode(" hello")), len(tokenizer.sot_sequence_including_notimestamps)],
}))
""")
    assert found["load"][:2] == ["name", "device"]
    assert found["decode"][:3] == ["model", "mel", "options"]
    assert {"language", "fp16", "without_timestamps", "temperature"} <= set(found["options"])
    assert {"text", "tokens", "avg_logprob", "no_speech_prob"} <= set(found["result"])
    assert found["mel"][:3] == ["audio", "n_mels", "padding"]
    assert found["model"] == [True] * 6
    assert found["audio"] == [160, 3000, 480_000]
    assert found["languages"] == list(LANGUAGES)
    assert found["tokens"] == [" hello", 4]


def test_declared_models_are_those_of_the_library() -> None:
    published = in_its_python("import json, whisper; print(json.dumps(whisper._MODELS))")
    config = yaml.safe_load((Path(engines.__file__).parent / ENGINE / "engine.yaml").read_text())
    for model in config["models"]:
        download = model.get("download")
        if download is None:
            assert published[model["name"]] == published[model["same_as"]]
        else:
            assert published[model["name"]] == download["url"]
            assert download["sha256"] in download["url"]
