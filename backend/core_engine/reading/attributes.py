"""Amounts used as adjectives, such as "a $5 bill" and "a 10 km run", whose unit is singular."""

import re

from core_engine.reading.forms import words

_FUNCTION_WORDS = frozenset(
    words(
        "a about above after again against all an and are as at away back be because been before but by each ever "
        "every "
        "extra for from had has have he her his how i if in into is it its just last less like may me more most my "
        "next "
        "no not now of off on once one only or our out over per plus she should since so still than that the their "
        "them "
        "then there these they this those though to today together too under until up was we were what when where "
        "which "
        "while who will with would yesterday you your worth short richer poorer cheaper later earlier long high tall "
        "wide deep away apart north south east west tomorrow tonight"
    )
)
_ALWAYS = frozenset(["bill", "note", "banknote", "coin", "stamp", "angle"])
_DETERMINER = re.compile(r"\b(?:an?|another|this|that|every|each) $", re.IGNORECASE)
_NOUN_AHEAD = re.compile(r"[ -]([a-z]+)\b")


def is_attributive(match: re.Match[str]) -> bool:
    """Return whether an amount is used as an adjective, as in "a $5 bill", where its unit is singular."""
    string, start = match.string, match.start()
    behind = _NOUN_AHEAD.match(string, match.end())
    if not behind or behind[1] in _FUNCTION_WORDS:
        return False
    if behind[1] in _ALWAYS:
        return True
    return behind.group()[0] == "-" or bool(_DETERMINER.search(string, max(0, start - 12), start))
