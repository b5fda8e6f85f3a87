"""Whisper's server with a stand-in for its library: names, downloads, languages, defects of the library.

The same with the real library: tests/real/test_whisper.py.
"""

import base64
import hashlib
import math
import os
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import numpy as np
import pytest
import yaml

import engines
from engines.contract.wav import pcm16_wav
from engines.stt.whisper.server import WhisperServer
from engines.tests.file_server import file_server
from engines.tests.scripted_engine import WatchedModule, imported_by, serving
from engines.tests.support import field
from engines.tests.whisper_library import TEXT, Library, Result

pytest.importorskip("soundfile")
pytest.importorskip("soxr")

WHISPER = Path(engines.__file__).parent / "stt" / "whisper"
RATE = 16_000
NAN_ERROR = (
    "Expected parameter logits of distribution Categorical to be real, but found invalid values: tensor([[nan]])"
)


@pytest.fixture
def library() -> Iterator[Library]:
    made = Library()
    with mock.patch.dict(sys.modules, made.modules()), mock.patch.dict(os.environ):  # keep_offline sets variables
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "whisper"
    (made / "models").mkdir(parents=True)
    (made / "external_models").mkdir()
    shutil.copy(WHISPER / "engine.yaml", made)
    return made


@pytest.fixture
def client(library: Library, folder: Path) -> Iterator[httpx.Client]:
    (folder / "models" / "base.pt").write_bytes(b"weights")
    with serving(WhisperServer(folder)) as client:
        yield client


@pytest.fixture
def loaded(client: httpx.Client) -> httpx.Client:
    assert client.post("/load", json={"engineModelName": "base"}).status_code == 200
    return client


def recording(seconds: float = 2.0, level: int = 8000) -> str:
    """Bursts of noise with pauses between them: what speech looks like to the measures of sound."""
    place = np.arange(int(seconds * RATE))
    bursts = np.random.default_rng(0).uniform(-level, level, len(place)) * (place % 8000 < 5000)
    return base64.b64encode(pcm16_wav(bursts.astype("<i2").tobytes(), RATE)).decode()


