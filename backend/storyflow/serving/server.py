"""The kokoro engine with the routes of OpenAI's audio API: what `storyflow serve` without a name starts."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.languages import V0_19, language_of
from core_engine.kokoro.model.inference import Audio, Sound
from core_engine.kokoro.speech.streaming import steps
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.voice.packs import check_installed
from core_engine.model_choice import best_model
from core_engine.model_paths import BUILT_IN
from core_engine.reading.aloud import read_aloud
from core_engine.reading.scene_breaks import SCENE_BREAK_S, is_scene_break
from engines.contract.errors import BusyError, NotFoundError, RequestError, loaded
from engines.serving.app import until_gone
from engines.serving.guards import BODIES, Accepted, Exposure
from engines.serving.process import Options
from engines.tts.kokoro.server import KokoroServer
from storyflow.hosting.opening import exposure_at
from storyflow.serving import openai_names, transcriptions
from storyflow.serving.answers import SPEECH_ANSWERS, Streamed, speech_answer, timestamps_answer
from storyflow.serving.errors import OpenAIErrors, body_at
from storyflow.serving.listener import Listener
from storyflow.serving.speaking import Stage
from storyflow.serving.transcriptions import Transcriptions
from storyflow.serving.wire import Model, Models, SpeechRequest, Timestamps, TimestampsRequest, Voice, Voices

SLOWEST, FASTEST = 0.5, 2.0


class NarrationServer(KokoroServer):
    """Speaks for programs that know OpenAI's audio API."""

    default_port = 8880
    bodies: ClassVar[Mapping[str, Accepted]] = {**BODIES, transcriptions.PATH: transcriptions.BODY}

    def __init__(self, base_path: Path | None = None, listener: Listener | None = None) -> None:
        """Read the kokoro engine in the folder `base_path`, by default the working folder; `listener` transcribes."""
        super().__init__(base_path or Path.cwd())
        self._transcriptions = Transcriptions(listener)
        self._stage = Stage(self._submitted)
        self._started = int(time.time())

    @classmethod
    def exposure_of(cls, options: Options) -> Exposure:
        """Return who can access the server; raise StartError if it would be open to the network by mistake."""
        return exposure_at(options.host, options.token or os.environ.get("STORYFLOW_API_KEY"))

    def create_app(self, exposure: Exposure | None = None) -> FastAPI:
        """Return the web application."""
        app = super().create_app(exposure)
        app.add_middleware(OpenAIErrors)
        return app

    @staticmethod
    def error_body(path: str | None, status: int, message: str) -> dict[str, Any]:
        """Return the body of an error that is answered before any route, in OpenAI's shape below /v1."""
        return body_at(path, status, message)

    def add_routes(self, app: FastAPI) -> None:
        """Add the routes of OpenAI's API to those of the engine."""
        super().add_routes(app)
        app.post("/v1/audio/speech", response_class=StreamingResponse, responses=SPEECH_ANSWERS)(self._speech)
        app.post("/v1/audio/speech/timestamps", response_model=Timestamps)(self._timestamps)
        app.get("/v1/audio/voices", response_model=Voices)(self._voices)
        app.get("/v1/models", response_model=Models)(self._openai_models)
        app.get("/v1/models/{name:path}", response_model=Model)(self._openai_model)
        self._transcriptions.add_routes(app)

    def close(self) -> None:
        """Accept no more work, and end the listening engine."""
        super().close()
        self._transcriptions.close()

    async def _speech(self, request: Request, body: SpeechRequest) -> Streamed:
        """Speak the text; the answer begins when its first sentence is spoken."""
        kokoro = await self._kokoro_for(body.model)
        voice = _voice(body.voice, kokoro)
        speed = min(max(body.speed, SLOWEST), FASTEST)
        if is_scene_break(body.input):
            return await speech_answer(body, _silence())
        pieces = self._stage.pieces(steps(kokoro, body.input, voice, speed), speed)
        return await until_gone(speech_answer(body, pieces), request)

    async def _timestamps(self, request: Request, body: TimestampsRequest) -> Timestamps:
        """Speak the text; the answer is complete when all of it is spoken."""
        kokoro = await self._kokoro_for(body.model)
        voice = _voice(body.voice, kokoro)
        reading = await run_in_threadpool(read_aloud, body.input, kokoro.language(voice).code)
        speed = min(max(body.speed, SLOWEST), FASTEST)
        speech = await until_gone(self._stage.whole(kokoro, reading, voice, speed), request)
        return await run_in_threadpool(timestamps_answer, body, speech, reading)

    async def _voices(self) -> Voices:
        """List the voices of the loaded model, and OpenAI's names for them."""
        kokoro = await self._kokoro_for(None)
        version = kokoro.version or V0_19
        spoken = {name: openai_names.voice_named(name, kokoro.voices) for name in openai_names.VOICES}
        spoken |= {voice: voice for voice in sorted(kokoro.voices)}
        return Voices(
            voices=[
                Voice(id=name, name=voice, language=language_of(voice, version).code)
                for name, voice in spoken.items()
                if voice in kokoro.voices
            ]
        )

    def _openai_models(self) -> Models:
        """List OpenAI's names and the installed models."""
        names = [*self._model_names(), *self._transcriptions.model_names]
        return Models(data=[self._described_model(name) for name in names])

    def _openai_model(self, name: str) -> Model:
        """Describe one model."""
        if name not in self._transcriptions.model_names:
            self._check_known(name)
        return self._described_model(name)

    def _described_model(self, name: str) -> Model:
        return Model(id=name, created=self._started)

    def _model_names(self) -> list[str]:
        return [*openai_names.MODELS, *sorted(self.store.complete())]

    def _check_known(self, name: str) -> None:
        if name not in self._model_names():
            raise NotFoundError(f"The model '{name[:100]}' does not exist. GET /v1/models lists the models.")

    async def _kokoro_for(self, model: str | None) -> Kokoro:
        """Return the requested model, loaded; for None and OpenAI's names the current one, or the best installed."""
        name = await run_in_threadpool(self._name_for, model)
        if name != self.current_model:
            done = await run_in_threadpool(self._loader.request, name)
            await asyncio.shield(asyncio.wrap_future(done))
        kokoro = self._kokoro
        if name != self.current_model:
            raise BusyError("Another client has loaded another model at the same time. Retry in a moment.")
        return loaded(kokoro)

    def _name_for(self, model: str | None) -> str:
        current = self.current_model
        if model is None or model in openai_names.MODELS:
            return current or self._best_installed()
        self._check_known(model)
        return current if current and self.store_name(current) == model else model

    def _best_installed(self) -> str:
        self.store.prepare()
        best = best_model(self.external_models_dir)
        return best.name if best and best.name in self.store.complete() else BUILT_IN

    def _submitted(self, work: Callable[[], Sound]) -> "Future[Sound]":
        return self.activity.submit("processing", lambda: self._work(work), is_admitted=True)


async def _silence() -> AsyncGenerator[Audio, None]:
    yield np.zeros(round(SCENE_BREAK_S * SAMPLE_RATE), np.float32)


def _voice(asked: str, kokoro: Kokoro) -> str:
    """Return the voice for the name in a request; raise RequestError, with similar names, if there is none."""
    voice = openai_names.voice_named(asked, kokoro.voices)
    try:
        check_installed(voice, kokoro.voices)
    except VoicePackError as error:
        raise RequestError(f"{error} GET /v1/audio/voices lists them.") from error
    return voice
