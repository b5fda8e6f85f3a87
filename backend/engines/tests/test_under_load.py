"""Servers under load: /health meanwhile, overload, SIGTERM at random moments, storms of loads and requests.

Each has a short variant, and a full one that is marked slow and prints its figures (run with -s).
"""

import gc
import http.client
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import engines
from engines.conformance.trial import Trial, trial_of
from engines.contract.errors import UnusableModelError
from engines.tests.file_server import file_server
from engines.tests.scripted_engine import ScriptedEngine, make_folder, serving
from engines.tests.support import AT_LAST_S

TTS = Path(engines.__file__).parent / "tts"
full = pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(1800)], id="full")
short = pytest.param(False, id="short")


def all_at_once(count: int, work: Callable[[int], None]) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


# /health while something runs


@pytest.mark.parametrize("during", ["generate", "load"])
@pytest.mark.parametrize("is_full", [short, full])
def test_health_is_instant_during(during: str, is_full: Any) -> None:
    pytest.importorskip("onnxruntime")
    with trial_of(TTS / "kokoro") as trial:
        shutil.copytree(trial.models_dir / "default", trial.models_dir / "second")
        trial.start()
        trial.model = "default"
        trial.load()
        end = time.monotonic() + (60 if is_full else 3)
        busy = threading.Thread(target=_keep_busy, args=(trial, during, end))
        busy.start()
        seconds, states = [], Counter[str]()
        while time.monotonic() < end:
            answer = trial.get("/health")
            seconds.append(answer.seconds)
            states[answer.json()["status"]] += 1
            time.sleep(max(0.0, 0.05 - answer.seconds))
        busy.join()
    p99, slowest = quantile(seconds, 0.99), max(seconds)
    figures = f"p99 {p99 * 1000:.1f} ms, max {slowest * 1000:.1f} ms"
    print(f"\n/health during {during}: {len(seconds)} asked, {figures}, {dict(states)}")
    assert states["processing" if during == "generate" else "loading"] > 0
    assert "error" not in states
    assert not is_full or (slowest <= 0.25 and p99 <= 0.05)


def _keep_busy(trial: Trial, during: str, end: float) -> None:
    text = ("The old house stood on the hill, and nobody knew why. " * 100)[:5000]
    names = ["second", "default"]
    while time.monotonic() < end:
        if during == "generate":
            assert trial.post("/generate", {"text": text, "language": "en"}).status == 200
        else:
            names.reverse()
            assert trial.post("/load", {"engineModelName": names[0]}).status == 200


# More than the queue holds


@pytest.mark.parametrize("is_full", [short, full])
def test_overload_is_answered_200_or_503_with_retry_after(is_full: Any) -> None:
    with trial_of(TTS / "debug-tts") as trial:
        trial.start()
        trial.model = "default"
        trial.load()
        end = time.monotonic() + (60 if is_full else 3)
        answers: Counter[tuple[int, str | None]] = Counter()
        lock = threading.Lock()

        def client(_number: int) -> None:
            while time.monotonic() < end:
                answer = trial.post("/generate", {"text": "Overload. " * 200, "language": "en"})
                with lock:
                    answers[answer.status, answer.headers.get("retry-after")] += 1

        all_at_once(64, client)
        health = trial.get("/health").json()
    print(f"\noverload by 64 clients: {dict(answers)}")
    assert set(answers) <= {(200, None), (503, "1")}
    assert answers[200, None] > 0
    assert answers[503, "1"] > 0
    assert (health["status"], health["error"]) == ("ready", None)


# SIGTERM at any moment


@pytest.mark.skipif(os.name == "nt", reason="signals as Unix has them")
@pytest.mark.parametrize("is_full", [short, full])
def test_sigterm_at_random_moments_ends_with_code_0(is_full: Any) -> None:
    pytest.importorskip("onnxruntime")
    chance = random.Random(18)
    slowest = 0.0
    for number in range(99 if is_full else 3):
        slowest = max(slowest, (_stop_load, _stop_generate, _stop_download)[number % 3](chance.uniform(0, 1.0)))
    print(f"\nSIGTERM at {99 if is_full else 3} random moments: slowest end after {slowest:.2f} s")
    assert slowest < (10 if is_full else AT_LAST_S / 2)


def _stop_load(moment_s: float) -> float:
    with trial_of(TTS / "kokoro") as trial:
        trial.start()
        return _stop_during(trial, "/load", {"engineModelName": "default"}, moment_s / 4)


