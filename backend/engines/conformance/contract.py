"""Checks of the wire contract: the client's requests to every engine, and the required answers."""

import array
import base64
import math
import threading
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from engines.conformance.checklist import Checklist, NotApplicableError, ViolationError, require
from engines.conformance.client_schema import as_client_reads
from engines.conformance.trial import Answer, Trial
from engines.contract.wav import pcm16_wav

ALLOWED = frozenset({200, 400, 404, 500, 503})
INSTANT_S = 0.5
HEALTH_KEYS = frozenset(
    [
        "status",
        "engineModelLoaded",
        "currentEngineModel",
        "device",
        "error",
        "packageVersion",
        "gpuMemoryUsedMb",
        "gpuMemoryTotalMb",
    ]
)
INFO_KEYS = frozenset(
    [
        "name",
        "displayName",
        "engineType",
        "description",
        "upstream",
        "supportedLanguages",
        "constraints",
        "capabilities",
        "parameters",
        "models",
        "defaultModel",
        "autoDiscoverModels",
        "requiresGpu",
        "variants",
        "schemaVersion",
    ]
)
SEGMENT_KEYS = frozenset(["text", "start", "end", "orderIndex", "status", "length", "maxLength", "issue"])

_NO_SAMPLE: tuple[Mapping[str, object], ...] = (
    {"ttsSpeakerWav": ""},
    {"tts_speaker_wav": []},
    {"ttsSpeakerWav": None, "parameters": None},
    {},
)
_VOICE = "check-voice"  # a speaker sample of one second for cloning engines
_ONE_SAMPLE: tuple[Mapping[str, object], ...] = (
    {"ttsSpeakerWav": f"{_VOICE}.wav"},
    {"tts_speaker_wav": [f"{_VOICE}.wav"], "parameters": None},
)

checks: Checklist[Trial] = Checklist()


@checks.add('/health: "ready" without a model, all fields', "Leave /health to the base server.")
def _health(trial: Trial) -> None:
    health = trial.get("/health").json()
    require(set(health) == HEALTH_KEYS, f"fields: {sorted(health)}")
    require(
        (health["status"], health["engineModelLoaded"], health["currentEngineModel"]) == ("ready", False, None), health
    )
    require(health["device"] in ("cpu", "cuda"), f"device '{health['device']}'")


@checks.add("/info: engine.yaml in camelCase", "Leave /info to the base server.")
def _info(trial: Trial) -> None:
    info = trial.get("/info").json()
    require(set(info) == INFO_KEYS, f"fields: {sorted(info)}")
    require(info["name"] == trial.config.name, f"name '{info['name']}'")
    require(info["constraints"] == trial.config.constraints, "constraints differ from engine.yaml")
    require(info["capabilities"] == trial.config.capabilities, "capabilities differ from engine.yaml")


@checks.add(
    "/info: the client accepts it, each field of its schema", "Send a value for every field that is not X | None."
)
def _schema(trial: Trial) -> None:
    try:
        as_client_reads(trial.get("/info").json())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ViolationError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@checks.add("A request without a model is refused with 400", "Call self.require_model() first.")
def _no_model(trial: Trial) -> None:
    path, body = _request(trial)
    _expect(trial.post(path, body), 400, "Model not loaded")


@checks.add("/load of an unknown model: 404 or 400 at once, state unchanged", "Leave /load to the base server.")
def _unknown_model(trial: Trial) -> None:
    answer = trial.post("/load", {"engineModelName": "no-such-model"})
    require(answer.status in (400, 404) and answer.seconds < INSTANT_S, f"{answer.status} after {answer.seconds:.2f} s")
    require(trial.get("/health").json()["status"] == "ready", "/health is no longer ready")


@checks.add("/load of an invalid name: 400", "Check names with engines.store.names before touching the disk.")
def _invalid_model(trial: Trial) -> None:
    for name in ("", ".", "..", "../models", "/etc", "a/b", "a\\b", "a\0b", "x" * 300, "con"):
        _expect(trial.post("/load", {"engineModelName": name}), 400, "")


