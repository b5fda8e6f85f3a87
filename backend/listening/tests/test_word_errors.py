"""The alignment of two texts: word error rate, and runs of lost or repeated words."""

import random
from typing import Any

import pytest

from listening.texts import FABLES
from listening.word_errors import sequence_errors, together, word_errors, words_of

TEXT = "the keeper climbed the stairs at dusk and lit the lamp before the first ship came"


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert words_of("“Don’t go,” she said — well-known, isn't it?") == (
        ["don't", "go", "she", "said", "well", "known", "isn't", "it"]
    )


def test_same_text_has_no_errors() -> None:
    found = word_errors(TEXT, TEXT.title() + ".")
    assert (found.rate, found.longest_lost, found.longest_added, found.differences) == (0, 0, 0, ())


@pytest.mark.parametrize(
    ("heard", "errors", "lost", "added"),
    [
        pytest.param("the keeper", 14, 14, 0, id="most is lost"),
        pytest.param("", 16, 16, 0, id="nothing is heard"),
        pytest.param(TEXT.replace("at dusk", "at last"), 1, 0, 0, id="a word is substituted"),
        pytest.param(TEXT.replace("at dusk ", ""), 2, 2, 0, id="two words are lost"),
        pytest.param(TEXT.replace("at dusk", "at dusk at dusk"), 2, 0, 2, id="two words are doubled"),
        pytest.param(TEXT.replace("and lit the lamp", "and slid the lamp at"), 2, 0, 1, id="one wrong, one added"),
        pytest.param(TEXT.replace("keeper climbed", "keyboard"), 2, 1, 0, id="two words heard as one"),
        pytest.param(f"well then {TEXT}", 2, 0, 2, id="before the beginning"),
        pytest.param(f"{TEXT} thank you", 2, 0, 2, id="after the end"),
    ],
)
def test_errors_and_runs(heard: str, errors: int, lost: int, added: int) -> None:
    found = word_errors(TEXT, heard)
    assert (round(found.rate * 16), found.longest_lost, found.longest_added) == (errors, lost, added)


def test_differences_have_position_and_words() -> None:
    (found,) = word_errors("one two three four", "one too tree four").differences
    assert (found.position, found.expected, found.heard) == (1, ("two", "three"), ("too", "tree"))
    assert str(word_errors("a b", "a")) == "50.0 % of 2 words (word 2: b → -)"


def test_text_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no words"):
        word_errors("...", "anything")


def test_errors_of_several_texts_are_those_of_one() -> None:
    both = together([word_errors("a b c", "a c"), word_errors("d e", "d x")])
    assert both.words == 5
    assert both.rate == pytest.approx(2 / 5)
    assert [found.position for found in both.differences] == [1, 4]


@pytest.mark.parametrize("seed", range(5))
def test_distance_is_minimal(seed: int) -> None:
    chance = random.Random(seed)
    one, other = ([chance.choice("abcd") for _ in range(chance.randint(1, 7))] for _ in range(2))

    def least(i: Any, j: Any) -> Any:
        if not i or not j:
            return i + j
        return min(least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    assert sequence_errors(one, other).rate * len(one) == pytest.approx(least(len(one), len(other)))


def test_chunk_lost_or_doubled_in_a_chapter_is_one_run() -> None:
    words = words_of(FABLES.read_text(encoding="utf-8"))
    assert len(words) >= 1500
    for begin in (0, 300, 700, 1400):
        chunk = words[begin : begin + 40]
        lost = sequence_errors(words, words[:begin] + words[begin + 40 :])
        doubled = sequence_errors(words, words[: begin + 40] + chunk + words[begin + 40 :])
        assert lost.longest_lost >= 20, str(lost)
        assert doubled.longest_added >= 20, str(doubled)
        assert lost.rate == doubled.rate == pytest.approx(40 / len(words))
