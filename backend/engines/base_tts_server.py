"""BaseTTSServer: the base class of speaking engines, which adds /generate and the speaker samples."""

import asyncio
import logging
import time
from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from engines.base_server import BaseEngineServer
from engines.contract.errors import EngineError, RequestError
from engines.contract.wav import PCM, WavError, read_wav_format
from engines.contract.wire import GenerateRequest, SamplesCheckRequest, SamplesCheckResponse, SampleUploadResponse

logger = logging.getLogger(__name__)

SAVED_AT_ONCE = 4  # uploads of samples; the other threads are for other requests
_WAV = {"content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}, "description": "The WAV file."}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("audio/wav", "application/octet-stream")
        },
    }
}


class BaseTTSServer(BaseEngineServer):
    """An engine that turns text into a WAV file."""

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._sample_rate: int | None = None  # of the first answer; all others must have the same
        self._saving = asyncio.Semaphore(SAVED_AT_ONCE)

    @abstractmethod
    def generate_audio(self, text: str, language: str, speaker_wav: list[Path], parameters: dict[str, Any]) -> bytes:
        """Speak `text` and return a 16-bit PCM mono WAV, always at the same rate (`engines.contract.wav.pcm16_wav`).

        `language` is one of engine.yaml's supported_languages, `speaker_wav` the files of the requested samples,
        `parameters` has every parameter of engine.yaml with a valid value. Raise RequestError for a text that cannot
        be spoken.
        """

    def add_routes(self, app: FastAPI) -> None:
        """Add the routes of speaking engines."""
        super().add_routes(app)
        app.post("/generate", response_class=Response, responses={200: _WAV})(self._generate)
        app.post("/samples/check", response_model=SamplesCheckResponse)(self._check_samples)
        upload = app.post(
            "/samples/upload/{sample_id:path}", response_model=SampleUploadResponse, openapi_extra=_UPLOAD
        )
        upload(self._upload_sample)

    async def _generate(self, request: Request, body: GenerateRequest) -> Response:
        """Speak the text; answer with a WAV file."""
        self.require_model()
        work = await run_in_threadpool(self._checked_work, body)
        started = time.monotonic()
        audio = await self.perform(request, work)
        logger.info(
            "Spoke %d characters (%s) in %.2f s: %d bytes.",
            len(body.text),
            body.language[:20],
            time.monotonic() - started,
            len(audio),
        )
        return Response(audio, media_type="audio/wav")

    def _checked_work(self, body: GenerateRequest) -> "partial[bytes]":
        """Return the work for the request `body`; raise RequestError or NotFoundError if it is invalid."""
        self.config.check_text(body.text, "Use text segmentation to split it.")
        language = self.config.supported_language(body.language)
        samples = self.samples.resolve(body.tts_speaker_wav)
        if self.config.supports("speaker_cloning") and not samples:
            raise RequestError(
                f"{self.config.display_name} requires speaker samples for voice cloning. Choose a speaker."
            )
        parameters = self.config.checked_parameters(body.parameters)
        return partial(self._checked_audio, body.text, language, samples, parameters)

    def _checked_audio(self, text: str, language: str, samples: list[Path], parameters: dict[str, Any]) -> bytes:
        """Return the engine's audio if it has the format that the client can join; raise EngineError otherwise."""
        audio = self.generate_audio(text, language, samples, parameters)
        try:
            form = read_wav_format(audio)
        except WavError as error:
            raise EngineError(f"The engine did not return a WAV file: {error}") from error
        rate = self._sample_rate or form.sample_rate
        if (form.encoding, form.bits, form.channels, form.sample_rate) != (PCM, 16, 1, rate):
            raise EngineError(f"The engine returned {form}, but the client needs 16-bit PCM, mono, {rate} Hz.")
        self._sample_rate = rate
        return audio

    def _check_samples(self, body: SamplesCheckRequest) -> SamplesCheckResponse:
        """List the samples that must be uploaded."""
        return SamplesCheckResponse(missing=self.samples.missing(body.sample_ids))

    async def _upload_sample(self, sample_id: str, request: Request) -> SampleUploadResponse:
        """Store the WAV file in the body as `sample_id`."""
        data = await request.body()  # before taking the lock, so that a slow upload blocks no other
        async with self._saving:
            await run_in_threadpool(self.samples.save, sample_id, data)
        logger.info("Stored sample '%s' (%d bytes).", sample_id, len(data))
        return SampleUploadResponse(sample_id=sample_id)
