"""Scene breaks: a line of dots, asterisks or dashes alone, which a reader does not say but keeps silent at."""

SCENE_BREAK_S = 1.5
"""About twice the pause between two paragraphs: long enough to be heard as one."""
_MARKS = frozenset(".…*-–—―_=~#+•·∙◦●○◆◇■□★☆✱✳✻⁂⁎❦❧§")


def is_scene_break(text: str) -> bool:
    """Tell whether `text` has nothing but marks such as `...`, `* * *` or `— — —`."""
    marks = set("".join(text.split()))
    return bool(marks) and marks <= _MARKS
