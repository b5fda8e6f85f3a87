"""The answers of /v1/audio/speech: encoded audio while it is made, or server-sent events with it."""

import base64
import json
import logging
from collections.abc import AsyncGenerator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from core_engine.audio_utils import encode_wav, normalize_audio
from core_engine.kokoro.model.inference import Audio
from core_engine.kokoro.speech.synthesis import Speech
from core_engine.kokoro.speech.timings import TimedPassage, timings_of
from core_engine.reading.aloud import Reading
from engines.contract.errors import as_engine_error
from engines.serving.connections import IS_STREAM
from storyflow.serving.encoding import MEDIA_TYPES, Encoder, encoder
from storyflow.serving.errors import error_document
from storyflow.serving.wire import SpeechRequest, TimedWord, Timestamps, TimestampsRequest

logger = logging.getLogger(__name__)

SPEECH_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio.", "content": {kind: {} for kind in (*MEDIA_TYPES.values(), "text/event-stream")}}
}
"""For the OpenAPI description."""


class Streamed(StreamingResponse):
    """A streamed answer; the work behind it ends with it, also if the client goes away."""

    def __init__(self, content: AsyncGenerator[bytes, None], media_type: str) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; if it fails, it ends incomplete: the web server cuts the connection."""
        scope.setdefault("state", {})[IS_STREAM] = True
        try:
            await super().__call__(scope, receive, send)
        except ClientDisconnect:
            logger.debug("The client disconnected while it was answered.")
        except Exception as error:  # the status has been sent, so it is too late for the handlers of errors
            logger.error("The answer ends too early: %s", as_engine_error(error))
            logger.debug("The answer ends too early:", exc_info=True)
        finally:
            await self._content.aclose()


async def speech_answer(body: SpeechRequest, pieces: AsyncGenerator[Audio, None]) -> Streamed:
    """Return the answer to a request once its first piece is ready, so that errors until then have their status.

    Raises what `pieces` raises, and RequestError for a format that is not available.
    """
    encoded = _encoded(encoder(body.response_format), pieces)
    try:
        first = await anext(encoded)
    except BaseException:
        await encoded.aclose()
        raise
    content = _beginning_with(first, encoded)
    if body.stream_format == "sse":
        return Streamed(_events(content, len(body.input)), "text/event-stream")
    return Streamed(content, MEDIA_TYPES[body.response_format])


def timestamps_answer(body: TimestampsRequest, speech: Speech, reading: Reading) -> Timestamps:
    """Return the answer with all audio at the level of a file, and its words; raises as `encoder` does."""
    samples = normalize_audio(speech.audio)
    if body.response_format == "wav":
        audio = encode_wav(samples, speech.sample_rate)  # its size is known here
    else:
        form = encoder(body.response_format)
        audio = form.encode(samples) + form.end()
    times = timings_of(speech, reading)
    return Timestamps(
        audio=base64.b64encode(audio).decode(),
        format=body.response_format,
        duration=len(speech.audio) / speech.sample_rate,
        estimated=times.is_estimated,
        words=[_word(word) for word in times.words],
    )


def _word(word: TimedPassage) -> TimedWord:
    where = {"from": word.written_start, "to": word.written_end}
    return TimedWord(word=word.text, start=round(word.start, 5), end=round(word.end, 5), **where)


async def _encoded(form: Encoder, pieces: AsyncGenerator[Audio, None]) -> AsyncGenerator[bytes, None]:
    try:
        async for piece in pieces:
            if data := form.encode(piece):
                yield data
        yield form.end()
    finally:
        await pieces.aclose()


async def _beginning_with(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for data in rest:
            yield data
    finally:
        await rest.aclose()


async def _events(content: AsyncGenerator[bytes, None], characters: int) -> AsyncGenerator[bytes, None]:
    """Yield the events of OpenAI's API; the tokens that it counts are characters here."""
    try:
        async for data in content:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
        usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
        yield _event({"type": "speech.audio.done", "usage": usage})
    except Exception as error:
        failure = as_engine_error(error)
        yield _event(error_document(failure.status, str(failure)))
        raise
    finally:
        await content.aclose()


def _event(document: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(document)}\n\n".encode()
