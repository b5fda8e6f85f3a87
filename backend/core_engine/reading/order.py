"""All written forms in order, from the least to the most ambiguous."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core_engine.reading.abbreviations import ABBREVIATIONS
from core_engine.reading.addresses import ADDRESSES
from core_engine.reading.clock import CLOCK, RATIOS
from core_engine.reading.dates import ABBREVIATED_DAYS, DATES, NUMERIC_DATES, YEARS
from core_engine.reading.forms import Form
from core_engine.reading.initials import INITIALS, LABELS
from core_engine.reading.marks import DASHES, EMOJI, ENTITIES, MARKS
from core_engine.reading.money import MONEY
from core_engine.reading.numbers import APPROXIMATIONS, COMPARISONS, FRACTIONS, GROUPED, HOUSES, NUMBERS, VULGAR
from core_engine.reading.phones import PHONES
from core_engine.reading.romans import ROMANS
from core_engine.reading.symbols import EMPHASIS, FORMULAS, SYMBOLS
from core_engine.reading.units import BARE_UNITS, MEASURES, SIDES


@dataclass(frozen=True)
class Group:
    """Forms that can only match text that contains `sign`. Most text has few signs, so this saves time."""

    forms: tuple[Form, ...]
    sign: re.Pattern[str]


_DIGIT = re.compile(rf"[\d{''.join(VULGAR)}]")
_ANY = re.compile("")

PASSES: tuple[tuple[Group, ...], ...] = (
    (Group(ENTITIES, re.compile(r"&|\d[\u00a0\u202f\u2009]")),),
    (
        Group(ADDRESSES, re.compile(r"[\w)][.:/@\\]\S|[/@#]\w")),
        Group((*MARKS, *EMPHASIS), re.compile(r"[\[*_]")),
        Group((*APPROXIMATIONS, *COMPARISONS), _DIGIT),
    ),
    (
        Group(EMOJI, re.compile(r"[^\u0000-\u203b]")),
        Group((*NUMERIC_DATES, *GROUPED, *PHONES, *MONEY, *CLOCK, *HOUSES, *DATES), _DIGIT),
        Group(ABBREVIATED_DAYS, _ANY),
        Group((*MEASURES, *YEARS, *RATIOS, *FRACTIONS, *SIDES), _DIGIT),
        Group(BARE_UNITS, _ANY),
        Group(ROMANS, re.compile(r"\b[IVXLCDMivxlcdm]+\b")),
        Group((*ABBREVIATIONS, *FORMULAS, *INITIALS), _ANY),
        Group((*LABELS, *NUMBERS), _DIGIT),
    ),
    (Group((*DASHES, *SYMBOLS), re.compile(r"[^\w\s.,;:!?'\"“”‘’()—…]|_")),),
)
"""Each pass works on the result of the previous one."""


def forms_for(text: str, groups: tuple[Group, ...]) -> Iterator[Form]:
    """Yield the forms of a pass that may match `text`, in order."""
    for group in groups:
        if group.sign.search(text):
            yield from group.forms
