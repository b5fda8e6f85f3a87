"""Scene breaks: a line of dots, asterisks or dashes alone, which a reader does not say but keeps silent at."""

SCENE_BREAK_S = 1.5
"""About twice the pause between two paragraphs: long enough to be heard as one."""
_MARKS = frozenset(".…*-–—―_=~#+•·∙◦●○◆◇■□★☆✱✳✻⁂⁎❦❧§")
_LONGEST = 80  # characters of one line; more than that is no mark


def is_scene_break(text: str) -> bool:
    """Tell whether `text` has nothing but marks such as `...`, `* * *` or `— — —`."""
    marks = "".join(text.split())
    return 0 < len(marks) <= _LONGEST and set(marks) <= _MARKS