def _stop_generate(moment_s: float) -> float:
    with trial_of(TTS / "kokoro") as trial:
        trial.start()
        trial.model = "default"
        trial.load()
        text = ("The old house stood on the hill. " * 200)[:5000]
        return _stop_during(trial, "/generate", {"text": text, "language": "en"}, moment_s)


def _stop_download(moment_s: float) -> float:
    content = (TTS / "debug-tts" / "mirror" / "choir" / "tones.json").read_bytes()
    with file_server({"/choir/tones.json": content}) as server, trial_of(TTS / "debug-tts") as trial:
        server.bytes_per_s = len(content) / 0.7
        trial.environment["STORYFLOW_MODELS_URL"] = server.url
        trial.start()
        seconds = _stop_during(trial, "/load", {"engineModelName": "choir"}, moment_s)
        published = trial.external_models_dir / "choir" / "tones.json"
        assert not published.exists() or published.read_bytes() == content
        assert not list(trial.folder.rglob("*.publishing"))
        return seconds


def _stop_during(trial: Trial, path: str, body: object, moment_s: float) -> float:
    """Return the seconds from SIGTERM, sent `moment_s` after a request, to the end of the process."""
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(trial.post(path, body).status)
        except (OSError, http.client.HTTPException) as error:
            answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(moment_s)
    assert trial.process
    trial.process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    code = trial.process.wait(AT_LAST_S)
    seconds = time.monotonic() - started
    asking.join()
    assert code == 0, f"{path}: {code} {trial.log[-500:]}"
    assert answers[0] in (200, 503) or isinstance(answers[0], ConnectionRefusedError), f"{path}: {answers[0]!r}"
    return seconds


# Everything at once


class StormyEngine(ScriptedEngine):
    """A tiny model with a load that can be seen from outside while it runs, and one that always fails."""

    loading_number = 0  # odd while a load runs

    def load_model(self, model_name: str) -> None:
        self.loading_number += 1
        time.sleep(0.001)
        try:
            if model_name == "broken":
                raise RuntimeError("broken")
            if model_name == "unusable":
                raise UnusableModelError("unusable")
        finally:
            self.loading_number += 1


@pytest.mark.parametrize("is_full", [short, full])
def test_storm_of_loads_and_requests(tmp_path: Path, is_full: Any) -> None:
    gc.freeze()  # as the process does: a collection after every unload must not walk through the whole test run
    engine = StormyEngine(make_folder(tmp_path / "scripted", "default", "other", "broken", "unusable"))
    seen: Counter[str] = Counter()
    with serving(engine) as first:

        def client(number: int) -> None:
            chance = random.Random(number)
            with httpx.Client(base_url=first.base_url, timeout=60, trust_env=False) as http:
                for _ in range(1024 if is_full else 24):
                    seen[_storm_step(engine, http, chance)] += 1

        started = time.monotonic()
        all_at_once(32, client)
        seconds = time.monotonic() - started
        health = first.get("/health").json()
        assert health["currentEngineModel"] in (None, "default", "other")
        assert first.post("/load", json={"engineModelName": "default"}).status_code == 200
        assert first.get("/health").json()["currentEngineModel"] == "default"
        assert first.post("/generate", json={"text": "Hi", "language": "en"}).status_code == 200
    gc.unfreeze()
    print(f"\nstorm of 32 clients: {sum(seen.values())} requests in {seconds:.1f} s, {dict(seen)}")


def _storm_step(engine: StormyEngine, client: httpx.Client, chance: random.Random) -> str:
    kind = chance.choice(
        ["health", "health", "generate", "generate", "default", "other", "broken", "unusable", "nobody"]
    )
    if kind == "health":
        before = engine.loading_number
        health = client.get("/health").json()
        if before % 2 == 1 and before == engine.loading_number:
            assert health["status"] == "loading", health
        assert health["currentEngineModel"] not in ("broken", "unusable", "nobody")
        assert health["engineModelLoaded"] is (health["currentEngineModel"] is not None)
        return f"health {health['status']}"
    if kind == "generate":
        answer = client.post("/generate", json={"text": "Hi", "language": "en"})
        assert answer.status_code in (200, 503) or answer.json()["detail"] == "Model not loaded", answer.text
        return f"generate {answer.status_code}"
    answer = client.post("/load", json={"engineModelName": kind})
    allowed = {"broken": (500, 503), "unusable": (400, 503), "nobody": (404,)}.get(kind, (200, 503))
    assert answer.status_code in allowed, f"{kind}: {answer.status_code} {answer.text}"
    return f"load {answer.status_code}"
