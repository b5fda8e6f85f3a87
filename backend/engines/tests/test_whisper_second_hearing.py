"""Which differences are faults of a recording: Whisper is asked how probable the expected words are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from engines.stt.whisper.hearing import Decoded, HeardWord
from engines.stt.whisper.judging import judged
from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.second_hearing import replaced
from engines.stt.whisper.transcriber import Piece, Transcription


class StandIn:
    """A listener with a token for each word, to which all texts are improbable but those that a test names."""

    languages = ("en",)
    most_tokens = 224

    def __init__(self, probable: Mapping[str, float]) -> None:
        self.probable, self.asked, self.words = probable, list[str](), list[str]()

    def listened(self, samples: Any) -> Any: ...

    def language_of(self, states: Any) -> str:
        return "en"

    def decoded(self, states: Any, language: str, temperature: float, prompt: str = "") -> Decoded:
        raise NotImplementedError

    def timed_words(self, states: Any, language: str, tokens: Sequence[int]) -> list[HeardWord]:
        raise NotImplementedError

    def log_probabilities(self, states: Any, language: str, texts: Sequence[str]) -> list[float]:
        self.asked += texts
        return [self.probable.get(text, -30.0) for text in texts]

    def tokens_of(self, text: str) -> list[int]:
        for word in text.split():
            if word not in self.words:
                self.words.append(word)
        return [self.words.index(word) for word in text.split()]

    def word_of(self, tokens: Sequence[int]) -> str:
        return "".join(f" {self.words[token]}" for token in tokens)

    def hears(self, *texts: str, likely: Mapping[int, str] = {}) -> Transcription:
        """Return pieces of these texts; at the places `likely` of the first, other words were likely, too."""
        pieces = []
        for text in texts:
            tokens = tuple(self.tokens_of(text))
            following = np.full((len(tokens) + 1, 50), -30.0)
            following[range(len(tokens)), tokens] = 0.0
            for place, word in likely.items():
                following[place, self.tokens_of(word)[0]] = -2.0
            pieces.append(Piece(Decoded(text, tokens, -0.1, 0.0, following), "en", None))
        return Transcription(tuple(pieces), "en", 2.0)


def outcome(listener: StandIn, heard: Transcription, expected: str) -> tuple[list[Any], list[Any]]:
    judgement = judged(listener, heard, expected, Pronunciation([]))
    assert judgement
    shown = [
        [(fault.kind, fault.expected, fault.heard) for fault in found]
        for found in (judgement.faults, judgement.mishearings)
    ]
    return shown[0], shown[1]


@pytest.mark.parametrize(("said", "is_fault"), [(-2.0, False), (-5.9, False), (-6.1, True), (-20.0, True)])
def test_another_word_is_a_fault_unless_the_expected_one_is_nearly_as_probable(said: float, is_fault: bool) -> None:
    listener = StandIn({"The hair ran.": 0.0, "The hare ran.": said})
    found = [("replaced", "hare", "hair")]
    assert outcome(listener, listener.hears("The hair ran."), "The hare ran.") == (
        (found, []) if is_fault else ([], found)
    )


def test_left_out_word_is_a_fault_though_the_text_with_it_is_probable() -> None:
    listener = StandIn({"He opened though.": 0.0, "He opened the door.": -3.0, "He opened the.": -3.1})
    faults, misheard = outcome(listener, listener.hears("He opened though."), "He opened the door.")
    assert (faults, misheard) == ([("replaced", "the door", "though")], [])


@pytest.mark.parametrize("heard", ["She flew flew away.", "She flew, she flew away."])
def test_repeated_words_are_a_fault_however_improbable(heard: str) -> None:
    listener = StandIn({heard: 0.0, "She flew away.": 0.0})
    faults, _ = outcome(listener, listener.hears(heard, likely={2: "away."}), "She flew away.")
    assert [kind for kind, _, _ in faults] == ["doubled"]


def test_word_that_the_transcript_has_once_may_have_been_said_twice() -> None:
    text = "Thick ropes with teeth."
    listener = StandIn({text: 0.0, "Thick ropes ropes with teeth.": -1.0})
    assert outcome(listener, listener.hears(text, likely={2: "ropes"}), text)[0] == [("doubled", "", "ropes")]


def test_word_that_the_transcript_made_up_is_missing() -> None:
    text = "Thick ropes with teeth."
    listener = StandIn({text: 0.0, "Thick with teeth.": -1.0})
    assert outcome(listener, listener.hears(text, likely={1: "with"}), text)[0] == [("missing", "ropes", "")]


def test_transcript_without_doubt_is_not_heard_again() -> None:
    text = "Thick ropes with teeth."
    listener = StandIn({})
    assert outcome(listener, listener.hears(text), text) == ([], [])
    assert listener.asked == []


def test_long_stretch_is_no_mishearing_however_probable_and_takes_no_time() -> None:
    nine = "one two six four ten six two eight ten"
    listener = StandIn({"He ran.": 0.0, f"He {nine} ran.": 0.0})
    faults, _ = outcome(listener, listener.hears("He ran."), f"He {nine} ran.")
    assert faults == [("missing", nine, "")]
    assert listener.asked == []


def test_second_hearing_is_of_the_piece_in_which_the_difference_is() -> None:
    listener = StandIn({"The hair ran.": 0.0, "The hare ran.": -1.0})
    heard = listener.hears("A dog slept.", "The hair ran.")
    assert outcome(listener, heard, "A dog slept. The hare ran.") == ([], [("replaced", "hare", "hair")])
    assert listener.asked == ["The hair ran.", "The hare ran."]


def test_no_expected_words_are_nothing_to_judge() -> None:
    listener = StandIn({})
    assert judged(listener, listener.hears("Something."), "…", Pronunciation([])) is None


@pytest.mark.parametrize(
    ("place", "words", "text"),
    [
        ((8, 8), "slow", "It is so slow, he said."),
        ((3, 5), "was", "It was so, he said."),
        ((6, 8), "", "It is, he said."),
        ((0, 2), "He", "He is so, he said."),
    ],
)
def test_replaced_words_keep_their_marks(place: tuple[int, int], words: str, text: str) -> None:
    given = "It is so, he said."
    assert replaced(given, *place, words) == text