@checks.add("/load: loaded when it answers, the name echoed", "Return from load_model when the model is usable.")
def _load(trial: Trial) -> None:
    name = trial.load()
    health = trial.get("/health").json()
    require((health["status"], health["currentEngineModel"]) == ("ready", name), health)


@checks.add("/load of the loaded model answers at once; snake_case is understood", "Leave /load to the base server.")
def _load_again(trial: Trial) -> None:
    name = trial.load()
    answer = trial.post("/load", {"engine_model_name": name, "unknown_field": 1})
    require(answer.status == 200 and answer.json()["status"] == "loaded", f"{answer.status} {answer.body[:200]!r}")
    require(answer.seconds < INSTANT_S, f"it took {answer.seconds:.2f} s")


@checks.add("Malformed requests are answered 400, never 422", "Build the application with engines.serving.app.new_app.")
def _malformed(trial: Trial) -> None:
    for body in (b"", b"{", b"[" * 100_000, b"null", b'{"engineModelName": 5}', b'{"engineModelName": "\\ud800"}'):
        _expect(trial.post("/load", body, {"Content-Type": "application/json"}), 400, "")
    require(trial.get("/no-such-route").status == 404, "an unknown route is not 404")
    require(trial.get("/load").status in ALLOWED, "a wrong method is answered with a status that restarts the engine")


@checks.add("A body of 64 MiB is refused with 400", "Build the application with engines.serving.app.new_app.")
def _huge(trial: Trial) -> None:
    path, _ = _request(trial)
    _expect(trial.post(path, bytes(64 << 20), {"Content-Type": "application/json"}), 400, "too large")


@checks.add("Browser pages of other origins are refused", "Build the application with engines.serving.app.new_app.")
def _foreign_pages(trial: Trial) -> None:
    path, body = _request(trial)
    for route in ("/load", "/shutdown", path):
        for headers in (
            {"Origin": "https://example.com"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": "example.com", "Origin": "http://example.com"},
            {"Content-Type": "text/plain"},
        ):
            _expect(trial.post(route, body, headers), 400, "Refused")


@checks.add(
    "/generate: 16-bit PCM mono WAV of one rate", "Return engines.contract.wav.pcm16_wav(samples, sample_rate)."
)
def _generate(trial: Trial) -> None:
    body = _tts(trial)
    trial.load()
    rates = set()
    for samples in _ONE_SAMPLE if trial.config.supports("speaker_cloning") else _NO_SAMPLE:
        answer = trial.post("/generate", {**body, **samples})
        require(answer.status == 200, f"{answer.status} {answer.body[:200]!r} for {samples}")
        require(answer.headers.get("content-type") == "audio/wav", f"Content-Type {answer.headers.get('content-type')}")
        header = answer.body[:44]
        require((header[:4], header[8:16], header[36:40]) == (b"RIFF", b"WAVEfmt ", b"data"), "not a classic header")
        require(header[20:24] + header[34:36] == b"\1\0\1\0\x10\0", "not 16-bit PCM mono")
        rates.add(header[24:28])
    require(len(rates) == 1, "the sample rate changes")


@checks.add("/generate: every refusal with its status", "Leave the checks of /generate to the base server.")
def _refusals(trial: Trial) -> None:
    body = _tts(trial)
    trial.load()
    limit = trial.config.max_text_length or 0
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"text": " \n"}, 400, "Text cannot be empty"),
        ({"language": ""}, 400, "Language cannot be empty"),
        ({"text": "x" * (limit + 1)}, 400 if limit else 200, "Text too long" if limit else ""),
        ({"text": 5}, 400, ""),
        ({"parameters": [1]}, 400, ""),
        ({"ttsSpeakerWav": [""]}, 400, "Empty speaker filename"),
        ({"ttsSpeakerWav": "../engine.yaml"}, 400, "Invalid speaker filename format"),
        ({"ttsSpeakerWav": "no-such-sample.wav"}, 404, "Speaker sample not found"),
        *(({"parameters": {name: "x"}}, 400, name) for name in trial.config.parameters),
    ]
    if trial.config.supports("speaker_cloning"):
        cases.append(({"ttsSpeakerWav": ""}, 400, "requires speaker samples for voice cloning"))
    for change, status, detail in cases:
        _expect(trial.post("/generate", {**body, **change}), status, detail)
    require(
        trial.post("/generate", {**body, "language": "xx"}).status in (200, 400), "an unsupported language is a 5xx"
    )


