"""silero-vad: probabilities to spans, levels, the verdict, and the server on a tiny model of the same form.

`listening/tests/test_silero_vad.py` has the real model and real speech.
"""

import base64
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import engines
from engines.conformance.run import check_engine
from engines.conformance.trial import Trial, trial_of
from engines.contract.engine_config import load_engine_config
from engines.contract.wav import pcm16_wav
from engines.contract.wire import QualityThresholds
from engines.downloading.downloadable import downloadable_models

np = pytest.importorskip("numpy")
pytest.importorskip("onnxruntime")
pytest.importorskip("soundfile")
onnx = pytest.importorskip("onnx")

SILERO_VAD = Path(engines.__file__).parent / "audio_analysis" / "silero-vad"
RATE = 16_000
WINDOW_S = 0.032


@pytest.fixture(scope="module")
def modules() -> Iterator[SimpleNamespace]:
    """The modules of the engine, which are imported by their plain names as in its process."""
    names = ("speech", "levels", "verdict", "detector")
    sys.path.insert(0, str(SILERO_VAD))
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    sys.path.remove(str(SILERO_VAD))
    for name in names:
        sys.modules.pop(name)


# Probabilities to spans


def spans(
    modules: SimpleNamespace, *stretches: tuple[float, int], duration_s: float | None = None
) -> list[tuple[float, float]]:
    """Return the spans, in windows, that probabilities in stretches (probability, windows) give."""
    probabilities = [probability for probability, windows in stretches for _ in range(windows)]
    found = modules.speech.speech_in(probabilities, WINDOW_S, duration_s or len(probabilities) * WINDOW_S)
    return [(round(begin / WINDOW_S, 1), round(end / WINDOW_S, 1)) for begin, end in found.spans]


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        ([(0.0, 50)], []),
        ([(0.9, 50)], [(0, 50)]),
        ([(0.0, 10), (0.9, 20), (0.0, 20)], [(9.1, 30.9)]),
        ([(0.0, 10), (0.9, 7), (0.0, 20)], []),  # 0.22 s are a click
        ([(0.9, 20), (0.0, 4), (0.9, 20)], [(0, 44)]),  # 0.13 s lie within a word
        ([(0.9, 20), (0.0, 10), (0.9, 20)], [(0, 20.9), (29.1, 50)]),
        ([(0.9, 20), (0.4, 30)], [(0, 50)]),  # in doubt it stays speech
        ([(0.4, 20), (0.9, 30)], [(19.1, 50)]),  # and silence
        ([(0.9, 4), (0.0, 3), (0.9, 4), (0.0, 20)], [(0, 11.9)]),  # joined first, then long enough
    ],
)
def test_spans_of_speech(modules: SimpleNamespace, stretches: list[tuple[float, int]], expected: Any) -> None:
    assert spans(modules, *stretches) == expected


def test_ratio_and_longest_silence(modules: SimpleNamespace) -> None:
    speech = modules.speech.Speech(10.0, ((1.0, 4.0), (6.5, 9.0)))
    assert speech.ratio_percent == pytest.approx(55)
    assert speech.longest_silence_s == pytest.approx(2.5)
    assert modules.speech.Speech(10.0, ((3.0, 9.5),)).longest_silence_s == pytest.approx(3)
    assert modules.speech.Speech(10.0, ()).longest_silence_s == 10
    assert modules.speech.Speech(10.0, ((0.0, 10.0),)).longest_silence_s == 0


# Levels


def test_levels_of_a_tone(modules: SimpleNamespace) -> None:
    tone = (0.5 * np.sin(np.arange(RATE) * 0.3)).astype(np.float32)[:, None]
    levels = modules.levels.levels_of(tone)
    assert levels.peak_db == pytest.approx(-6.02, abs=0.01)
    assert levels.average_db == pytest.approx(-9.03, abs=0.02)
    assert not levels.has_flat_tops


def test_levels_of_silence_have_a_floor(modules: SimpleNamespace) -> None:
    levels = modules.levels.levels_of(np.zeros((100, 1), np.float32))
    assert (levels.peak_db, levels.average_db, levels.has_flat_tops) == (-120, -120, False)


@pytest.mark.parametrize(
    ("samples", "flat"),
    [([1.0, 1.0], False), ([1, 1, 1], True), ([-1, -1, -1], True), ([1, 0, 1, 1], False), ([32767 / 32768] * 3, True)],
)
def test_levels_flat_tops_of_either_channel(modules: SimpleNamespace, samples: list[float], flat: bool) -> None:
    clipped = np.array(samples, np.float32)
    both = np.stack([clipped, np.zeros_like(clipped)], axis=1)
    assert modules.levels.levels_of(both).has_flat_tops is flat
    assert modules.levels.levels_of(both[:, ::-1]).has_flat_tops is flat


# The verdict


