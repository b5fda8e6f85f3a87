"""Whisper base itself, on openai-whisper and on faster-whisper: the same file judges the real voice.

The weights are those of the listening tests, brought into the library's own format.
"""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engines
from core_engine.kokoro.speech.synthesis import Kokoro
from engines.speech.sound import wav_of
from engines.tests.real.conftest import MakeEngine
from engines.tests.real.published_whisper import write_published
from engines.tests.real.real_engine import BUILD, RealEngine, python_of
from engines.tests.support import field
from listening.equipment import Equipment, EquipmentMissingError, installed
from listening.word_errors import words_of

pytest.importorskip("onnxruntime")

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

ENGINE = "stt/whisper"
RATE = 24_000
TEXT = "The air smelled of leaves and wet earth, and far away a dog was barking at the moon."
HARE = "A hare was making fun of the tortoise one day for being so slow."


@pytest.fixture(scope="module")
def equipment() -> Equipment:
    """The real voice and the weights."""
    try:
        return installed()
    except EquipmentMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def published(equipment: Equipment) -> Path:
    """Whisper base as a .pt file, kept below build/."""
    python_of(ENGINE)
    path = BUILD / ENGINE / "published" / "base.pt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_published(equipment.listener, path)
    return path


@pytest.fixture(scope="module")
def speak(equipment: Equipment) -> Callable[[str], "np.ndarray"]:
    """Return speak(text), samples at RATE by the real voice, each text spoken once."""
    voice, spoken = Kokoro.load(equipment.model), dict[str, np.ndarray]()

    def say(text: str) -> "np.ndarray":
        if text not in spoken:
            audio = voice.speak(text, "af_heart").audio
            spoken[text] = np.asarray(audio * (0.89 / np.abs(audio).max()), np.float32)
        return spoken[text]

    return say


@pytest.fixture(scope="module", params=["openai-whisper", "faster-whisper"])
def listening(request: pytest.FixtureRequest, shared_real_engine: MakeEngine, published: Path) -> RealEngine:
    """The server with that file, on either library."""
    engine = shared_real_engine(ENGINE)
    shutil.copy(published, engine.external_models_dir / "base.pt")
    if request.param == "faster-whisper":
        pytest.importorskip("faster_whisper")
        # The tests' own environment has it; the vocabulary comes from the engine's, from which nothing is imported.
        (packages,) = (engine.folder / "venv").glob("lib/*/site-packages")
        only = engine.folder / "vocabulary"
        (only / "whisper").mkdir(parents=True)
        shutil.copy(packages / "whisper" / "__init__.py", only / "whisper")
        shutil.copytree(packages / "whisper" / "assets", only / "whisper" / "assets")
        engine.python = sys.executable
        engine.environment["PYTHONPATH"] += f"{os.pathsep}{only}"
    engine.start()
    assert engine.load_named("base") == 200, engine.refusal
    return engine


def analyze(engine: RealEngine, samples: "np.ndarray", expected: str) -> dict[str, Any]:
    body = {"audioBase64": base64.b64encode(wav_of(samples, RATE)).decode(), "expectedText": expected, "language": "en"}
    answer = engine.post("/analyze", body)
    assert answer.status == 200, answer.body
    return dict(answer.json())


def faults(answer: dict[str, Any], block: str) -> list[str]:
    issues = answer["details"]["infoBlocks"].get(block, [])
    return [issue["text"] for issue in issues if issue["severity"] != "info"]


@pytest.mark.parametrize("text", [TEXT, HARE, "Well… one, two, three, go!"])
def test_right_text_is_perfect(listening: RealEngine, speak: Callable[[str], "np.ndarray"], text: str) -> None:
    answer = analyze(listening, speak(text), text)
    assert answer["qualityStatus"] == "perfect", answer
    assert faults(answer, "textDeviations") == faults(answer, "audioIssues") == []


@pytest.mark.parametrize(
    ("spoken", "issue"),
    [
        (TEXT.replace("barking ", ""), "incompleteTranscription"),
        (TEXT.replace("leaves", "leaves leaves"), "wordMismatch"),
        (TEXT.replace("earth", "paper"), "wordMismatch"),
    ],
)
def test_one_wrong_word_is_a_warning(
    listening: RealEngine, speak: Callable[[str], "np.ndarray"], spoken: str, issue: str
) -> None:
    answer = analyze(listening, speak(spoken), TEXT)
    assert (answer["qualityStatus"], faults(answer, "textDeviations")) == ("warning", [issue]), answer
    assert faults(answer, "audioIssues") == []


def test_other_sentence_and_silence_are_defects(listening: RealEngine, speak: Callable[[str], "np.ndarray"]) -> None:
    assert analyze(listening, speak(TEXT), HARE)["qualityStatus"] == "defect"
    answer = analyze(listening, 0 * speak(TEXT), TEXT)
    assert (answer["qualityScore"], field(answer, "transcription")) == (0, "")


def test_words_are_heard_when_they_are_said(listening: RealEngine, speak: Callable[[str], "np.ndarray"]) -> None:
    lead = np.zeros(2 * RATE, np.float32)
    sound = np.concatenate([lead, speak(TEXT), lead, speak(HARE)])
    answer = listening.post("/transcribe?language=en", wav_of(sound, RATE), {"Content-Type": "audio/wav"})
    assert answer.status == 200, answer.body
    first, second = answer.json()["segments"]
    # Word by word: the marks are the listener's guess.
    assert [words_of(first["text"]), words_of(second["text"])] == [words_of(TEXT), words_of(HARE)]
    assert 1.5 < first["words"][1]["start"] < 3.0, "after the pause; the first word may take some of it"
    assert first["end"] == pytest.approx((len(lead) + len(speak(TEXT))) / RATE, abs=0.6)
    assert second["words"][1]["start"] == pytest.approx((2 * len(lead) + len(speak(TEXT))) / RATE + 0.4, abs=0.6)


def test_converted_model_is_kept_in_the_mount_by_its_digest(listening: RealEngine) -> None:
    kept = sorted((listening.external_models_dir / ".cache").glob("base-ct2-*"))
    assert len(kept) == (listening.python == sys.executable)
    assert listening.load_named("base") == 200
    names = [model["name"] for model in listening.get("/models").json()["models"]]
    assert names.count("base") == 1
    assert listening.network_notes == []


def test_environment_for_cpus_has_no_triton() -> None:
    """A gigabyte that PyTorch without a GPU never imports."""
    code = (
        "import torch, sys, importlib.util as u; sys.exit(torch.version.cuda is None and bool(u.find_spec('triton')))"
    )
    assert subprocess.run([str(python_of(ENGINE)), "-c", code], timeout=120).returncode == 0
    assert Path(engines.__file__).with_name("scripts").joinpath("drop_triton.py").is_file()
