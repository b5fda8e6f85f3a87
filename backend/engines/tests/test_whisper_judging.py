"""How Whisper's server judges: languages, pieces, rules of pronunciation, deviations, scores."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.contract.errors import RequestError
from engines.contract.wire import PronunciationRule
from engines.stt.whisper.comparison import compare
from engines.stt.whisper.hearing import Decoded
from engines.stt.whisper.languages import whisper_language
from engines.stt.whisper.pieces import cut_at_pauses, is_silent
from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.readings import closest
from engines.stt.whisper.second_hearing import Fault
from engines.stt.whisper.sound_faults import SoundFault
from engines.stt.whisper.transcriber import Piece, Transcription
from engines.stt.whisper.verdict import FAULTLESS_FROM, FAULTY_TO, MOST_ISSUES, Judgement, verdict
from engines.stt.whisper.words import Passage, SpokenWord

RATE = 16_000
KNOWN = ("en", "zh", "de", "pt", "he", "ja", "jw", "no", "tl")
WORDS = st.lists(st.sampled_from("abc"), max_size=8)


def rule(pattern: str, replacement: str, is_regex: bool = False, is_active: bool = True) -> PronunciationRule:
    return PronunciationRule(pattern=pattern, replacement=replacement, is_regex=is_regex, is_active=is_active)


def passage_of(words: list[str]) -> Passage:
    """Return a text of these words, each as it is."""
    starts = [sum(len(word) + 1 for word in words[:index]) for index in range(len(words))]
    placed = (SpokenWord(word, start, start + len(word)) for word, start in zip(words, starts, strict=True))
    return Passage(" ".join(words), tuple(placed))


def compared(expected: str, heard: str) -> Any:
    return compare(passage_of(expected.split()), passage_of(heard.split()))


def heard(text: str = "something", confidence: float = 0.9) -> Transcription:
    decoded = Decoded(text, (1,), float(np.log(confidence)), 0.0, np.zeros((1, 2)))
    return Transcription((Piece(decoded, "en", None),) if text else (), "en", 2.0)


def judgement(expected: str, got: str, *faults: Fault, mishearings: tuple[Fault, ...] = ()) -> Judgement:
    return Judgement(compared(expected, got), faults, mishearings)


def sound(seconds: float, level: float = 0.5) -> "np.ndarray":
    return np.asarray(level * np.sin(np.arange(int(seconds * RATE)) * 0.2), np.float32)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("zh-cn", "zh"), ("zh-CN", "zh"), ("zh_TW", "zh"), ("cmn", "zh"), ("cn", "zh"), ("zh-Hans", "zh"),
        ("en", "en"), (" EN-gb ", "en"), ("pt-br", "pt"), ("iw", "he"), ("jp", "ja"), ("jv", "jw"), ("nb", "no"),
        ("fil", "tl"), ("xx", None), ("", None), ("auto", None), ("klingon", None),
    ],
)  # fmt: skip
def test_language_of_any_application_is_mapped_or_detected(code: str, language: str | None) -> None:
    assert whisper_language(code, KNOWN) == language


@pytest.mark.parametrize(("known", "language"), [(KNOWN, "zh"), ((*KNOWN, "yue"), "yue")])
def test_language_cantonese_is_chinese_to_models_without_it(known: Any, language: str) -> None:
    assert whisper_language("zh-HK", known) == whisper_language("yue", known) == language


@pytest.mark.parametrize(("level", "silent"), [(0.0, True), (0.003, True), (0.0033, False), (0.5, False)])
def test_silence_is_below_minus_50_db(level: float, silent: bool) -> None:
    assert is_silent(sound(1, level)) is silent
    assert is_silent(sound(1, level) + np.float32(0.2)) is silent  # a constant is no sound


def test_silence_of_nothing() -> None:
    assert is_silent(np.zeros(0, np.float32))


def test_pieces_are_cut_in_pauses_and_make_up_the_whole() -> None:
    pause = np.zeros(RATE // 2, np.float32)
    whole = np.concatenate([sound(8), pause, sound(9), pause, sound(11.5), pause, sound(7)])
    pieces = cut_at_pauses(whole, RATE, 10)
    assert np.array_equal(np.concatenate(pieces), whole)
    assert [is_silent(piece[-1600:]) for piece in pieces[:2]] == [True, True]
    assert all(len(piece) <= 10 * RATE for piece in pieces)


@pytest.mark.parametrize("length", [0, 1, 2, 100, RATE - 1, RATE, RATE + 1, 10 * RATE])
def test_pieces_of_any_length_end(length: Any) -> None:
    pieces = cut_at_pauses(np.ones(length, np.float32), RATE, 1)
    assert sum(len(piece) for piece in pieces) == length
    assert all(len(piece) <= RATE for piece in pieces)


@pytest.mark.parametrize(
    ("expected", "got", "match", "deviations"),
    [
        ("the old house", "the old house", 1.0, []),
        ("the old house", "the cold house", 2 / 3, [(("old",), ("cold",))]),
        ("the old house", "the house", 2 / 3, [(("old",), ())]),
        ("the old house", "the very old house", 2 / 3, [((), ("very",))]),
        ("the old house", "", 0.0, [(("the", "old", "house"), ())]),
        ("some one", "someone", 1.0, []),
        ("one hundred and five", "one hundred five", 1.0, []),
        ("a hundred men", "one hundred men", 1.0, []),
        ("a man", "one man", 0.5, [(("a",), ("one",))]),
        ("a b c d", "x b y d", 0.5, [(("a",), ("x",)), (("c",), ("y",))]),
        ("yes", "no no no", 0.0, [(("yes",), ("no", "no", "no"))]),
        ("", "", 1.0, []),
    ],
)
def test_compare_finds_the_fewest_changes(expected: str, got: str, match: float, deviations: Any) -> None:
    comparison = compared(expected, got)
    assert comparison.match == pytest.approx(match)
    found = [(comparison.expected_text(part), comparison.heard_text(part)) for part in comparison.deviations]
    assert found == [(" ".join(said), " ".join(heard)) for said, heard in deviations]


@given(expected=WORDS, got=WORDS)
def test_compare_makes_as_few_changes_as_levenshtein(expected: Any, got: Any) -> None:
    comparison = compare(passage_of(expected), passage_of(got))
    assert sum(deviation.errors for deviation in comparison.deviations) == levenshtein(expected, got)


def levenshtein(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row, above = [i], row
        for j, b in enumerate(other, 1):
            row.append(min(row[-1] + 1, above[j] + 1, above[j - 1] + (a != b)))
    return row[-1]


@pytest.mark.timeout(30)
def test_compare_of_ten_thousand_words_takes_seconds_at_most() -> None:
    words = [str(number % 97) for number in range(10_000)]  # as many as the characters of the longest Chinese text
    said, got = Passage("", tuple(SpokenWord(word, 0, 0) for word in words)), words[:2000] + words[2010:]
    comparison = compare(said, Passage("", tuple(SpokenWord(word, 0, 0) for word in got)))
    assert comparison.word_error_rate == pytest.approx(10 / 10_000)


@pytest.mark.parametrize(
    ("rules", "expected", "got"),
    [
        ([rule("SQL", "sequel")], "We use SQL here", "We use sequel here"),
        ([rule("SQL", "sequel")], "We use SQL here", "We use SQL here"),
        ([rule("Nguyen", "Win"), rule("SQL", "sequel")], "Nguyen writes SQL", "Win writes SQL"),
        ([rule(r"(\d+)km", r"\1 kilometres", is_regex=True)], "It is 5km away", "It is 5 kilometres away"),
        ([rule("a+b", "a plus b")], "Say a+b now", "Say a plus b now"),
        ([rule("x", r"\1")], "x", r"\1"),
    ],
)
def test_pronunciation_rules_count_as_no_deviation(rules: list[Any], expected: str, got: str) -> None:
    comparison, _ = closest(expected, [got], "en", Pronunciation(rules))
    assert comparison.deviations == ()


@pytest.mark.parametrize("rules", [[], [rule("SQL", "sequel", is_active=False)], [rule("", "x")]])
def test_pronunciation_rules_that_are_off_change_nothing(rules: list[Any]) -> None:
    assert list(Pronunciation(rules).readings("SQL", ["sequel"])) == [("SQL", ["sequel"])]


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (rule("(", "x", is_regex=True), "no regular expression"),
        (rule("(a)", r"\2", is_regex=True), "replacement that does not fit"),
        (rule(r"(x+x+)+y", "z", is_regex=True), "takes too long"),
    ],
)
def test_pronunciation_rule_that_cannot_be_used_is_named(bad: Any, complaint: str) -> None:
    text = "a" + "x" * 5000
    with pytest.raises(RequestError, match=complaint) as refused:
        list(Pronunciation([bad]).readings(text, [text]))
    assert bad.pattern in str(refused.value)


def test_verdict_without_expected_text_is_the_confidence() -> None:
    analysis = verdict(heard(confidence=0.823), None)
    assert (analysis.score, analysis.top_label, analysis.info_blocks) == (82, "whisperTranscription", {})
    shown = {field.key: (field.value, field.type) for field in analysis.fields}
    assert shown == {
        "confidence": (82.3, "percent"),
        "language": ("en", "string"),
        "duration": (2.0, "seconds"),
        "transcription": ("something", "text"),
    }


def test_verdict_of_faults_is_the_share_of_right_words_and_never_perfect() -> None:
    text = " ".join(f"w{number}" for number in range(50))
    analysis = verdict(heard(confidence=0.1), judgement(text, text, Fault("replaced", "1st printed", "x", 1)))
    assert analysis.score == FAULTY_TO
    (issue,) = analysis.info_blocks["textDeviations"]
    assert (issue.text, issue.severity) == ("wordMismatch", "warning")
    assert issue.details == {"expected": "1st printed", "detected": "x"}
    faults = [Fault("missing", "w", "", 1)] * 3
    assert verdict(heard(), judgement("a b c d e f", "a b c", *faults)).score == 50


def test_verdict_of_mishearings_is_perfect_and_shows_them() -> None:
    misheard = (Fault("replaced", "hare", "hair", 1),)
    analysis = verdict(heard(), judgement("the hare", "the hair", mishearings=misheard))
    assert analysis.score == FAULTLESS_FROM
    (issue,) = analysis.info_blocks["textDeviations"]
    assert (issue.severity, issue.details) == ("info", {"expected": "hare", "detected": "hair"})
    assert next(field.value for field in analysis.fields if field.key == "textMatch") == 50.0


@pytest.mark.parametrize("kind", ["missing", "added", "replaced"])
def test_verdict_of_four_words_in_a_row_is_a_defect_however_long_the_text(kind: Any) -> None:
    text = "x " * 100
    analysis = verdict(heard(), judgement(text, text, Fault(kind, "a b c d", "e f g h", 4)))
    assert analysis.score == 69
    assert analysis.info_blocks["textDeviations"][0].severity == "error"


def test_verdict_names_missing_words() -> None:
    fault = Fault("missing", "c d e", "", 3)
    (issue,) = verdict(heard(), judgement("a b c d e", "a b", fault)).info_blocks["textDeviations"]
    assert (issue.text, issue.details) == ("incompleteTranscription", {"missingWords": "c d e"})


def test_verdict_shows_the_worst_fault_first_and_not_all() -> None:
    faults = [Fault("replaced", f"word{number}", "other", 1) for number in range(50)]
    analysis = verdict(heard(), judgement("a", "b", *faults, Fault("missing", "b c d", "", 3)))
    issues = analysis.info_blocks["textDeviations"]
    assert len(issues) == MOST_ISSUES
    assert str(issues[0].details).count("b c d") == 1


@pytest.mark.parametrize(("severity", "score"), [("info", 100), ("warning", FAULTY_TO), ("error", 69)])
def test_verdict_of_the_sound_stands_apart_from_the_text(severity: Any, score: int) -> None:
    noise = SoundFault("noise", severity, {"speechOverNoiseDb": 12.0})
    analysis = verdict(heard(), judgement("a b", "a b"), [noise])
    assert analysis.score == score
    assert list(analysis.info_blocks) == ["audioIssues"]
    (issue,) = analysis.info_blocks["audioIssues"]
    assert (issue.text, issue.severity, issue.details) == ("noise", severity, {"speechOverNoiseDb": 12.0})


def test_verdict_of_silence_says_so() -> None:
    analysis = verdict(
        heard("", 0.9), judgement("a b", "", Fault("missing", "a b", "", 2)), [SoundFault("silence", "error", {})]
    )
    assert analysis.score == 0
    assert [issue.text for issue in analysis.info_blocks["audioIssues"]] == ["silence"]
