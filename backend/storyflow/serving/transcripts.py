"""What the listening engine heard, in the formats of OpenAI's API."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel

from core_engine.kokoro.speech.timings import TimedPassage
from storyflow.captions.cues import cues_of
from storyflow.captions.formats import FORMATS
from storyflow.captions.units import Spoken
from storyflow.serving.transcription_wire import (
    Transcript,
    TranscriptFormat,
    TranscriptionRequest,
    TranscriptSegment,
    TranscriptWord,
    Usage,
    VerboseTranscript,
)

Heard = dict[str, Any]
"""What the engine answers on /transcribe."""

_WITHOUT_TIMES = ("json", "text")
_MEDIA_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt"}


def needs_times(request: TranscriptionRequest) -> bool:
    """Return whether the answer has times."""
    return request.response_format not in _WITHOUT_TIMES


def transcript(request: TranscriptionRequest, heard: Heard) -> Response:
    """Return the answer to a request."""
    return _ANSWERS[request.response_format](request, heard)


def _json(_request: TranscriptionRequest, heard: Heard) -> Response:
    return _document(Transcript(text=heard["text"], usage=_usage(heard)))


def _text(_request: TranscriptionRequest, heard: Heard) -> Response:
    return PlainTextResponse(f"{heard['text']}\n")


def _verbose(request: TranscriptionRequest, heard: Heard) -> Response:
    wanted = request.timestamp_granularities or ["segment"]
    return _document(
        VerboseTranscript(
            text=heard["text"],
            usage=_usage(heard),
            language=heard["language"],
            duration=heard["duration"],
            segments=list(_segments(heard)) if "segment" in wanted else None,
            words=list(_words(heard)) if "word" in wanted else None,
        )
    )


def _captions(request: TranscriptionRequest, heard: Heard) -> Response:
    kind = request.response_format
    lines = FORMATS[kind](cues_of(map(_spoken, heard["segments"]), heard["language"]))
    return PlainTextResponse("".join(lines), media_type=_MEDIA_TYPES[kind])


_ANSWERS: dict[TranscriptFormat, Callable[[TranscriptionRequest, Heard], Response]] = {
    "json": _json,
    "text": _text,
    "srt": _captions,
    "verbose_json": _verbose,
    "vtt": _captions,
}


def _document(answer: BaseModel) -> Response:
    return JSONResponse(answer.model_dump(exclude_none=True))


def _usage(heard: Heard) -> Usage:
    return Usage(seconds=heard["duration"])


def _segments(heard: Heard) -> Iterator[TranscriptSegment]:
    for number, segment in enumerate(heard["segments"]):
        yield TranscriptSegment(
            id=number,
            seek=round(segment["start"] * 100),
            start=segment["start"],
            end=segment["end"],
            text=segment["text"],
            tokens=segment["tokens"],
            temperature=segment["temperature"],
            avg_logprob=segment["avgLogprob"],
            compression_ratio=segment["compressionRatio"],
            no_speech_prob=segment["noSpeechProb"],
        )


def _words(heard: Heard) -> Iterator[TranscriptWord]:
    for segment in heard["segments"]:
        for word in segment["words"]:
            yield TranscriptWord(word=_without_marks(word["word"]), start=word["start"], end=word["end"])


def _without_marks(word: str) -> str:
    """Return a word without the punctuation around it, as OpenAI has it; "$5" and "100%" keep their signs."""
    spoken = [place for place, character in enumerate(word) if character.isalnum() or character in _SPOKEN_SIGNS]
    return word[spoken[0] : spoken[-1] + 1] if spoken else word


_SPOKEN_SIGNS = "$€£¥%°&@#+"


def _spoken(segment: dict[str, Any]) -> Spoken:
    """Return a segment for the captions, each of its words with its place in the text."""
    text, words, position = segment["text"], [], 0
    for word in segment["words"]:
        start = text.index(word["word"], position)
        position = start + len(word["word"])
        words.append(TimedPassage(word["word"], word["start"], word["end"], start, position))
    return Spoken(text, words, 0.0)
