"""An engine that does what a test tells it, and a server for it in a thread of the test's own process."""

import contextlib
import os
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml

from engines.base_server import BaseEngineServer
from engines.base_tts_server import BaseTTSServer
from engines.contract.wav import pcm16_wav
from engines.serving.connections import Capacity, Door, server_config
from engines.serving.guards import Exposure
from engines.serving.process import listen

WAIT_S = 30
"""How long the engine waits for what a test lets it do: longer than any bound of a test."""
MINIMAL_YAML: dict[str, Any] = {
    "schema_version": 2,
    "name": "scripted",
    "display_name": "Scripted",
    "engine_type": "tts",
    "upstream": {"name": "None", "url": "https://example.com/", "license": "MIT"},
    "variants": [{"tag": "latest", "platforms": ["linux/amd64"], "requires_gpu": False}],
    "models": [{"name": "default", "display_name": "Default"}],
    "default_model": "default",
    "supported_languages": ["en", "de"],
    "constraints": {"max_text_length": 100},
    "capabilities": {"supports_model_hotswap": True},
    "parameters": {
        "speed": {"type": "float", "label": "Speed", "default": 1.0, "min": 0.5, "max": 2.0, "step": 0.1},
        "steps": {"type": "int", "label": "Steps", "default": 3, "min": 1, "max": 9, "step": 1},
    },
}


def make_folder(folder: Path, *models: str, **changes: Any) -> Path:
    """Write engine.yaml and one small file for each model into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engine.yaml").write_text(yaml.safe_dump({**MINIMAL_YAML, **changes}), encoding="utf-8")
    for model in models or ("default",):
        (folder / "models" / model).mkdir(parents=True)
        (folder / "models" / model / "weights").write_text(model)
    return folder


class ScriptedEngine(BaseTTSServer):
    """Answers one second of silence, waits where it is told to, and raises what it is told to."""

    version = "7.8.9"

    def __init__(self, base_path: Path) -> None:
        super().__init__(base_path)
        self.calls: list[tuple[Any, ...]] = []
        self.may_load, self.may_generate = threading.Event(), threading.Event()
        self.may_load.set()
        self.may_generate.set()
        self.load_began, self.generate_began = threading.Event(), threading.Event()
        self.load_error: BaseException | None = None
        self.generate_error: BaseException | None = None
        self.answer = pcm16_wav(bytes(4800), 24_000)

    def load_model(self, model_name: str) -> None:
        self.calls.append(("load", model_name))
        self.load_began.set()
        self.may_load.wait(WAIT_S)
        if self.load_error:
            raise self.load_error

    def unload_model(self) -> None:
        self.calls.append(("unload",))

    def generate_audio(self, text: str, language: str, speaker_wav: list[Path], parameters: dict[str, Any]) -> bytes:
        self.calls.append(("generate", text, language, [path.name for path in speaker_wav], parameters))
        self.generate_began.set()
        self.may_generate.wait(WAIT_S)
        if self.generate_error:
            raise self.generate_error
        return self.answer

    def count(self, call: str) -> int:
        return sum(made[0] == call for made in self.calls)


class WatchedModule(types.ModuleType):
    """Stands before a module of a library and notes HF_HUB_OFFLINE whenever something is imported from it."""

    def __init__(self, module: Any) -> None:
        super().__init__("watched")
        self.offline: list[str | None] = []
        self._module = module

    def __getattr__(self, name: str) -> Any:
        self.offline.append(os.environ.get("HF_HUB_OFFLINE"))
        return getattr(self._module, name)


def imported_by(server: Path, *packages: str) -> set[str]:
    """Return those of `packages` that a process has imported when it is about to listen with `server`."""
    code = "import sys, runpy; runpy.run_path('server.py', run_name='looked_at'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=server.parent, capture_output=True, text=True, check=True)
    return set(packages) & set(done.stdout.split())


@contextlib.contextmanager
def serving(engine: BaseEngineServer, exposure: Exposure | None = None) -> Iterator[httpx.Client]:
    """Yield a client of `engine`, served by the real web server; nothing runs any more afterwards."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    door = Door(Capacity.of_this_process(), engine.error_body)
    server = uvicorn.Server(server_config(engine.create_app(exposure), door, connections_grace_s=2))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            yield client
    finally:
        engine.close()
        engine.abandon()
        server.should_exit = True
        thread.join(WAIT_S)
        engine.finish(WAIT_S)


@contextlib.contextmanager
def in_background(function: Any, *arguments: Any, **keywords: Any) -> Iterator["list[Any]"]:
    """Run `function` in a thread, and wait for it at the end; the list yielded then holds its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function(*arguments, **keywords)))
    thread.start()
    try:
        yield results
    finally:
        thread.join(60)
