"""What listening engines answer: /analyze."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engines.base_quality_server import Analysis, AnalysisTask, BaseQualityServer
from engines.contract.wav import pcm16_wav
from engines.contract.wire import QualityField, QualityIssue
from engines.tests.scripted_engine import make_folder, serving

SOUND = pcm16_wav(b"\0\1" * 1000, 16_000)


class Judge(BaseQualityServer):
    """Finds what a test tells it."""

    score = 90
    task: AnalysisTask | None = None

    def load_model(self, model_name: str) -> None:
        """Do nothing."""

    def unload_model(self) -> None:
        """Do nothing."""

    def analyze_audio(self, task: AnalysisTask) -> Analysis:
        self.task = task
        fields = [QualityField(key="transcription", value="x" * 500, type="text")]
        issue = QualityIssue(text="wordMismatch", severity="warning", details={"expected_word": "a"})
        return Analysis(self.score, "whisperTranscription", fields, {"textDeviations": [issue]})


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(make_folder(tmp_path_factory.mktemp("judge") / "judge", engine_type="stt"))


@pytest.fixture(scope="module")
def listening(judge: Judge) -> Iterator[httpx.Client]:
    with serving(judge) as client:
        client.post("/load", json={"engineModelName": "default"})
        yield client


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_analyze_answers_labels_fields_and_blocks(listening: httpx.Client, judge: Judge) -> None:
    judge.score = 90
    answer = listening.post("/analyze", json={"audioBase64": encoded(SOUND)}).json()
    assert (answer["engineType"], answer["engineName"]) == ("stt", "scripted")
    assert (answer["qualityScore"], answer["qualityStatus"]) == (90, "perfect")
    assert answer["details"] == {
        "topLabel": "whisperTranscription",
        "fields": [{"key": "transcription", "value": "x" * 100, "type": "text"}],
        "infoBlocks": {
            "textDeviations": [{"text": "wordMismatch", "severity": "warning", "details": {"expected_word": "a"}}]
        },
    }


@pytest.mark.parametrize(
    ("score", "status"), [(100, "perfect"), (85, "perfect"), (84, "warning"), (70, "warning"), (69, "defect")]
)
def test_analyze_status_follows_from_the_score(listening: httpx.Client, judge: Judge, score: int, status: str) -> None:
    judge.score = score
    assert listening.post("/analyze", json={"audioBase64": encoded(SOUND)}).json()["qualityStatus"] == status


def test_analyze_understands_snake_case_and_defaults(listening: httpx.Client, judge: Judge) -> None:
    thresholds = {"speech_ratio_ideal_min": 60, "unknown": 1}
    rules = [{"pattern": "a", "replacement": "b", "is_regex": True}]
    body = {"audio_base64": encoded(SOUND), "quality_thresholds": thresholds, "pronunciation_rules": rules}
    assert listening.post("/analyze", json=body).status_code == 200
    assert judge.task
    assert judge.task.thresholds.speech_ratio_ideal_min == 60
    assert judge.task.thresholds.max_silence_duration_critical == 3750
    assert judge.task.pronunciation_rules[0].is_regex
    assert judge.task.pronunciation_rules[0].is_active
    assert judge.task.language == "en"


def test_analyze_takes_null_for_the_default_language(listening: httpx.Client, judge: Judge) -> None:
    assert listening.post("/analyze", json={"audioBase64": encoded(SOUND), "language": None}).status_code == 200
    assert judge.task
    assert judge.task.language == "en"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "Either audio_base64 or audio_path must be provided"),
        ({"audioBase64": ""}, 400, "Audio data is empty"),
        ({"audioBase64": encoded(b"RIFF")}, 400, "Audio data too small to be valid WAV"),
        ({"audioBase64": encoded(bytes(100))}, 400, "Invalid audio format: expected WAV file"),
        ({"audioBase64": "AAA"}, 400, "not valid base64"),
        ({"audioBase64": "é" * 8}, 400, "not valid base64"),
        ({"audioBase64": 5}, 400, "field 'audioBase64'"),
        ({"audioBase64": encoded(SOUND), "qualityThresholds": {"maxClippingPeak": "loud"}}, 400, "maxClippingPeak"),
        ({"audioPath": "nobody.wav"}, 404, "Audio file not found: nobody.wav"),
        ({"audioPath": "/etc/passwd"}, 404, "Audio file not found: /etc/passwd"),
        ({"audioPath": "../engine.yaml"}, 404, "Audio file not found: ../engine.yaml"),
        ({"audioPath": "a\0b"}, 404, "Audio file not found"),
        ({"audioPath": "x" * 5000}, 404, "Audio file not found"),
    ],
)
def test_analyze_refusal(listening: httpx.Client, body: dict[str, Any], status: int, detail: str) -> None:
    answer = listening.post("/analyze", json=body)
    assert answer.status_code == status
    assert detail in answer.json()["detail"]


def test_analyze_reads_paths_below_the_samples_folder_only(listening: httpx.Client, judge: Judge) -> None:
    judge.samples_dir.mkdir(exist_ok=True)
    (judge.samples_dir / "a.wav").write_bytes(SOUND)
    (judge.base_path / "outside.wav").write_bytes(SOUND)
    (judge.samples_dir / "out.wav").symlink_to(judge.base_path / "outside.wav")
    assert listening.post("/analyze", json={"audioPath": "a.wav"}).status_code == 200
    assert listening.post("/analyze", json={"audioPath": "out.wav"}).status_code == 404


def test_analyze_without_a_model_is_400(tmp_path: Path) -> None:
    with serving(Judge(make_folder(tmp_path / "judge", engine_type="audio"))) as client:
        assert client.post("/analyze", json={"audioBase64": encoded(SOUND)}).json()["detail"] == "Model not loaded"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs as Unix has them")
def test_analyze_of_a_fifo_is_404_at_once(listening: httpx.Client, judge: Judge) -> None:
    judge.samples_dir.mkdir(exist_ok=True)
    os.mkfifo(judge.samples_dir / "fifo.wav")
    answer = listening.post("/analyze", json={"audioPath": "fifo.wav"})
    (judge.samples_dir / "fifo.wav").unlink()
    assert answer.status_code == 404
