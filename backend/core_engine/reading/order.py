"""All written forms in order, from the least to the most ambiguous."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core_engine.reading.abbreviations import ABBREVIATIONS, may_be_abbreviated
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
    """Forms that can only match a text with a sign of them. Most text has few signs, so this saves time."""

    forms: tuple[Form, ...]
    has_sign: Callable[[str], object]


_DIGIT = re.compile(rf"[\d{''.join(VULGAR)}]").search
_FORMULA = re.compile(r"[+#^&⁰¹²³⁴⁵⁶⁷⁸⁹₀-₉]|\d[eE]|\b[A-F][-−]").search
_INITIAL = re.compile(r"[A-Z][A-Z.]|[a-z]\.[A-Za-z]|Ph[.D]|IoT").search
_UNIT = re.compile(r"\b(?:k[mgpW]|cm|m[mlgp]|lbs)").search
_DAY = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Aug|Sep|Oct|Nov|Dec|Apr)(?![a-z]*day)").search

PASSES: tuple[tuple[Group, ...], ...] = (
    (Group(ENTITIES, re.compile(r"&|\d[\u00a0\u202f\u2009]").search),),
    (
        Group(ADDRESSES, re.compile(r"[\w)][.:/@\\]\S|[/@#]\w").search),
        Group((*MARKS, *EMPHASIS), re.compile(r"[\[*_]").search),
        Group((*APPROXIMATIONS, *COMPARISONS), _DIGIT),
    ),
    (
        Group(EMOJI, re.compile(r"[^\u0000-\u203b]").search),
        Group((*NUMERIC_DATES, *GROUPED, *PHONES, *MONEY, *CLOCK, *HOUSES, *DATES), _DIGIT),
        Group(ABBREVIATED_DAYS, _DAY),
        Group((*MEASURES, *YEARS, *RATIOS, *FRACTIONS, *SIDES), _DIGIT),
        Group(BARE_UNITS, _UNIT),
        Group(ROMANS, re.compile(r"\b[IVXLCDMivxlcdm]+\b").search),
        Group(ABBREVIATIONS, may_be_abbreviated),
        Group(FORMULAS, _FORMULA),
        Group(INITIALS, _INITIAL),
        Group((*LABELS, *NUMBERS), _DIGIT),
    ),
    (Group((*DASHES, *SYMBOLS), re.compile(r"[^\w\s.,;:!?'\"“”‘’()—…]|_").search),),
)
"""Each pass works on the result of the previous one."""


def forms_for(text: str, groups: tuple[Group, ...]) -> Iterator[Form]:
    """Yield the forms of a pass that may match `text`, in order."""
    for group in groups:
        if group.has_sign(text):
            yield from group.forms
