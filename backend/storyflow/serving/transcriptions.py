"""POST /v1/audio/transcriptions: what is said in a recording, by the Whisper engine."""

import contextlib
from collections.abc import Mapping
from typing import IO, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from engines.contract.errors import RequestError
from engines.serving.app import until_gone
from engines.serving.guards import Accepted
from storyflow.serving import openai_names
from storyflow.serving.listener import Listener
from storyflow.serving.recordings import LARGEST_BYTES, readable
from storyflow.serving.transcription_wire import Transcript, TranscriptionRequest, VerboseTranscript
from storyflow.serving.transcripts import needs_times, transcript

PATH = "/v1/audio/transcriptions"
BODY = Accepted(LARGEST_BYTES, is_form=True)

_MOST_FIELDS = 50
_LARGEST_FIELD_BYTES = 64 * 1024
_LISTED = "timestamp_granularities[]"


class Transcriptions:
    """The route, and the engine behind it."""

    def __init__(self, listener: Listener | None = None) -> None:
        """Listen with `listener`, by default with the engine that comes with the software."""
        self._listener = listener or Listener()

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names of OpenAI's models that listen; none where the engine is not installed."""
        return openai_names.LISTENING_MODELS if self._listener.is_installed else ()

    def add_routes(self, app: FastAPI) -> None:
        """Add the route."""
        app.post(PATH, response_model=VerboseTranscript | Transcript, openapi_extra=_form())(self._transcribe)

    def close(self) -> None:
        """End the engine."""
        self._listener.close()

    async def _transcribe(self, request: Request) -> Response:
        """Write down what is said in a recording."""
        limits: dict[str, Any] = {"max_fields": _MOST_FIELDS, "max_part_size": _LARGEST_FIELD_BYTES}
        async with request.form(max_files=1, **limits) as form:
            asked = _request_in(form)
            heard = await until_gone(self._heard(_file_in(form), asked), request)
        return await run_in_threadpool(transcript, asked, heard)

    async def _heard(self, file: IO[bytes], asked: TranscriptionRequest) -> Any:
        query: Mapping[str, object] = {
            "language": asked.language,
            "prompt": asked.prompt,
            "temperature": asked.temperature,
            "times": needs_times(asked),
        }
        await run_in_threadpool(self._listener.check_installed)  # before the recording is read
        model = None if asked.model in openai_names.LISTENING_MODELS else asked.model
        async with contextlib.AsyncExitStack() as stack:
            opened = readable(file)
            recording = await run_in_threadpool(opened.__enter__)
            stack.push(opened.__exit__)
            return await self._listener.transcribe(recording, model, query)


def _request_in(form: FormData) -> TranscriptionRequest:
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        return TranscriptionRequest.model_validate({**fields, _LISTED: form.getlist(_LISTED)})
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _file_in(form: FormData) -> IO[bytes]:
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        raise RequestError("The recording is missing: send it as the file 'file' of a form (multipart/form-data).")
    return file.file


def _form() -> dict[str, Any]:
    """Describe the form for OpenAPI."""
    schema = TranscriptionRequest.model_json_schema()
    schema["properties"]["file"] = {"type": "string", "format": "binary"}
    schema["required"] = ["file", *schema["required"]]
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
