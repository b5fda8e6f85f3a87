"""Scene breaks: a line of only dots, asterisks or dashes, read as a silence."""

SCENE_BREAK_S = 1.5
"""About twice the pause between paragraphs: long enough to be heard as a scene break."""
_MARKS = frozenset(".…*-–—―_=~#+•·∙◦●○◆◇■□★☆✱✳✻⁂⁎❦❧§")


def is_scene_break(text: str) -> bool:
    """Return whether `text` is nothing but marks such as `...`, `* * *` or `— — —`."""
    marks = set("".join(text.split()))
    return bool(marks) and marks <= _MARKS
