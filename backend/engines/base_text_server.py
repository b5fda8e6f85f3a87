"""BaseTextServer: what text engines add to every engine: /segment."""

import logging
import time
from abc import abstractmethod
from collections.abc import Iterable
from functools import partial

from fastapi import FastAPI, Request

from engines.base_server import BaseEngineServer
from engines.contract.engine_config import model_info
from engines.contract.errors import RequestError
from engines.contract.segments import Sentence, Span, packed
from engines.contract.wire import ModelInfo, SegmentRequest, SegmentResponse, TextSegment

logger = logging.getLogger(__name__)


class BaseTextServer(BaseEngineServer):
    """An engine that cuts a text into segments; its models are named as languages, since the client loads "en"."""

    @abstractmethod
    def find_sentences(self, text: str, language: str) -> Iterable[Sentence]:
        """Yield the sentences of `text` in their order, white space apart: none of them will be cut.

        `language` is one of engine.yaml's supported_languages, whatever model is loaded.
        """

    def load_model(self, model_name: str) -> None:
        """Do nothing: rules need no files. An engine that has a model for a language opens it here."""

    def unload_model(self) -> None:
        """Do nothing."""

    def get_available_models(self) -> list[ModelInfo]:
        """Return the supported languages, which need no files; an engine that needs some lists what it has."""
        default = self.config.default_model
        codes = sorted(self.config.supported_languages, key=lambda code: (code != default, code))
        return [model_info(self.config, code).model_copy(update={"languages": [code]}) for code in codes]

    def obtain_model(self, model_name: str) -> None:
        """Bring the files of a language that has some."""
        if self.store_name(model_name) in self.store.loadable():
            super().obtain_model(model_name)

    def add_routes(self, app: FastAPI) -> None:
        """Add what text engines have."""
        super().add_routes(app)
        app.post("/segment", response_model=SegmentResponse)(self._segment)

    async def _segment(self, request: Request, body: SegmentRequest) -> SegmentResponse:
        """Answer with the text in segments."""
        self.require_model()
        language = self._checked_language(body)
        started = time.monotonic()
        answer = await self.perform(request, partial(self._segmented, body, language))
        logger.info(
            "Cut %d characters (%s) in %.2f s: %d segments, %d too long.",
            len(body.text),
            language,
            time.monotonic() - started,
            answer.total_segments,
            answer.failed_count,
        )
        return answer

    def _checked_language(self, body: SegmentRequest) -> str:
        """Return the supported language of `body`; raise RequestError for what cannot be fulfilled."""
        self.config.check_text(body.text, "Send it in parts.")
        language = self.config.supported_language(body.language)
        if body.max_length <= 0:
            raise RequestError("max_length must be positive")
        if body.min_length < 0:
            raise RequestError("min_length cannot be negative")
        if body.min_length >= body.max_length:
            raise RequestError("min_length must be less than max_length")
        return language

    def _segmented(self, body: SegmentRequest, language: str) -> SegmentResponse:
        sentences = self.find_sentences(body.text, language)
        spans = packed(body.text, sentences, body.max_length, body.min_length)
        segments = [_segment(body, span, number) for number, span in enumerate(spans)]
        return SegmentResponse(
            segments=segments,
            total_segments=len(segments),
            total_characters=sum(span.length for span in spans),
            failed_count=sum(segment.status == "failed" for segment in segments),
        )


def _segment(body: SegmentRequest, span: Span, number: int) -> TextSegment:
    """Return the segment at `span`: failed where it is one sentence that is too long, if the request wants to know."""
    segment = TextSegment(text=body.text[span.start : span.end], start=span.start, end=span.end, order_index=number)
    if span.length <= body.max_length or not body.mark_oversized:
        return segment
    told = {"status": "failed", "length": span.length, "max_length": body.max_length, "issue": "sentence_too_long"}
    return segment.model_copy(update=told)
