"""The requests and answers of OpenAI's audio API, as far as it is about speech."""

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

LONGEST_TIMED = 20_000
"""Characters of a text whose audio is sent in one piece: some 25 minutes, which the memory has to hold."""


def _voice_name(value: Any) -> Any:
    """Return the name of a voice that is given as {"id": name}."""
    return value.get("id") if isinstance(value, dict) else value


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a number from 0.25 to 4")
    return value


class SpeechRequest(BaseModel):
    """Text to speak."""

    model_config = ConfigDict(extra="ignore")  # such as `instructions`, which Kokoro cannot follow

    model: str = Field(max_length=200)
    input: str = Field(min_length=1)
    voice: Annotated[str, BeforeValidator(_voice_name), Field(max_length=500)]
    response_format: Format = "mp3"
    speed: Annotated[float, BeforeValidator(_finite), Field(ge=0.25, le=4.0)] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"


class TimestampsRequest(SpeechRequest):
    """Text to speak in one piece, with the times of its words."""

    input: str = Field(min_length=1, max_length=LONGEST_TIMED)
    response_format: Format = "wav"


class TimedWord(BaseModel):
    """A word of the text: seconds from the start of the audio, and its first character and the one after it."""

    model_config = ConfigDict(populate_by_name=True)

    word: str
    start: float
    end: float
    written_start: int = Field(alias="from")
    written_end: int = Field(alias="to")


class Timestamps(BaseModel):
    """Audio, and when its words are spoken."""

    audio: str
    """In base64."""
    format: Format
    duration: float
    """Seconds."""
    estimated: bool
    """Whether the model did not tell how long its tokens sound."""
    words: list[TimedWord]


class Model(BaseModel):
    """A model that speaks."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "storyflow"


class Models(BaseModel):
    """The list of models."""

    object: Literal["list"] = "list"
    data: list[Model]


class Voice(BaseModel):
    """A voice of the current model, and its language."""

    id: str
    name: str
    language: str


class Voices(BaseModel):
    """The voices of the current model."""

    voices: list[Voice]
