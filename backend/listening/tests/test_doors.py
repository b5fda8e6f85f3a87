"""Every interface makes intelligible speech: the function, the commands, the engine, and blends."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

import engines
from engines.conformance.trial import trial_of
from engines.tests.real.real_engine import give
from listening.equipment import VOICE, Equipment
from listening.listener import Listener, Recording
from listening.tests.bars import check_nothing_lost_or_doubled, check_pace, check_words
from listening.texts import FEW
from listening.word_errors import word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

KOKORO = Path(engines.__file__).parent / "tts" / "kokoro"
MOST_PERCENT = 8
"""Highest word error rate of four sentences, where each word is three percent."""
BLEND = "af_bella*0.6+bm_george*0.4"


def check(listener: Any, text: str, recording: Any) -> None:
    errors = word_errors(text, listener.hear(recording))
    check_words(errors, MOST_PERCENT)
    check_nothing_lost_or_doubled(errors)
    check_pace(text, recording)


def test_say(storyflow: Callable[..., str], listener: Listener, tmp_path: Path) -> None:
    storyflow("say", FEW, "--voice", "bf_emma", "--output", tmp_path / "said.wav")
    check(listener, FEW, Recording.read(tmp_path / "said.wav"))


def test_blend_of_voices(storyflow: Callable[..., str], listener: Listener, tmp_path: Path) -> None:
    storyflow("say", FEW, "--voice", BLEND, "--output", tmp_path / "said.wav")
    check(listener, FEW, Recording.read(tmp_path / "said.wav"))


def test_engine_answers_over_http(equipment: Equipment, listener: Listener) -> None:
    with trial_of(KOKORO) as trial:
        give(equipment.model.parent, trial.external_models_dir / VOICE)
        trial.start()
        assert trial.post("/load", {"engineModelName": f"{VOICE}.am_michael"}).status == 200
        answer = trial.post("/generate", {"text": FEW, "language": "en"})
        assert answer.status == 200, answer.body
    audio, sample_rate = soundfile.read(io.BytesIO(answer.body), dtype="float32")
    check(listener, FEW, Recording(audio, sample_rate))
