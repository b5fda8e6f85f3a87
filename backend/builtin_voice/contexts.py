"""Graph: the context of each segment, as rows of the tables of length and closure.

Every context is a column of integers; the columns share one table, each with its own range of rows. Learning runs this
part of the graph on espeak's speech, so learning and speaking always agree.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from builtin_voice.graph_writer import GraphWriter
from builtin_voice.inventory import MANNERS, UNITS
from builtin_voice.segmenter import Segments

_UNITS, _MANNERS = len(UNITS), len(MANNERS)
_LEVELS = 3
"""Levels of stress, and of the number of vowels that follow: 0, 1, 2 or more."""

_SIZES = (
    _UNITS * _LEVELS * 2 * 2,
    _UNITS * _UNITS * 2,
    _UNITS * _UNITS * 2,
    _MANNERS * _LEVELS * _LEVELS * _LEVELS,
    _MANNERS**3,
    _MANNERS**3,
    _MANNERS**2 * _LEVELS**2,
    _MANNERS**2 * _LEVELS**2,
)
ROWS = sum(_SIZES)
FIRST_COLUMN_ROWS = _SIZES[0]
PAIRS = _UNITS * _UNITS * 2
TRIPLES = _UNITS**3


@dataclass(frozen=True)
class Contexts:
    """Names of int64 tensors."""

    rows: str
    """(segments, columns), rows of `Tables.length` and `Tables.closure`."""
    left: str
    """(segments,), pair of a unit with the previous one: index into `Tables.left_row`."""
    right: str
    """(segments,), pair of a unit with the next one: index into `Tables.right_row`."""
    both: str
    """(segments,), a unit between its two neighbours: index into `Tables.both_row`."""


def contexts(g: GraphWriter, parts: Segments) -> Contexts:
    """Add the nodes that compute each segment's contexts."""
    manner_of = np.array([next(n for n, group in enumerate(MANNERS) if unit in group) for unit in UNITS])
    silent = np.zeros(1, dtype=np.int64)
    unit, stress = parts.unit, g.cast(parts.stress, TensorProto.INT64)
    last = g.cast(parts.is_last, TensorProto.INT64)
    before, behind = g.shifted(unit, 1, silent), g.shifted(unit, -1, silent)
    manner = g.op("Gather", manner_of, unit)
    left, right = g.shifted(manner, 1, silent), g.shifted(manner, -1, silent)
    stress_before, stress_behind = g.shifted(stress, 1, silent), g.shifted(stress, -1, silent)
    columns = [
        _number(g, (unit, stress, last, parts.ends_word), (_UNITS, _LEVELS, 2, 2)),
        _number(g, (before, unit, parts.starts_word), (_UNITS, _UNITS, 2)),
        _number(g, (unit, behind, parts.ends_word), (_UNITS, _UNITS, 2)),
        _number(g, (manner, parts.in_word, parts.in_clause, stress), (_MANNERS, _LEVELS, _LEVELS, _LEVELS)),
        _number(g, (manner, right, g.shifted(right, -1, silent)), (_MANNERS,) * 3),
        _number(g, (g.shifted(left, 1, silent), left, manner), (_MANNERS,) * 3),
        _number(g, (manner, right, stress_behind, stress), (_MANNERS, _MANNERS, _LEVELS, _LEVELS)),
        _number(g, (manner, left, stress_before, stress), (_MANNERS, _MANNERS, _LEVELS, _LEVELS)),
    ]
    starts = np.cumsum((0, *_SIZES[:-1]))
    rows = (
        g.op("Unsqueeze", g.op("Add", column, int(start)), [1]) for column, start in zip(columns, starts, strict=True)
    )
    return Contexts(
        rows=g.op("Concat", *rows, axis=1),
        left=_number(g, (before, unit, parts.starts_word), (_UNITS, _UNITS, 2)),
        right=_number(g, (unit, behind, parts.ends_word), (_UNITS, _UNITS, 2)),
        both=_number(g, (before, unit, behind), (_UNITS,) * 3),
    )


def _number(g: GraphWriter, digits: tuple[str, ...], bases: tuple[int, ...]) -> str:
    """Combine digits into one integer, the most significant first."""
    number = digits[0]
    for digit, base in zip(digits[1:], bases[1:], strict=True):
        number = g.op("Add", g.op("Mul", number, base), digit)
    return number
