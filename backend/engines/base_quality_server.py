"""BaseQualityServer: the base class of listening engines (stt and audio analysis), which adds /analyze."""

import base64
import binascii
import logging
import time
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from engines.base_server import BaseEngineServer
from engines.contract.errors import NotFoundError, RequestError
from engines.contract.wav import WavError, read_wav_format
from engines.contract.wire import (
    AnalyzeRequest,
    AnalyzeResponse,
    PronunciationRule,
    QualityDetails,
    QualityField,
    QualityIssue,
    QualityStatus,
    QualityThresholds,
)
from engines.store import names
from engines.store.regular_file import read_regular

logger = logging.getLogger(__name__)

PERFECT_FROM, WARNING_FROM = 85, 70  # scores
LONGEST_TEXT = 100  # characters of a field of type "text"


@dataclass(frozen=True)
class AnalysisTask:
    """A recording to judge."""

    audio: bytes  # a WAV file
    language: str  # may be a speaking engine's code, such as "zh-cn": map it instead of failing
    thresholds: QualityThresholds
    expected_text: str | None
    pronunciation_rules: list[PronunciationRule]


@dataclass(frozen=True)
class Analysis:
    """The result of an analysis."""

    score: int  # 0 to 100
    top_label: str  # the suffix of a label that the client knows, e.g. "audioQuality"
    fields: list[QualityField] = field(default_factory=list)
    info_blocks: dict[str, list[QualityIssue]] = field(default_factory=dict)


class BaseQualityServer(BaseEngineServer):
    """An engine that judges a WAV file."""

    @abstractmethod
    def analyze_audio(self, task: AnalysisTask) -> Analysis:
        """Judge `task.audio`, a WAV file that is not empty; raise RequestError if it cannot be judged."""

    def add_routes(self, app: FastAPI) -> None:
        """Add the routes of listening engines."""
        super().add_routes(app)
        app.post("/analyze", response_model=AnalyzeResponse)(self._analyze)

    async def _analyze(self, request: Request, body: AnalyzeRequest) -> AnalyzeResponse:
        """Answer with a score and its details."""
        self.require_model()
        task = await run_in_threadpool(self._task, body)
        started = time.monotonic()
        analysis = await self.perform(request, partial(self.analyze_audio, task))
        logger.info("Judged %d bytes in %.2f s: %d.", len(task.audio), time.monotonic() - started, analysis.score)
        return self._response(analysis)

    def _task(self, body: AnalyzeRequest) -> AnalysisTask:
        audio = self._audio(body)
        if not audio:
            raise RequestError("Audio data is empty")
        try:
            read_wav_format(audio)
        except WavError as error:
            raise RequestError(str(error)) from error
        return AnalysisTask(audio, body.language, body.quality_thresholds, body.expected_text, body.pronunciation_rules)

    def _audio(self, body: AnalyzeRequest) -> bytes:
        if body.audio_base64 is not None:
            try:
                return base64.b64decode("".join(body.audio_base64.split()), validate=True)
            except (binascii.Error, ValueError) as error:
                raise RequestError("audio_base64 is not valid base64. Send the WAV file in standard base64.") from error
        if body.audio_path is None:
            raise RequestError("Either audio_base64 or audio_path must be provided")
        return self._read(body.audio_path)

    def _read(self, audio_path: str) -> bytes:
        """Read a file in the samples folder; callers must not learn about other files on the disk."""
        try:
            return read_regular(names.path_inside(self.samples_dir, audio_path))
        except (OSError, ValueError) as error:
            raise NotFoundError(
                f"Audio file not found: {audio_path[:200]}. Only files in the samples folder can be read."
            ) from error

    def _response(self, analysis: Analysis) -> AnalyzeResponse:
        engine_type: Literal["stt", "audio"] = "stt" if self.config.engine_type == "stt" else "audio"
        return AnalyzeResponse(
            engine_type=engine_type,
            engine_name=self.config.name,
            quality_score=analysis.score,
            quality_status=_status(analysis.score),
            details=QualityDetails(
                top_label=analysis.top_label,
                fields=[_shortened(item) for item in analysis.fields],
                info_blocks=analysis.info_blocks,
            ),
        )


def _status(score: int) -> QualityStatus:
    if score >= PERFECT_FROM:
        return "perfect"
    return "warning" if score >= WARNING_FROM else "defect"


def _shortened(item: QualityField) -> QualityField:
    if item.type != "text":
        return item
    return item.model_copy(update={"value": str(item.value)[:LONGEST_TEXT]})