def analyze(client: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/analyze", json={"audioBase64": recording(), "language": "en", **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def listed(client: httpx.Client) -> list[str]:
    return [model["name"] for model in client.get("/models").json()["models"]]


def test_models_are_what_is_there_and_what_can_be_fetched_by_each_name(client: httpx.Client, folder: Path) -> None:
    (folder / "external_models" / "mine.en.pt").write_bytes(b"weights")
    (folder / "external_models" / "notes.txt").write_bytes(b"no model")
    expected = ["base", "large", "large-v3", "large-v3-turbo", "medium", "mine.en", "small", "tiny", "turbo"]
    assert listed(client) == expected


@pytest.mark.parametrize(("name", "file"), [("large", "large-v3.pt"), ("turbo", "large-v3-turbo.pt")])
def test_model_large_is_the_file_large_v3(
    client: httpx.Client, folder: Path, library: Library, name: str, file: str
) -> None:
    (folder / "external_models" / file).write_bytes(b"weights")
    assert client.post("/load", json={"engineModelName": name}).status_code == 200
    assert client.get("/health").json()["currentEngineModel"] == name
    assert library.opened == [str(folder / "models" / file)]


def test_model_large_is_a_file_of_that_name_where_there_is_one(
    client: httpx.Client, folder: Path, library: Library
) -> None:
    for file in ("large.pt", "large-v3.pt"):
        (folder / "external_models" / file).write_bytes(b"weights")
    assert client.post("/load", json={"engineModelName": "large"}).status_code == 200
    assert library.opened == [str(folder / "models" / "large.pt")]


def test_model_is_opened_by_its_path_so_that_the_library_downloads_nothing(
    loaded: httpx.Client, folder: Path, library: Library
) -> None:
    assert library.opened == [str(folder / "models" / "base.pt")]


def test_library_is_offline_before_its_import(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = WatchedModule(sys.modules["whisper"])
    monkeypatch.setitem(sys.modules, "whisper", watched)
    assert client.post("/load", json={"engineModelName": "base"}).status_code == 200
    assert set(watched.offline) == {"1"}


def test_threads_do_not_spin_beside_other_programs(
    client: httpx.Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    seen: list[str | None] = []
    cuda = sys.modules["torch"].cuda

    def is_available() -> bool:
        seen.append(os.environ.get("OMP_WAIT_POLICY"))
        return False

    monkeypatch.setattr(cuda, "is_available", is_available)
    assert client.post("/load", json={"engineModelName": "base"}).status_code == 200
    assert seen == ["PASSIVE"]  # when PyTorch is first used, and so before


def test_server_listens_before_it_imports_the_library() -> None:
    assert (
        imported_by(WHISPER / "server.py", "torch", "whisper", "faster_whisper", "numpy", "soundfile", "regex") == set()
    )


def test_model_is_fetched_into_external_models_and_linked(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = b"downloaded weights" * 1000
    config = yaml.safe_load((folder / "engine.yaml").read_text())
    tiny = next(model for model in config["models"] if model["name"] == "tiny")
    tiny["download"].update(size=len(weights), sha256=hashlib.sha256(weights).hexdigest())
    (folder / "engine.yaml").write_text(yaml.safe_dump(config))
    with file_server({"/tiny.pt": weights}) as files:
        monkeypatch.setenv("STORYFLOW_MODELS_URL", files.url)
        with serving(WhisperServer(folder)) as client:
            answer = client.post("/load", json={"engineModelName": "tiny"})
    assert answer.status_code == 200, answer.text
    assert (folder / "external_models" / "tiny.pt").read_bytes() == weights
    assert (folder / "models" / "tiny.pt").is_symlink()


@pytest.mark.parametrize(
    "error",
    [
        KeyError("dims"),
        RuntimeError("PytorchStreamReader failed"),
        EOFError(),
        TypeError("unexpected keyword 'x'"),
        struct.error("unpack requires a buffer of 4 bytes"),  # this and the next two: flipped bits, in torch 2.13
        IndexError("index out of range"),
        AssertionError("storage key not found in deserialized_objects"),
    ],
)
def test_file_that_is_no_whisper_model_is_refused_with_advice(
    client: httpx.Client, library: Library, error: Any
) -> None:
    library.load_error = error
    answer = client.post("/load", json={"engineModelName": "base"})
    assert answer.status_code == 400
    assert "'base.pt' is no model of openai-whisper" in answer.json()["detail"]
    assert client.get("/health").json()["status"] == "ready"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ImportError("No module named 'whisper'")])
def test_disk_or_library_that_fails_is_no_fault_of_the_file(client: httpx.Client, library: Library, error: Any) -> None:
    library.load_error = error
    answer = client.post("/load", json={"engineModelName": "base"})
    assert (answer.status_code, str(error) in answer.json()["detail"]) == (500, True)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")]
)
def test_memory_that_is_full_is_no_fault_of_the_file(client: httpx.Client, library: Library, error: Any) -> None:
    library.load_error = error
    answer = client.post("/load", json={"engineModelName": "base"})
    assert answer.status_code == 500
    assert "Out of memory" in answer.json()["detail"]


def test_gpu_is_used_with_16_bits_where_there_is_one(client: httpx.Client, library: Library) -> None:
    library.cuda = True
    client.post("/load", json={"engineModelName": "base"})
    assert client.get("/health").json()["device"] == "cuda"
    analyze(client)
    assert library.model.options[0].fp16 is True


@pytest.mark.parametrize("failure", [ValueError(NAN_ERROR), Result("!!!!", math.nan)])
def test_gpu_that_computes_nan_in_16_bits_listens_with_32_from_then_on(
    client: httpx.Client, library: Library, failure: Any
) -> None:
    library.cuda = True
    client.post("/load", json={"engineModelName": "base"})
    library.model.answers = [failure]
    assert field(analyze(client), "transcription") == TEXT
    analyze(client)
    assert [options.fp16 for options in library.model.options] == [True, False, False]


def test_gpu_out_of_memory_is_told_apart(client: httpx.Client, library: Library) -> None:
    library.cuda = True
    client.post("/load", json={"engineModelName": "base"})
    library.model.answers = [RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")]
    answer = client.post("/analyze", json={"audioBase64": recording()})
    assert (answer.status_code, answer.json()["detail"][:9]) == (500, "[GPU_OOM]")


def test_model_that_computes_nan_on_the_cpu_is_named_damaged(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result("!!!!", math.nan)]
    answer = loaded.post("/analyze", json={"audioBase64": recording()})
    assert (answer.status_code, "damaged" in answer.json()["detail"]) == (500, True)


@pytest.mark.parametrize(("language", "passed"), [("zh-cn", "zh"), ("pt_BR", "pt"), ("yue", "zh"), ("xx", "de")])
def test_analyze_maps_the_language(loaded: httpx.Client, library: Library, language: str, passed: str) -> None:
    analyze(loaded, language=language)
    assert library.model.options[0].language == passed


def test_analyze_with_a_model_of_english_only(library: Library, client: httpx.Client) -> None:
    library.model.is_multilingual, library.model.num_languages = False, 98
    client.post("/load", json={"engineModelName": "base"})
    assert analyze(client, language="en-gb")["qualityScore"] == 82
    answer = client.post("/analyze", json={"audioBase64": recording(), "language": "de"})
    assert (answer.status_code, "knows only English" in answer.json()["detail"]) == (400, True)


def test_analyze_confidence_is_a_probability_and_no_logarithm(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result(TEXT, -0.25)]
    answer = analyze(loaded)
    assert field(answer, "confidence") == pytest.approx(100 * math.exp(-0.25), abs=0.05)
    assert answer["qualityScore"] == 78


@pytest.mark.parametrize(
    ("doubt", "score"),
    [
        ({"no_speech_prob": 0.5}, 82),  # below the library's threshold: speech
        ({"no_speech_prob": 0.95}, 4),  # made up, however sure of its words
    ],
)
def test_analyze_does_not_trust_what_may_be_made_up(
    loaded: httpx.Client, library: Library, doubt: dict[str, Any], score: int
) -> None:
    library.model.answers = [Result("Thank you for watching!", **doubt)]
    assert analyze(loaded)["qualityScore"] == score


def test_analyze_silence_is_not_given_to_the_model(loaded: httpx.Client, library: Library) -> None:
    answer = analyze(loaded, audioBase64=recording(level=60), expectedText=TEXT)
    assert library.model.heard == []
    assert (answer["qualityScore"], answer["qualityStatus"]) == (0, "defect")
    assert answer["details"]["infoBlocks"]["audioIssues"][0]["text"] == "silence"


def test_analyze_expected_text_is_compared_without_case_and_punctuation(loaded: httpx.Client) -> None:
    answer = analyze(loaded, expectedText="the OLD house, stood on the hill")
    assert (answer["qualityScore"], field(answer, "textMatch")) == (100, 100.0)
    assert answer["details"]["infoBlocks"] == {}


def test_analyze_another_expected_text_is_a_defect(loaded: httpx.Client) -> None:
    answer = analyze(loaded, expectedText="She opened the letter and laughed.")
    assert answer["qualityStatus"] == "defect"
    assert answer["details"]["infoBlocks"]["textDeviations"][0]["severity"] in ("warning", "error")


def test_analyze_word_that_may_have_been_said_is_no_fault(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result("The hair was slow.")]
    library.model.said = ["The hare was slow."]
    answer = analyze(loaded, expectedText="The hare was slow!")
    assert (answer["qualityScore"], answer["qualityStatus"]) == (90, "perfect")
    assert answer["details"]["infoBlocks"]["textDeviations"][0]["severity"] == "info"


def test_analyze_word_that_was_not_said_is_shown_as_the_text_has_it(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result("It was in nineteen oh five.")]
    answer = analyze(loaded, expectedText="It was 1st printed in 1905.")
    assert answer["qualityStatus"] == "warning"
    (issue,) = answer["details"]["infoBlocks"]["textDeviations"]
    assert issue["details"] == {"missingWords": "1st printed"}


def test_analyze_null_language_is_english(loaded: httpx.Client, library: Library) -> None:
    analyze(loaded, language=None)
    assert library.model.options[0].language == "en"


def test_folders_of_faster_whisper_are_models_and_incomplete_ones_are_not(client: httpx.Client, folder: Path) -> None:
    for name, files in {"mine": ("model.bin", "config.json", "tokenizer.json"), "half": ("model.bin",)}.items():
        (folder / "external_models" / name).mkdir()
        for file in files:
            (folder / "external_models" / name / file).write_bytes(b"{}")
    assert {"mine", "half"} & set(listed(client)) == {"mine"}


def test_analyze_words_in_brackets_are_expected(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result("The house, which was old, stood.")]
    assert analyze(loaded, expectedText="The house (which was old) stood.")["qualityScore"] == 100


def test_analyze_pronunciation_rules_are_respected(loaded: httpx.Client, library: Library) -> None:
    rules = [{"pattern": "Mr Nguyen", "replacement": "Mister Win"}]
    library.model.answers = [Result("Mister Win stood there.")]
    answer = analyze(loaded, expectedText="Mr Nguyen stood there.", pronunciationRules=rules)
    assert answer["qualityScore"] == 100


@pytest.mark.parametrize("expected", [None, "", " ", "...", "—"])
def test_analyze_without_expected_words_is_scored_by_confidence(loaded: httpx.Client, expected: str | None) -> None:
    answer = analyze(loaded, expectedText=expected)
    assert answer["qualityScore"] == 82
    assert "textMatch" not in [item["key"] for item in answer["details"]["fields"]]


def test_analyze_long_recordings_are_heard_in_pieces_of_30_seconds(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result("One."), Result("")]
    answer = analyze(loaded, audioBase64=recording(seconds=70))
    assert all(samples <= 30 * RATE for samples in library.model.heard)
    assert sum(library.model.heard) == 70 * RATE
    assert field(answer, "transcription") == f"One. {TEXT}"
    assert field(answer, "duration") == 70.0


def test_analyze_piece_with_more_words_than_the_model_can_say_is_halved(loaded: httpx.Client, library: Library) -> None:
    library.model.answers = [Result("cut off", tokens=(1,) * 224), Result("First half."), Result("second half.")]
    assert field(analyze(loaded, audioBase64=recording(20)), "transcription") == "First half. second half."


def test_analyze_options_keep_the_library_from_skipping_and_repeating(loaded: httpx.Client, library: Library) -> None:
    analyze(loaded)
    options = library.model.options[0]
    assert (options.without_timestamps, options.temperature) == (True, 0.0)
    assert options.fp16 is False  # on a CPU the library would only warn


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"audioBase64": recording(601)}, "Audio too long: 601 s"),
        ({"expectedText": "x" * 10_001}, "Expected text too long: 10001"),
        ({"pronunciationRules": [{"pattern": "(", "replacement": "", "isRegex": True}]}, "no regular expression"),
    ],
)
def test_analyze_refuses_before_it_listens(
    loaded: httpx.Client, library: Library, change: dict[str, Any], complaint: str
) -> None:
    answer = loaded.post("/analyze", json={"audioBase64": recording(), **change})
    assert (answer.status_code, complaint in answer.json()["detail"]) == (400, True)
    assert library.model.heard == []
