"""The answers of /v1/audio/speech: encoded audio while it is made, or server-sent events with it."""

import base64
import json
from collections.abc import AsyncGenerator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from core_engine.kokoro.model.inference import Audio
from storyflow.serving.encoding import MEDIA_TYPES, Encoder, encoder
from storyflow.serving.wire import SpeechRequest


class Streamed(StreamingResponse):
    """A streamed answer; the work behind it ends with it, also if the client goes away."""

    def __init__(self, content: AsyncGenerator[bytes, None], media_type: str) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
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
    finally:
        await content.aclose()


def _event(document: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(document)}\n\n".encode()
