"""Long texts cut at sentences."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.speech.sentences import cut_at_sentences


def without_space(text):
    return re.sub(r"\s+", "", text)


@given(st.text(alphabet=st.sampled_from("ab .!?,;。！，\n\"'”…")), st.integers(1, 30))
def test_pieces_hold_everything_but_space_and_fit(text, longest):
    pieces = cut_at_sentences(text, longest)
    assert all(0 < len(piece) <= longest and piece == piece.strip() for piece in pieces)
    assert without_space("".join(pieces)) == without_space(text)


@pytest.mark.parametrize(
    ("text", "longest", "pieces"),
    [
        ("", 10, []),
        (" \n ", 10, []),
        ("One.", 10, ["One."]),
        ("One. Two. Three.", 10, ["One. Two.", "Three."]),
        ("He said “Go!” Then he went.", 15, ["He said “Go!”", "Then he went."]),
        ("One two, three four", 12, ["One two,", "three four"]),
        ("one two three", 8, ["one two", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("你好。再见。", 3, ["你好。", "再见。"]),
        ("A title\nOne. Two.", 9, ["A title", "One. Two."]),
    ],
)
def test_text_is_cut_at_the_best_place(text, longest, pieces):
    assert cut_at_sentences(text, longest) == pieces


def test_text_without_an_end_takes_time_in_proportion():
    assert len(cut_at_sentences("word " * 50_000, 250)) == 1_000


def test_no_room_is_refused():
    with pytest.raises(ValueError, match="room"):
        cut_at_sentences("text", 0)
