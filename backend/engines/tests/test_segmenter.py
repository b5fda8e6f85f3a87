"""segmenter: segments of whole sentences, at their places, as long as they may be."""

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import engines
from engines.conformance.trial import Trial, trial_of
from engines.contract.segments import Sentence, packed

ENGINES = Path(engines.__file__).parent
SEGMENTER = ENGINES / "text_processing" / "segmenter"
SPACY = {"de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "ru", "zh"}
STORY = (
    "Dr. Hale met J. K. Marsh at 7:30 p.m. in St. Ives. “Is it you?” she asked. “It is,” he said.\n\n"
    "Nobody else came. It rained.\n\n* * *\n\nThe next day was cold. The End."
)


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with trial_of(SEGMENTER) as trial:
        trial.start()
        trial.model = "en"
        trial.load()
        yield trial


def segments(trial: Trial, text: str, language: str = "en", **body: Any) -> list[dict[str, Any]]:
    answer = trial.post("/segment", {"text": text, "language": language, **body})
    assert answer.status == 200, answer.body
    found = answer.json()
    assert [segment["orderIndex"] for segment in found["segments"]] == list(range(found["totalSegments"]))
    assert found["totalCharacters"] == sum(len(segment["text"]) for segment in found["segments"])
    assert found["failedCount"] == sum(segment["status"] == "failed" for segment in found["segments"])
    for segment in found["segments"]:
        assert text[segment["start"] : segment["end"]] == segment["text"]
    return list(found["segments"])


def texts(trial: Trial, text: str, language: str = "en", **body: Any) -> list[str]:
    return [segment["text"] for segment in segments(trial, text, language, **body)]


def test_paragraphs_and_scene_breaks_are_segments(trial: Trial) -> None:
    assert texts(trial, STORY) == [
        "Dr. Hale met J. K. Marsh at 7:30 p.m. in St. Ives. “Is it you?” she asked. “It is,” he said.",
        "Nobody else came. It rained.",
        "* * *",
        "The next day was cold. The End.",
    ]


def test_segments_take_as_many_sentences_as_fit(trial: Trial) -> None:
    sentence = "The cat sat on the mat."
    found = texts(trial, " ".join([sentence] * 30), max_length=100)
    assert {len(text) for text in found[:-1]} == {4 * 24 - 1}
    assert texts(trial, f"{sentence} {sentence}", max_length=47) == [f"{sentence} {sentence}"]
    assert texts(trial, f"{sentence} {sentence}", max_length=46) == [sentence, sentence]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I.\n\nIt was night.", ["I.\n\nIt was night."]),
        ("It was night.\n\nFin.", ["It was night.\n\nFin."]),
        ("It was night.\n\nIt rained.", ["It was night.", "It rained."]),
        ("No.\n\nYes.\n\nNo.", ["No.\n\nYes.\n\nNo."]),
        ("No.\n\n...\n\nYes.", ["No.", "...", "Yes."]),
        ("  \n\n It was night. \n", ["It was night."]),
        ("?!", ["?!"]),
    ],
)
def test_short_paragraphs_join_their_neighbours(trial: Trial, text: str, expected: Any) -> None:
    assert texts(trial, text) == expected


def test_oversized_sentence_is_whole_and_failed(trial: Trial) -> None:
    long = "Word " * 20 + "end."
    short, failed, after = segments(trial, f"It rained. {long} It rained.", max_length=50)
    assert (short["status"], after["status"]) == ("ok", "ok")
    assert failed["text"] == long
    shown = {name: failed[name] for name in ("status", "length", "maxLength", "issue")}
    assert shown == {"status": "failed", "length": 104, "maxLength": 50, "issue": "sentence_too_long"}
    assert {short[name] for name in ("length", "maxLength", "issue")} == {None}
    assert [one["status"] for one in segments(trial, long, max_length=50, mark_oversized=False)] == ["ok"]


def test_languages_are_those_of_spacy_and_of_the_speaking_engines(trial: Trial) -> None:
    listed = trial.listed()
    assert listed[0] == "en"
    spoken = {
        code
        for path in ENGINES.glob("tts/*/engine.yaml")
        for code in yaml.safe_load(path.read_text(encoding="utf-8"))["supported_languages"]
    }
    assert SPACY | spoken <= set(listed)
    config = yaml.safe_load((SEGMENTER / "engine.yaml").read_text(encoding="utf-8"))
    assert (
        sorted(config["supported_languages"]) == sorted(model["name"] for model in config["models"]) == sorted(listed)
    )


