"""POST /transcribe: all that is said in a recording, as text, sentences and words with their times.

It is an addition to the contract of listening engines, whose /analyze judges short recordings.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from engines.contract.errors import RequestError
from engines.contract.wire import Message, Text
from engines.stt.whisper.hearing import SAMPLE_RATE, Listener
from engines.stt.whisper.segments import Segment, segments_of
from engines.stt.whisper.transcriber import TEMPERATURES, Manner, Part, compression_ratio, heard_in

LONGEST_S = 3600
"""Seconds of a recording."""
LARGEST_BYTES = 128 * 1024 * 1024
"""Of its file."""
_SPOOLED_BYTES = 1024 * 1024


class TranscribeQuery(Message):
    """How to listen, in the query; the body is the recording."""

    language: Text = Field("", max_length=20)
    """A code of any application; it is detected if empty or unknown."""
    prompt: Text = Field("", max_length=10_000)
    """What was said before, or words to expect."""
    temperature: float = Field(0.0, ge=0, le=1)
    """0 tries higher ones by itself where it has to."""
    times: bool = True
    """Whether segments and words are wanted: they take a little longer."""


class TranscribedWord(Message):
    """A word with the marks beside it, and when it is said, in seconds."""

    word: str
    start: float
    end: float


class TranscribedSegment(Message):
    """A sentence, or the part of one that was heard at once, with Whisper's own figures for that part."""

    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: list[TranscribedWord]


class TranscribeResponse(Message):
    """What is said."""

    text: str
    language: str
    """Whisper's code; empty if there was nothing to hear and none was given."""
    duration: float
    """Seconds."""
    segments: list[TranscribedSegment]


@dataclass(frozen=True)
class Passage:
    """What was said in half a minute at most."""

    text: str
    language: str
    segments: list[TranscribedSegment]


def manner_of(query: TranscribeQuery, language: str | None) -> Manner:
    """Return how a request wants to be listened to; `language` is Whisper's code."""
    return Manner(language, query.prompt, (query.temperature,) if query.temperature else TEMPERATURES)


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[IO[bytes]]:
    """Yield the body as a file; raise RequestError if it is empty."""
    with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        async for data in request.stream():
            await run_in_threadpool(file.write, data)
        if not file.tell():
            raise RequestError("The recording is empty. Send the file as the body.")
        file.seek(0)
        yield file


def passages_in(listener: Listener, part: Part, manner: Manner, times: bool) -> list[Passage]:
    """Return what is said in a part of a recording. What the model computed, megabytes for each piece, is not kept."""
    return [
        Passage(
            piece.text,
            piece.language,
            [_segment(segment) for segment in (segments_of(listener, piece) if times else ())],
        )
        for piece in heard_in(listener, part, manner)
    ]


def answer(passages: list[Passage], language: str | None, samples: int) -> TranscribeResponse:
    """Return the answer for what was heard in so many samples at SAMPLE_RATE."""
    return TranscribeResponse(
        text=" ".join(passage.text for passage in passages),
        language=passages[0].language if passages else language or "",
        duration=samples / SAMPLE_RATE,
        segments=[segment for passage in passages for segment in passage.segments],
    )


def _segment(segment: Segment) -> TranscribedSegment:
    decoded = segment.piece.decoded
    words = [
        TranscribedWord(word=word.text.strip(), start=round(word.start, 2), end=round(word.end, 2))
        for word in segment.words
    ]
    return TranscribedSegment(
        start=words[0].start,
        end=words[-1].end,
        text=segment.text,
        tokens=list(segment.tokens),
        temperature=segment.piece.temperature,
        avg_logprob=decoded.mean_log_probability,
        compression_ratio=compression_ratio(decoded.text),
        no_speech_prob=decoded.no_speech,
        words=words,
    )
