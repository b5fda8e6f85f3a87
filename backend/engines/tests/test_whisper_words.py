"""Texts as the words that are heard, and each word's place in the text."""

import pytest

from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.readings import closest
from engines.stt.whisper.words import passage


def differences(expected: str, heard: str, language: str = "en") -> list[tuple[str, str]]:
    comparison, _ = closest(expected, [heard], language, Pronunciation([]))
    return [(comparison.expected_text(part), comparison.heard_text(part)) for part in comparison.deviations]


@pytest.mark.parametrize(
    ("expected", "heard"),
    [
        ("Well… I never thought of it… until now.", "Well, I never thought of it until now."),
        ("And then nothing...", "And then nothing."),
        ("One, two, three, go!", "123 go!"),
        ("One, two, three, go!", "1, 2, 3, go!"),
        ("Smith & Sons", "Smith and Sons"),
        ("It’s the colour of Mr. Smith’s house (the old one).", "it's the color of mister smith's house the old one"),
        ("Twenty-one well-known people", "21 well known people"),
        ("He paid $3.50 on May 3rd, 1905.", "He paid three dollars and fifty cents on May third, nineteen oh five."),
        ("The F.B.I. agent", "The FBI agent"),
        ("I can't, I won't", "I cannot, I will not"),
        ("They realised that the grey centre was ploughed.", "They realized that the gray center was plowed."),
    ],
)
def test_written_forms_of_the_same_words_do_not_differ(expected: str, heard: str) -> None:
    assert differences(expected, heard) == []


@pytest.mark.parametrize(
    ("expected", "heard", "language"),
    [
        ("¿Qué pasó? — ¡Nada!", "qué pasó nada", "es"),
        ("你好，世界。", "你好 世界", "zh"),
        ("मेरा घर नदी के पास है।", "मेरा घर, नदी के पास है", "hi"),
        ("Straße", "STRASSE", "de"),
    ],
)
def test_words_of_other_languages_lose_case_and_marks_only(expected: str, heard: str, language: str) -> None:
    assert differences(expected, heard, language) == []
    assert passage(expected, language).words


def test_differences_are_shown_in_the_words_of_the_text() -> None:
    assert differences("It was 1st printed in 1905, they say.", "It was in 1905, they say.") == [("1st printed", "")]
    assert differences("She paid $3.50.", "She paid nothing.") == [("$3.50", "nothing")]


def test_place_of_no_words_is_after_the_word_before() -> None:
    text = passage("So slow, he said.", "en")
    assert text.place(2, 2) == (7, 7)
    assert text.place(0, 0) == (0, 0)
    assert passage("", "en").words == passage("…", "en").words == ()


def test_languages_without_spaces_are_compared_by_characters() -> None:
    assert differences("我看见一只猫", "我看见一只狗", "zh") == [("猫", "狗")]
