"""The requests and answers of OpenAI's audio API, as far as it is about listening."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]


class TranscriptionRequest(BaseModel):
    """A form with a recording; the file itself is not here."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)  # such as `stream`, as OpenAI's whisper-1 does

    model: str = Field(max_length=200)
    language: str = Field("", max_length=20)
    prompt: str = Field("", max_length=10_000)
    response_format: TranscriptFormat = "json"
    temperature: float = Field(0.0, ge=0, le=1)
    timestamp_granularities: list[Literal["word", "segment"]] = Field([], alias="timestamp_granularities[]")


class Usage(BaseModel):
    """What a bill would be made of."""

    type: Literal["duration"] = "duration"
    seconds: float


class Transcript(BaseModel):
    """What is said."""

    text: str
    usage: Usage


class TranscriptWord(BaseModel):
    """A word without the marks beside it, and when it is said, in seconds."""

    word: str
    start: float
    end: float


class TranscriptSegment(BaseModel):
    """A sentence, with Whisper's own figures."""

    id: int
    seek: int
    """Where it starts, in hundredths of a second."""
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float


class VerboseTranscript(Transcript):
    """What is said, with times."""

    task: Literal["transcribe"] = "transcribe"
    language: str
    """Whisper's code."""
    duration: float
    """Seconds."""
    segments: list[TranscriptSegment] | None = None
    words: list[TranscriptWord] | None = None