@checks.add("/samples: check, upload, check, and a file that is not WAV", "Leave the samples to the base server.")
def _samples(trial: Trial) -> None:
    _tts(trial)
    sample = _wav()
    require(trial.post("/samples/check", {"sampleIds": ["check-1"]}).json() == {"missing": ["check-1"]}, "not missing")
    kept = trial.post("/samples/upload/check-1", sample, {"Content-Type": "audio/wav"})
    require((kept.status, kept.json()) == (200, {"status": "ok", "sampleId": "check-1"}), repr(kept.body[:200]))
    require(trial.post("/samples/check", {"sample_ids": ["check-1"]}).json() == {"missing": []}, "still missing")
    _expect(trial.post("/samples/check", {"sampleIds": ["../x"]}), 400, "Invalid sample ID format")
    binary = {"Content-Type": "application/octet-stream"}
    _expect(trial.post("/samples/upload/check-2", b"", binary), 400, "Empty request body")
    _expect(trial.post("/samples/upload/check-2", b"no WAV file" * 10, binary), 400, "expected WAV file")
    _expect(trial.post("/samples/upload/..%2Fx", sample, binary), 400, "Invalid sample ID format")


@checks.add("/health answers within 500 ms during a long request", "Leave the work to the one worker.")
def _live_health(trial: Trial) -> None:
    body = _tts(trial)
    trial.load()
    if trial.config.supports("speaker_cloning"):
        raise NotApplicableError("a cloning engine: the longest text may take an hour on a CPU")
    text = ("One two three four five. " * 500)[: trial.config.max_text_length or 10_000]
    speaking = threading.Thread(target=trial.post, args=("/generate", {**body, "text": text}))
    speaking.start()
    slowest, states = 0.0, set()
    while speaking.is_alive():
        answer = trial.get("/health")
        slowest = max(slowest, answer.seconds)
        states.add(answer.json()["status"])
    require(slowest < INSTANT_S, f"it took {slowest:.2f} s")
    require(states <= {"ready", "processing"}, f"states: {states}")


@checks.add(
    "/analyze: every refusal with its status, and an answer", "Leave the checks of /analyze to the base server."
)
def _analyze(trial: Trial) -> None:
    if trial.config.engine_type not in ("stt", "audio"):
        raise NotApplicableError("not a listening engine")
    trial.load()
    for body, status, detail in (
        ({}, 400, "Either audio_base64 or audio_path must be provided"),
        ({"audioPath": "/etc/passwd"}, 404, "Audio file not found"),
        ({"audioBase64": ""}, 400, "Audio data is empty"),
        ({"audioBase64": "AAAA"}, 400, "Audio data too small to be valid WAV"),
        ({"audioBase64": "A" * 400}, 400, "Invalid audio format: expected WAV file"),
        ({"audioBase64": "AAA"}, 400, "base64"),
    ):
        _expect(trial.post("/analyze", body), status, detail)
    answer = trial.post("/analyze", {"audio_base64": base64.b64encode(_wav()).decode(), "quality_thresholds": {}})
    require(answer.status == 200, f"{answer.status} {answer.body[:200]!r}")
    require(answer.json()["qualityStatus"] in ("perfect", "warning", "defect"), answer.json())