def judged(
    modules: SimpleNamespace,
    speech_s: float = 8.0,
    silence_s: float = 1.0,
    peak_db: float = -1.0,
    average_db: float = -20.0,
    flat: bool = False,
    **limits: float,
) -> Any:
    """Return what is said of 10 s with so much speech behind a silence, and of such levels."""
    begin = min(silence_s, 10 - speech_s)
    gap = (10 - speech_s - begin) / 2
    halves = ((begin, begin + speech_s / 2), (begin + speech_s / 2 + gap, 10.0 - gap))
    speech = modules.speech.Speech(10.0, halves if speech_s else ())
    return modules.verdict.verdict(
        speech, modules.levels.Levels(peak_db, average_db, flat), QualityThresholds(**limits)
    )


@pytest.mark.parametrize(
    ("recording", "issues", "lowest", "highest"),
    [
        ({}, [], 100, 100),
        ({"speech_s": 0.0}, ["speechRatioTooLow", "silenceTooLong"], 0, 0),
        ({"speech_s": 6.4}, ["speechRatioTooLow"], 60, 69),
        ({"speech_s": 6.6}, ["speechRatioBelowIdeal"], 70, 75),
        ({"speech_s": 7.4}, ["speechRatioBelowIdeal"], 80, 84),
        ({"speech_s": 9.1}, ["speechRatioAboveIdeal"], 78, 84),
        ({"speech_s": 9.9}, ["speechRatioTooHigh"], 0, 20),
        ({"speech_s": 7.0, "silence_s": 2.9}, ["speechRatioBelowIdeal", "silenceDetected"], 70, 79),
        ({"speech_s": 6.0, "silence_s": 3.8}, ["speechRatioTooLow", "silenceTooLong"], 40, 69),
        ({"peak_db": 0.0}, [], 100, 100),
        ({"peak_db": 0.1}, ["clippingDetected"], 60, 69),
        ({"peak_db": 0.0, "flat": True}, ["clippingDetected"], 69, 69),
        ({"peak_db": -1.0, "max_clipping_peak": -3.0}, ["clippingDetected"], 40, 60),
        ({"average_db": -45.0}, ["volumeTooLow"], 78, 84),
        ({"average_db": -120.0}, ["volumeTooLow"], 70, 70),
        ({"average_db": -45.0, "min_average_volume": -50.0}, [], 100, 100),
        ({"speech_s": 0.0, "average_db": -120.0}, ["speechRatioTooLow", "silenceTooLong", "volumeTooLow"], 0, 0),
        ({"speech_s": 9.5, "speech_ratio_warning_max": 100, "speech_ratio_ideal_max": 100}, [], 100, 100),
        (
            {"speech_s": 5.0, "speech_ratio_warning_min": 60, "speech_ratio_ideal_min": 10},
            ["speechRatioTooLow"],
            40,
            69,
        ),
    ],
)
def test_verdict(
    modules: SimpleNamespace, recording: dict[str, Any], issues: list[str], lowest: int, highest: int
) -> None:
    analysis = judged(modules, **recording)
    found = analysis.info_blocks.get("audioIssues", [])
    assert [issue.text for issue in found] == issues
    assert lowest <= analysis.score <= highest
    assert analysis.top_label == "audioQuality"
    assert [field.key for field in analysis.fields] == [
        "speechRatio",
        "maxSilence",
        "peakVolume",
        "avgVolume",
        "duration",
    ]


def test_verdict_status_follows_from_the_worst_issue(modules: SimpleNamespace) -> None:
    for speech_s in np.arange(0.0, 10.05, 0.05):
        for silence_s in (0.0, 2.0, 4.0):
            analysis = judged(modules, speech_s=float(speech_s), silence_s=silence_s)
            severities = {issue.severity for issues in analysis.info_blocks.values() for issue in issues}
            band = (0, 69) if "error" in severities else (70, 84) if severities else (100, 100)
            assert band[0] <= analysis.score <= band[1]


# The server


def tiny_model(folder: Path, inputs: tuple[str, ...] = ("input", "state", "sr")) -> Path:
    """Write a model of Silero's form that takes for speech what is loud, and return its folder."""
    helper, kinds = onnx.helper, onnx.TensorProto
    types = {"input": (kinds.FLOAT, [1, "n"]), "state": (kinds.FLOAT, [2, 1, 128]), "sr": (kinds.INT64, [])}
    nodes = [
        helper.make_node("Abs", ["input"], ["loud"]),
        helper.make_node("ReduceMax", ["loud"], ["top"], keepdims=1, axes=[1]),
        helper.make_node("Clip", ["top"], ["output"]),
        helper.make_node("Identity", ["state"], ["stateN"]),
    ]
    graph = helper.make_graph(
        [node for node in nodes if node.input[0] != "state" or "state" in inputs],
        "tiny",
        [helper.make_tensor_value_info(name, *types[name]) for name in inputs],
        [helper.make_tensor_value_info("output", kinds.FLOAT, [1, 1])]
        + ([helper.make_tensor_value_info("stateN", *types["state"])] if "state" in inputs else []),
    )
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (folder / "silero_vad.onnx").write_bytes(model.SerializeToString())
    return folder


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with trial_of(SILERO_VAD) as trial:
        tiny_model(trial.models_dir / "tiny")
        trial.start()
        trial.model = "tiny"
        trial.load()
        yield trial


