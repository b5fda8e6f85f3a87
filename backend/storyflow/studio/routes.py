"""The page and what it asks for. These routes are the page's own: they may change with it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from core_engine.places import media_root
from engines.contract.errors import NotFoundError, RequestError
from engines.serving.connections import IS_STREAM
from storyflow.narration.errors import RecordError
from storyflow.narration.record import Record
from storyflow.stories.errors import StoryError
from storyflow.studio import downloads
from storyflow.studio.draft import Draft
from storyflow.studio.engine import Engine
from storyflow.studio.errors import as_answers
from storyflow.studio.jobs import Jobs
from storyflow.studio.library import Library, Wanted
from storyflow.studio.page import HEADERS, PAGE_PATH, STATIC_PATH, page, static
from storyflow.studio.truth import Truth
from storyflow.studio.voices import voices_document
from storyflow.studio.wire import ParagraphRequest, Speed, VoiceName, VoicesRequest

API = "/studio/api"
_STORIES = "/stories"
STORIES_PATH = API + _STORIES
"""Where stories are sent to, which may be large."""

PUBLIC = (PAGE_PATH, STATIC_PATH)
"""What is shown without a key: the page, which asks for it. A path that ends in / stands for what is below."""


def add_studio(app: FastAPI, engine: Engine) -> None:
    """Add the page to a server; its projects are below the media root."""
    studio = _Studio(engine, media_root())
    app.get(PAGE_PATH, include_in_schema=False)(page)
    app.get(STATIC_PATH + "{name}", include_in_schema=False)(static)
    app.include_router(studio.router(), prefix=API, include_in_schema=False)


class _Studio:
    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine = engine
        self._library = Library(root)
        self._jobs = Jobs(engine, root)
        self._adding = asyncio.Semaphore(1)  # a story may need a lot of memory to read

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter()
        router.get("/voices")(self._voices)
        router.get("/projects")(self._projects)
        router.post(_STORIES)(self._add)
        project = "/projects/{name}"
        router.get(project)(self._story)
        router.delete(project)(self._delete)
        router.get(project + "/progress")(self._progress)
        router.get(project + "/words/{segment_id}")(self._words)
        router.get(project + "/audio/{segment_id}")(self._audio)
        router.put(project + "/paragraphs/{number}")(self._change)
        router.put(project + "/voices")(self._change_voices)
        router.post(project + "/narrate")(self._narrate)
        router.post(project + "/stop")(self._stop)
        router.post(project + "/files/{kind}")(self._make)
        router.get(project + "/files/{kind}")(self._file)
        return router

    def _voices(self) -> JSONResponse:
        model = self._engine.best()
        return _answer(voices_document(model, self._engine.voices(model)))

    def _projects(self) -> JSONResponse:
        with as_answers():
            found = [self._listed(name) for name in self._library.names()]
        return _answer(sorted(found, key=lambda project: -project["changed"]))

    def _listed(self, name: str) -> dict[str, Any]:
        truth = Truth(self._library.folder(name))
        known: dict[str, Any] = {"name": name, "state": self._jobs.state(truth.folder)["state"]}
        try:
            record, title = truth.record(), truth.title()
        except (RecordError, StoryError) as error:
            return {**known, "title": name, "error": str(error), "duration": 0, "changed": 0, "is_complete": False}
        segments = record.segments if record else ()
        return {
            **known,
            "title": title,
            "error": None,
            "duration": sum(entry.duration for entry in segments),
            "changed": truth.changed,
            "is_complete": bool(record and record.complete),
        }

    async def _add(
        self,
        request: Request,
        name: Annotated[str, Query(max_length=255)],
        voice: VoiceName,
        title: Annotated[str | None, Query(max_length=200)] = None,
        dialogue: VoiceName | None = None,
        speed: Speed | None = None,
    ) -> JSONResponse:
        """Make a project of the story in the body."""
        data = await request.body()
        wanted = Wanted(name, " ".join(title.split()) or None if title else None, voice, dialogue, speed)
        async with self._adding:
            added = await run_in_threadpool(self._added, wanted, data)
        return _answer({"name": added.project, "left_out": dict(added.left_out)})

    def _added(self, wanted: Wanted, data: bytes) -> Any:
        with as_answers():
            return self._library.add(wanted, data)

    def _story(self, name: str) -> JSONResponse:
        with as_answers():
            return _answer({"name": name, **Truth(self._library.folder(name)).story()})

    def _delete(self, name: str) -> JSONResponse:
        with as_answers():
            self._jobs.check_idle(self._library.folder(name))
            self._library.delete(name)
        return _answer({})

    def _progress(self, name: str, seen: str = "") -> JSONResponse:
        """Say what happens, and what has been spoken unless that is what the page has `seen`."""
        with as_answers():
            folder = self._library.folder(name)
            truth = Truth(folder)
            document = self._jobs.state(folder)
            version = truth.audio_version
            record = truth.record() or Record(name, "", complete=False)
            document |= {"story": truth.story_version, "audio": version, "is_complete": record.complete}
            if version != seen:
                document["entries"] = {
                    entry.id: [entry.made_from[:16], entry.duration, entry.voice] for entry in truth.entries().values()
                }
        return _answer(document)

    def _words(self, name: str, segment_id: str) -> JSONResponse:
        with as_answers():
            return _answer(Truth(self._library.folder(name)).words(segment_id))

    def _audio(self, request: Request, name: str, segment_id: str) -> FileResponse:
        request.scope.setdefault("state", {})[IS_STREAM] = True  # a player reads while it plays
        with as_answers():
            wav = Truth(self._library.folder(name)).audio(segment_id)
            return FileResponse(wav, headers=HEADERS, media_type="audio/wav")

    def _change(self, name: str, number: int, body: ParagraphRequest) -> JSONResponse:
        return self._rewrite(name, lambda draft: draft.with_text(number, body.text, body.was))

    def _change_voices(self, name: str, body: VoicesRequest) -> JSONResponse:
        return self._rewrite(
            name, lambda draft: draft.with_voices(body.voice, body.dialogue, body.speed, body.speakers)
        )

    def _rewrite(self, name: str, change: Callable[[Draft], Draft]) -> JSONResponse:
        with as_answers():
            folder = self._own(name)
            with self._library.writing:
                change(Draft.read(folder, "")).write(folder)
            return _answer({"name": name, **Truth(folder).story()})

    async def _narrate(self, name: str) -> JSONResponse:
        await run_in_threadpool(self._start_narrating, name, asyncio.get_running_loop())
        return _answer({})

    def _start_narrating(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        with as_answers():
            self._jobs.narrate(self._own(name), loop)

    def _stop(self, name: str) -> JSONResponse:
        with as_answers():
            self._jobs.stop(self._library.folder(name))
        return _answer({})

    def _make(self, name: str, kind: str) -> JSONResponse:
        """Begin to make a file, unless it is there."""
        with as_answers():
            folder = self._library.folder(name)
            downloads.download_path(folder, kind)
            is_ready = kind in downloads.current(folder)
            if not is_ready:
                self._jobs.download(folder, kind)
        return _answer({"is_ready": is_ready})

    def _file(self, request: Request, name: str, kind: str) -> FileResponse:
        request.scope.setdefault("state", {})[IS_STREAM] = True
        with as_answers():
            path = downloads.download_path(self._library.folder(name), kind)
            if not path.is_file():
                raise NotFoundError("This file has not been made yet.")
            return FileResponse(path, headers=HEADERS, media_type=downloads.KINDS[kind], filename=path.name)

    def _own(self, name: str) -> Path:
        """Return the folder of a project whose story can be changed here; raise RequestError for another one."""
        folder = self._library.folder(name)
        if not Truth(folder).is_ours:
            raise RequestError(
                "This story is a file of yours. Change it there, and narrate it with `storyflow narrate`."
            )
        return folder


def _answer(document: Any) -> JSONResponse:
    return JSONResponse(document, headers=HEADERS)
