"""Hindi words compared by their consonants, in two scripts."""

import pytest

from listening.hindi import consonants, hindi_errors
from listening.texts import PASSAGES

TEXT = next(passage.text for passage in PASSAGES if passage.language == "hi")


@pytest.mark.parametrize(
    ("devanagari", "urdu"),
    [("मेरा", "میرا"), ("घर", "گھر"), ("बच्चे", "بچے"), ("कहानी", "کہانی"), ("हैं", "ہیں"), ("और", "اور"), ("लड़का", "لڑکا")],
)
def test_both_scripts_give_the_same_consonants(devanagari: str, urdu: str) -> None:
    assert consonants(devanagari) == consonants(urdu) != ""


def test_text_is_the_same_as_itself() -> None:
    assert hindi_errors(TEXT, TEXT).rate == 0


def test_other_and_missing_words_are_errors() -> None:
    assert hindi_errors(TEXT, TEXT.replace("कहानी", "किताब")).rate == pytest.approx(1 / 19)
    assert hindi_errors(TEXT, TEXT.partition("।")[0]).longest_lost == 13
    assert hindi_errors(TEXT, "my house is near").rate == 1
