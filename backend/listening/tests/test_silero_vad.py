"""The engine silero-vad with its real model judges real speech: good recordings well, each damage by its name."""

import base64
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from core_engine.kokoro.speech.synthesis import Kokoro
from engines.conformance.run import check_engine
from engines.conformance.trial import Trial, trial_of
from engines.speech.sound import wav_of
from listening.equipment import ENGINES, SILERO_VAD, Equipment
from listening.tests.conftest import ReadAloud
from listening.texts import FEW

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

RATE = 24_000
ENGINE = ENGINES / "audio_analysis" / SILERO_VAD
Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def trial(equipment: Equipment) -> Iterator[Trial]:
    """The engine with its real model loaded."""
    if not (equipment.speech_detector / "silero_vad.onnx").is_file():
        pytest.skip("the model of silero-vad is not there; `make test-listening` downloads it")
    with trial_of(ENGINE) as trial:
        shutil.copytree(equipment.speech_detector, trial.models_dir / "real")
        trial.start()
        trial.model = "real"
        trial.load()
        yield trial


@pytest.fixture(scope="module", params=["kokoro", "built-in"])
def speech(request: pytest.FixtureRequest, read_aloud: ReadAloud) -> Samples:
    """Four sentences by a voice, their peak at -1 dB."""
    if request.param == "kokoro":
        return read_aloud(FEW, "af_bella").audio
    voice = Kokoro.load(ENGINES / "tts/kokoro/models/default/storyflow-voice.onnx")
    audio = np.asarray(voice.speak(FEW, "af_bella", 1.0, "en-us").audio, np.float32)
    return np.asarray(audio * (0.89 / np.abs(audio).max()), np.float32)


def noise(level_db: float, count: int) -> Samples:
    """Return white noise of this average level."""
    return np.asarray(np.random.default_rng(1).normal(0, 10 ** (level_db / 20), count), np.float32)


def analyzed(trial: Trial, sound: Samples, rate: int = RATE) -> tuple[dict[str, Any], list[str], str]:
    """Return the figures, the issues and the status of a recording, judged by the default thresholds."""
    answer = trial.post("/analyze", {"audioBase64": base64.b64encode(wav_of(sound, rate)).decode()})
    assert answer.status == 200, answer.body
    details = answer.json()["details"]
    figures = {field["key"]: field["value"] for field in details["fields"]}
    issues = [issue["text"] for issue in details["infoBlocks"].get("audioIssues", [])]
    return figures, issues, answer.json()["qualityStatus"]


def test_good_speech_has_no_fault_but_few_pauses(trial: Trial, speech: Samples) -> None:
    figures, issues, _ = analyzed(trial, speech)
    assert 80 <= figures["speechRatio"] <= 97
    assert figures["maxSilence"] < 1000
    assert figures["peakVolume"] == "-1.0 dB"
    assert -26 <= float(figures["avgVolume"].removesuffix(" dB")) <= -14
    assert set(issues) <= {"speechRatioAboveIdeal", "speechRatioTooHigh"}
    pauses = np.zeros(round(0.09 * len(speech)), np.float32)
    assert analyzed(trial, np.concatenate([pauses, speech, pauses]))[2] == "perfect"


def test_silence_within_speech_is_measured_to_a_tenth_of_a_second(trial: Trial, speech: Samples) -> None:
    middle, silence = len(speech) // 2, np.zeros(4 * RATE, np.float32)
    before = analyzed(trial, speech[:middle])[0]["maxSilence"]
    figures, issues, status = analyzed(trial, np.concatenate([speech[:middle], silence, speech[middle:]]))
    assert before < 1000
    assert figures["maxSilence"] == pytest.approx(4000, abs=400)
    assert "silenceTooLong" in issues
    assert status == "defect"


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_what_is_no_speech_is_a_defect(trial: Trial, kind: str) -> None:
    count = 5 * RATE
    tone = np.asarray(0.3 * np.sin(2 * np.pi * 440 * np.arange(count) / RATE), np.float32)
    sound = {"silence": np.zeros(count, np.float32), "noise": noise(-20, count), "tone": tone}[kind]
    figures, issues, status = analyzed(trial, sound)
    assert figures["speechRatio"] < 10
    assert issues[:2] == ["speechRatioTooLow", "silenceTooLong"]
    assert status == "defect"


def test_speech_in_noise_is_still_speech(trial: Trial, speech: Samples) -> None:
    clean = analyzed(trial, speech)[0]["speechRatio"]
    noisy = analyzed(trial, speech * np.float32(0.5) + noise(-46, len(speech)))[0]["speechRatio"]
    assert noisy == pytest.approx(clean, abs=8)


def test_clipping_and_low_volume_are_found(trial: Trial, speech: Samples) -> None:
    assert "clippingDetected" in analyzed(trial, speech * np.float32(4))[1]
    assert "volumeTooLow" in analyzed(trial, speech * np.float32(0.03))[1]
    assert not {"clippingDetected", "volumeTooLow"} & set(analyzed(trial, speech)[1])


def test_ratio_is_the_same_at_every_rate(trial: Trial, speech: Samples) -> None:
    import soxr

    ratios = [
        analyzed(trial, soxr.resample(speech, RATE, rate), rate)[0]["speechRatio"] for rate in (8_000, 16_000, 44_100)
    ]
    assert max(ratios) - min(ratios) < 6


def test_engine_conforms_with_its_real_model(equipment: Equipment, trial: Trial) -> None:
    copy = trial.folder.parent / "engines" / "audio_analysis" / SILERO_VAD
    kept_out = shutil.ignore_patterns("venv", "external_models", "samples", "__pycache__", "tests")
    shutil.copytree(ENGINES, trial.folder.parent / "engines", ignore=kept_out)
    shutil.rmtree(copy / "models", ignore_errors=True)
    shutil.copytree(equipment.speech_detector, copy / "external_models" / "default")
    results = list(check_engine(copy))
    assert [(one.check, one.found) for one in results if one.outcome in ("failed", "unchecked")] == []
