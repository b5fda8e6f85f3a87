"""What is a scene break, and what is text."""

import pytest

from core_engine.reading.scene_breaks import is_scene_break


@pytest.mark.parametrize(
    "text", ["...", "…", "* * *", "***", "— — —", "–", "-----", "\n * * * \n", "⁂", "# # #", "~", "*" * 81]
)
def test_marks_alone_are_a_scene_break(text: str) -> None:
    assert is_scene_break(text)


@pytest.mark.parametrize("text", ["", "  \n", "... and then", "a", "$", "?!", "7", "\u200b", "漢字"])
def test_anything_else_is_not(text: str) -> None:
    assert not is_scene_break(text)