@pytest.mark.parametrize("code", ["de", "zh-cn", "no", "pt-br", "en"])
def test_language_is_loaded_at_once(trial: Trial, code: str) -> None:
    answer = trial.post("/load", {"engineModelName": code})
    assert (answer.status, answer.json()["status"]) == (200, "loaded")
    assert trial.get("/health").json()["currentEngineModel"] == code
    assert not any(trial.models_dir.iterdir())


@pytest.mark.parametrize("name", ["xx", "EN", "default", "en_core_web_md"])
def test_unknown_language_is_404(trial: Trial, name: str) -> None:
    assert trial.post("/load", {"engineModelName": name}).status == 404


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Am 3. Mai kam Dr. Meier, z. B. mit Äpfeln. „Komm!“ Er ging.", 3),
        ("zh-cn", "他来了。“走吧。”然后他走了。", 3),
        ("ja", "彼は来た。「行こう。」と彼は言った。", 2),
        ("de_AT", "Nr. 5 lebt. Ja.", 2),
        (" EN-us ", "Mr. Obi left. Why?", 2),
    ],
)
def test_language_of_the_request_decides(trial: Trial, language: str, text: str, expected: Any) -> None:
    assert len(texts(trial, text, language, maxLength=1, minLength=0)) == expected


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"text": "", "language": "en"}, "Text cannot be empty"),
        ({"text": " \n", "language": "en"}, "Text cannot be empty"),
        ({"text": "Hello.", "language": " "}, "Language cannot be empty"),
        ({"text": "Hello.", "language": "xx"}, "Unsupported language 'xx'"),
        ({"text": "Hello.", "language": "en", "max_length": 0}, "max_length must be positive"),
        ({"text": "Hello.", "language": "en", "minLength": -1}, "min_length cannot be negative"),
        ({"text": "Hello.", "language": "en", "max_length": 10}, "min_length must be less than max_length"),
        ({"text": "Hello.", "language": "en", "max_length": 10.5}, "max"),
        ({"text": "\ud800", "language": "en"}, "text"),
        ({"language": "en"}, "text"),
    ],
)
def test_refusal_is_400_with_its_reason(trial: Trial, body: dict[str, object], detail: str) -> None:
    answer = trial.post("/segment", body)
    assert (answer.status, detail in answer.json()["detail"]) == (400, True), answer.body
    assert trial.get("/health").json()["status"] == "ready"


def test_nulls_are_defaults(trial: Trial) -> None:
    text = "It rained. " * 100
    nulls: dict[str, Any] = {"maxLength": None, "minLength": None, "markOversized": None}
    assert texts(trial, text, **nulls) == texts(trial, text)


def test_book_of_a_million_characters_takes_seconds(trial: Trial) -> None:
    text = (STORY + "\n\n") * (1_000_000 // len(STORY))
    started = time.monotonic()
    found = segments(trial, text)
    assert time.monotonic() - started < 60
    assert "".join("".join(one["text"].split()) for one in found) == "".join(text.split())


def test_packed_cuts_no_sentence_and_loses_none() -> None:
    chance = random.Random(3)
    for _ in range(500):
        text, sentences = "", []
        for _ in range(chance.randrange(1, 12)):
            begins = chance.random() < 0.3
            start = len(text)
            text += "\n\n" * begins + chance.choice(["* * *", "No.", "It rained.", "x" * 45]) + " "
            sentences.append(Sentence(start, len(text), begins))
        longest, least = chance.choice([(20, 0), (30, 10), (40, 39), (250, 10)])
        spans = packed(text, sentences, longest, least)
        places = [place for span in spans for place in (span.start, span.end)]
        assert places == sorted(places)
        covered = [
            any(span.start <= one.start + 2 * one.begins_paragraph and one.end - 1 <= span.end for span in spans)
            for one in sentences
        ]
        assert all(covered)
        for span in spans:
            assert span.length <= longest or sum(span.start <= one.start + 2 < span.end for one in sentences) == 1