def recording(*stretches: tuple[float, float], rate: int = RATE) -> bytes:
    """Return stretches (amplitude, seconds) of noise as a WAV file."""
    noise = np.random.default_rng(5)
    sound = np.concatenate(
        [amplitude * noise.uniform(-1, 1, round(seconds * rate)) for amplitude, seconds in stretches]
    )
    return pcm16_wav((sound * 32_767).astype("<i2").tobytes(), rate)


def analyzed(trial: Trial, wav: bytes, **thresholds: float) -> dict[str, Any]:
    body = {"audio_base64": base64.b64encode(wav).decode(), "language": "zh-cn", "quality_thresholds": thresholds}
    answer = trial.post("/analyze", body)
    assert answer.status == 200, answer.body
    return dict(answer.json())


def figures(answer: dict[str, Any]) -> dict[str, Any]:
    return {field["key"]: field["value"] for field in answer["details"]["fields"]}


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 24_000, 48_000])
def test_analyze_finds_speech_at_every_rate(trial: Trial, rate: int) -> None:
    answer = analyzed(trial, recording((0.0, 1.0), (0.8, 8.0), (0.0, 1.0), rate=rate))
    found = figures(answer)
    assert (answer["engineType"], answer["engineName"]) == ("audio", "silero-vad")
    assert found["speechRatio"] == pytest.approx(80.6, abs=0.8)
    assert found["maxSilence"] == pytest.approx(970, abs=40)
    assert found["duration"] == 10
    assert (answer["qualityScore"], answer["qualityStatus"]) == (100, "perfect")


def test_analyze_obeys_thresholds(trial: Trial) -> None:
    wav = recording((0.8, 4.0), (0.0, 3.0), (0.8, 4.0))
    issues = analyzed(trial, wav)["details"]["infoBlocks"]["audioIssues"]
    assert [issue["text"] for issue in issues] == ["speechRatioBelowIdeal", "silenceDetected"]
    assert issues[1]["details"]["threshold"] == 2500
    wanted = {"speech_ratio_ideal_min": 60, "max_silence_duration_warning": 3500}
    assert analyzed(trial, wav, **wanted)["qualityStatus"] == "perfect"
    assert analyzed(trial, wav, **wanted, max_silence_duration_critical=2000)["qualityStatus"] == "defect"


def test_analyze_one_sample(trial: Trial) -> None:
    assert analyzed(trial, pcm16_wav(b"\0\1", RATE))["qualityStatus"] == "defect"


@pytest.mark.parametrize("content", [b"no model", b"", None])
def test_damaged_model_is_refused_with_its_reason(trial: Trial, content: bytes | None) -> None:
    folder = trial.models_dir / "damaged"
    tiny_model(folder, ("input", "sr")) if content is None else folder.mkdir(exist_ok=True)
    if content is not None:
        (folder / "silero_vad.onnx").write_bytes(content)
    answer = trial.post("/load", {"engineModelName": "damaged"})
    assert answer.status == 400, answer.body
    assert ("takes input, sr instead of" if content is None else "") in answer.json()["detail"]
    trial.load()


def test_parameters_are_the_thresholds_of_the_contract_but_allow_much_speech() -> None:
    parameters = load_engine_config(SILERO_VAD / "engine.yaml").parameters
    wanted = {**QualityThresholds().model_dump(), "speech_ratio_ideal_max": 98, "speech_ratio_warning_max": 100}
    assert {name: parameter.default for name, parameter in parameters.items()} == wanted


def test_model_comes_from_the_package_of_its_authors() -> None:
    config = load_engine_config(SILERO_VAD / "engine.yaml")
    found = downloadable_models([{"name": model.name, **model.metadata} for model in config.models])["default"]
    assert [file.path for file in found.files] == ["silero_vad.onnx", "LICENSE"]
    assert {part.package.spec for file in found.files for part in file.parts} == {"silero-vad==6.2.3"}


def test_engine_conforms_with_a_model(tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "engines" / "audio_analysis" / "silero-vad"
    kept_out = shutil.ignore_patterns("venv", "external_models", "samples", "__pycache__", "tests")
    shutil.copytree(SILERO_VAD.parents[1], tmp_path / "engines", ignore=kept_out)
    shutil.rmtree(copy / "models", ignore_errors=True)
    tiny_model(copy / "external_models" / "tiny")
    results = list(check_engine(copy))
    assert [(result.check, result.found) for result in results if result.outcome in ("failed", "unchecked")] == []
