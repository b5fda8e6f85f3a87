"""whisper: what a recording says, how surely, and how far that is the text it should say."""

import logging
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar

from fastapi import FastAPI, Query, Request
from starlette.concurrency import run_in_threadpool

# backend/, where the engine runs from the project; in an image the packages lie beside this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines.base_quality_server import Analysis, AnalysisTask, BaseQualityServer
from engines.contract.engine_config import model_info
from engines.contract.errors import RequestError, loaded
from engines.contract.wav import read_wav_format
from engines.contract.wire import ModelInfo
from engines.serving.guards import BODIES, Accepted
from engines.speech.offline import keep_offline
from engines.speech.sound import as_mono, read_channels
from engines.stt.whisper.hearing import SAMPLE_RATE, Listener
from engines.stt.whisper.judging import judged
from engines.stt.whisper.loading import is_model, opened
from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.recording import read_recording
from engines.stt.whisper.sound_faults import sound_faults
from engines.stt.whisper.transcriber import Manner, Part, known_language, parts_of, transcribe
from engines.stt.whisper.transcription import (
    LARGEST_BYTES,
    LONGEST_S,
    Passage,
    TranscribeQuery,
    TranscribeResponse,
    answer,
    manner_of,
    passages_in,
    received,
)
from engines.stt.whisper.verdict import verdict

logger = logging.getLogger(__name__)

_BODY = {"requestBody": {"required": True, "content": {"audio/*": {"schema": {"type": "string", "format": "binary"}}}}}


class WhisperServer(BaseQualityServer):
    """Listens with the .pt files of openai-whisper, downloaded when first loaded, or with folders of faster-whisper."""

    version = "1.0.0"
    default_port = 8767
    bodies: ClassVar[Mapping[str, Accepted]] = {**BODIES, "/transcribe": Accepted(LARGEST_BYTES)}
    model_suffixes = (".pt",)
    model_advice = "Put a .pt file of openai-whisper, or a folder of faster-whisper, into external_models/."

    def __init__(self, base_path: Path | None = None) -> None:
        super().__init__(base_path)
        self._listener: Listener | None = None
        # "large" is a name of the library whose file is large-v3.pt: engine.yaml says which model is which.
        same = {model.name: model.metadata.get("same_as") for model in self.config.models}
        self._same_as = {name: str(other) for name, other in same.items() if other}

    def is_complete(self, path: Path) -> bool:
        """Return whether it is a file, or a folder with the files of faster-whisper; loading finds out the rest."""
        return is_model(path)

    def get_available_models(self) -> list[ModelInfo]:
        """List what is there or can be fetched, by each of its names."""
        loadable = set(self.store.loadable())
        names = loadable | {name for name in self._same_as if self.store_name(name) in loadable}
        return [model_info(self.config, name) for name in self.store.in_order(names)]

    def store_name(self, model_name: str) -> str:
        """Return the model whose file it is; a file that bears the other name itself comes first."""
        other = self._same_as.get(model_name)
        return model_name if other is None or self.store.find(model_name) else other

    def load_model(self, model_name: str) -> None:
        """Open the model with the library that suits it and this machine."""
        cache = self.external_models_dir / ".cache"
        keep_offline(cache)
        self._device, self._listener = opened(self.model_path(model_name), cache)

    def unload_model(self) -> None:
        """Free the model."""
        self._listener = None

    def analyze_audio(self, task: AnalysisTask) -> Analysis:
        """Listen, and compare with the expected text if there is one."""
        listener = loaded(self._listener)
        self._check_limits(task)
        rules = Pronunciation(task.pronunciation_rules)
        recorded, rate = read_channels(task.audio)
        heard = transcribe(listener, as_mono(recorded, rate, SAMPLE_RATE), task.language)
        judgement = judged(listener, heard, task.expected_text or "", rules)
        return verdict(heard, judgement, list(sound_faults(as_mono(recorded, rate, rate), rate)))

    def add_routes(self, app: FastAPI) -> None:
        """Add the transcription of whole recordings to the routes of listening engines."""
        super().add_routes(app)
        app.post("/transcribe", response_model=TranscribeResponse, openapi_extra=_BODY)(self._transcribe)

    async def _transcribe(self, request: Request, query: Annotated[TranscribeQuery, Query()]) -> TranscribeResponse:
        """Write down all that is said, half a minute at a time; others take turns, and a client that leaves ends it."""
        self.require_model()
        language = known_language(loaded(self._listener), query.language)
        manner, started = manner_of(query, language), time.monotonic()
        async with received(request) as file:
            samples = await run_in_threadpool(read_recording, file, LONGEST_S)
        passages: list[Passage] = []
        for number, part in enumerate(await run_in_threadpool(list, parts_of(samples))):
            work = partial(self._passages, part, manner, query.times)
            passages += await self.perform(request, work, is_admitted=number > 0)
        logger.info("Transcribed %.1f s in %.2f s.", len(samples) / SAMPLE_RATE, time.monotonic() - started)
        return answer(passages, language, len(samples))

    def _passages(self, part: Part, manner: Manner, times: bool) -> list[Passage]:
        return passages_in(loaded(self._listener), part, manner, times)

    def _check_limits(self, task: AnalysisTask) -> None:
        longest, most = self.config.constraints["max_audio_duration"], self.config.constraints["max_text_length"]
        duration_s = read_wav_format(task.audio).duration_s
        if duration_s > longest:
            raise RequestError(f"Audio too long: {duration_s:.0f} s, at most {longest} s. Send it in parts.")
        if task.expected_text and len(task.expected_text) > most:
            raise RequestError(
                f"Expected text too long: {len(task.expected_text)} characters, at most {most}. Send it in parts."
            )


if __name__ == "__main__":
    WhisperServer.main()