@checks.add("/segment: every refusal with its status", "Leave the checks of /segment to the base server.")
def _segment_refusals(trial: Trial) -> None:
    body = _text(trial)
    trial.load()
    limit = trial.config.max_text_length or 0
    for change, status, detail in (
        ({"text": " \n"}, 400, "Text cannot be empty"),
        ({"language": " "}, 400, "Language cannot be empty"),
        ({"maxLength": 0}, 400, "max_length must be positive"),
        ({"min_length": -1}, 400, "min_length cannot be negative"),
        ({"max_length": 20, "minLength": 20}, 400, "min_length must be less than max_length"),
        ({"text": "x" * (limit + 1)}, 400 if limit else 200, "Text too long" if limit else ""),
        ({"text": 5}, 400, ""),
        ({"maxLength": "long"}, 400, ""),
    ):
        _expect(trial.post("/segment", {**body, **change}), status, detail)
    require(trial.post("/segment", {**body, "language": "xx"}).status in (200, 400), "an unsupported language is a 5xx")


@checks.add("/segment: whole sentences, exact places, nothing lost", "Yield every sentence once, in order.")
def _segments(trial: Trial) -> None:
    body = _text(trial)
    trial.load()
    for longest in (40, 250):
        answer = trial.post("/segment", {**body, "max_length": longest})
        require(answer.status == 200, f"{answer.status} {answer.body[:200]!r}")
        segments = answer.json()["segments"]
        require([item["orderIndex"] for item in segments] == list(range(len(segments))), "orderIndex does not count")
        for item in segments:
            require(set(item) == SEGMENT_KEYS, f"fields: {sorted(item)}")
            require(body["text"][item["start"] : item["end"]] == item["text"], f"not at its place: {item}")
            too_long = len(item["text"]) > longest
            require((item["status"] == "failed") == too_long, f"status of a segment of {len(item['text'])}: {item}")
        together = "".join("".join(item["text"].split()) for item in segments)
        require(together == "".join(body["text"].split()), "text is lost or doubled")
        require(answer.json()["totalSegments"] == len(segments), "totalSegments does not count them")
        require(answer.json()["failedCount"] == int(longest == 40), f"failedCount {answer.json()['failedCount']}")


def _request(trial: Trial) -> tuple[str, dict[str, Any]]:
    """Return route and body of this kind of engine's main request."""
    if trial.config.engine_type == "tts":
        return "/generate", _tts(trial)
    if trial.config.engine_type == "text":
        return "/segment", _text(trial)
    return "/analyze", {"audioBase64": "AAAA"}


def _tts(trial: Trial) -> dict[str, Any]:
    if trial.config.engine_type != "tts":
        raise NotApplicableError("not a speaking engine")
    sample = ""
    if trial.config.supports("speaker_cloning"):
        sample = f"{_VOICE}.wav"
        trial.post(f"/samples/upload/{_VOICE}", _tone(), {"Content-Type": "audio/wav"})
    language = (trial.config.supported_languages or ["en"])[0]
    return {"text": "One two three.", "language": language, "ttsSpeakerWav": sample, "parameters": {}}


def _text(trial: Trial) -> dict[str, Any]:
    if trial.config.engine_type != "text":
        raise NotApplicableError("no text engine")
    text = (
        "It rained. It rained all day. Nobody came to the house on the hill that day. It was cold.\n\nThen it stopped."
    )
    return {"text": text, "language": (trial.config.supported_languages or ["en"])[0]}


def _tone() -> bytes:
    """Return the sample of the client's own test: one second of 440 Hz, 16 kHz, mono."""
    wave = (round(8000 * math.sin(math.tau * 440 * sample / 16_000)) for sample in range(16_000))
    return pcm16_wav(array.array("h", wave).tobytes(), 16_000)


def _wav() -> bytes:
    return pcm16_wav(b"\0\1" * 16_000, 16_000)


def _expect(answer: Answer, status: int, detail: str) -> None:
    shown = answer.body[:200]
    require(answer.status == status, f"{answer.status} instead of {status}: {shown!r}")
    require(status == 200 or detail in answer.json()["detail"], f"the answer does not contain '{detail}': {shown!r}")
