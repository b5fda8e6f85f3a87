"""OpenAI's own client, unchanged, has the real voice speak and the real Whisper base write it down, on one server."""

import base64
import re
import shutil
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import webvtt

from engines.tests.real.real_engine import give
from listening.equipment import ENGINES, VOICE, Equipment
from listening.tests.bars import check_words
from listening.texts import FEW
from listening.word_errors import word_errors
from storyflow.tests.test_openai_api import served

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

MOST_PERCENT = 8
"""Highest word error rate of four sentences, where each word is three percent."""


@pytest.fixture(scope="module")
def client(equipment: Equipment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    kokoro, whisper = (tmp_path_factory.mktemp(name) for name in ("kokoro", "whisper"))
    shutil.copy(ENGINES / "tts" / "kokoro" / "engine.yaml", kokoro)
    give(equipment.model.parent, kokoro / "external_models" / VOICE)
    for name in ("engine.yaml", "server.py"):
        shutil.copy(ENGINES / "stt" / "whisper" / name, whisper)
    give(equipment.listener, whisper / "models" / "base")
    with (
        served("storyflow.serving", folder=kokoro, STORYFLOW_WHISPER_DIR=str(whisper)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0, timeout=600) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def spoken(client: openai.OpenAI) -> bytes:
    """MP3 of the sentences."""
    return client.audio.speech.create(model="tts-1", voice="nova", input=FEW).content


def test_what_the_client_has_spoken_is_transcribed(client: openai.OpenAI, spoken: bytes) -> None:
    answer = client.audio.transcriptions.create(model="whisper-1", file=("few.mp3", spoken), language="en")
    check_words(word_errors(FEW, answer.text), MOST_PERCENT)


def test_language_is_detected(client: openai.OpenAI) -> None:
    text = "El perro corre por la playa y el niño se ríe."
    sound = client.audio.speech.create(model="tts-1", voice="ef_dora", input=text).content
    answer = client.audio.transcriptions.create(model="base", file=("es.mp3", sound), response_format="verbose_json")
    assert answer.language == "es"
    assert "perro" in answer.text


def test_words_are_when_they_are_spoken(client: openai.OpenAI) -> None:
    """Beside the times of the voice itself, which are exact."""
    body = {"model": "tts-1", "voice": "nova", "input": FEW}
    exact: Any = client.post("/audio/speech/timestamps", body=body, cast_to=object)
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=("few.wav", base64.b64decode(exact["audio"])),
        language="en",
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert heard.words
    own = {plain(word["word"]): word for word in exact["words"]}
    pairs = [(word, own[plain(word.word)]) for word in heard.words if _is_once(plain(word.word), exact["words"])]
    assert len(pairs) > len(heard.words) / 3
    late = sorted(abs(word.start - other["start"]) for word, other in pairs)
    assert late[len(late) // 2] < 0.15
    assert late[-1] < 0.8


def plain(word: str) -> str:
    return re.sub(r"\W", "", word).lower()


def _is_once(word: str, words: Any) -> bool:
    return [plain(other["word"]) for other in words].count(word) == 1


def test_captions_are_those_of_the_speech(client: openai.OpenAI, spoken: bytes) -> None:
    vtt: Any = client.audio.transcriptions.create(
        model="whisper-1", file=("few.mp3", spoken), language="en", response_format="vtt"
    )
    cues = webvtt.from_string(str(vtt)).captions
    assert len(cues) >= 4
    check_words(word_errors(FEW, " ".join(cue.text for cue in cues)), MOST_PERCENT)
