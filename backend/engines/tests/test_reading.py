"""Texts as the cloning engines get them."""

from engines.speech.reading import as_spoken


def test_english_is_read_aloud() -> None:
    assert as_spoken("Henry VIII met the C.I.A. at 3 a.m.", "en") == "Henry the eighth met the C I A at three A-M."
    assert as_spoken("105", "en-gb") == "one hundred and five"


def test_other_languages_stay() -> None:
    for language in ("de", "zh-cn", "ja", ""):
        assert as_spoken("5 km, Dr. XII", language) == "5 km, Dr. XII"
