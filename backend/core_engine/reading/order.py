"""The forms in their order: what is most certain first, what could be anything last."""

from core_engine.reading.abbreviations import ABBREVIATIONS
from core_engine.reading.addresses import ADDRESSES
from core_engine.reading.clock import CLOCK
from core_engine.reading.dates import DATES
from core_engine.reading.forms import Form
from core_engine.reading.initials import INITIALS, LABELS
from core_engine.reading.marks import DASHES, EMOJI, ENTITIES, MARKS
from core_engine.reading.money import MONEY
from core_engine.reading.numbers import APPROXIMATIONS, FRACTIONS, HOUSES, NUMBERS
from core_engine.reading.phones import PHONES
from core_engine.reading.romans import ROMANS
from core_engine.reading.symbols import EMPHASIS, FORMULAS, SYMBOLS
from core_engine.reading.units import MEASURES

PASSES: tuple[tuple[Form, ...], ...] = (
    ENTITIES,
    (*ADDRESSES, *MARKS, *EMPHASIS, *APPROXIMATIONS),
    (
        *EMOJI,
        *DATES[:2],
        *PHONES,
        *MONEY,
        *CLOCK[:5],
        *HOUSES,
        *DATES[2:-3],
        *MEASURES[:6],
        *DATES[-3:],
        *CLOCK[5:],
        *FRACTIONS,
        *MEASURES[6:],
        *ROMANS,
        *ABBREVIATIONS,
        *FORMULAS,
        *INITIALS,
        *LABELS,
        *NUMBERS,
    ),
    (*DASHES, *SYMBOLS),
)
"""Each pass sees the text as the one before left it."""
