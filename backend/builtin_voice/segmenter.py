"""Graph, part 1: token ids → segments, the units that take time, with stress and position from their neighbours."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from builtin_voice.graph_writer import GraphWriter
from builtin_voice.inventory import (
    FALLING,
    LENGTHENING,
    PRIMARY_STRESS,
    RISING,
    SECONDARY_STRESS,
    SILENCE,
    UNITS,
    VOWELS,
    WORD_BREAKS,
    lengthened,
    symbols,
    unit_of,
)

PAUSE_SECONDS = {",": 0.2, ";": 0.26, ":": 0.26, "—": 0.24, ".": 0.32, "!": 0.32, "?": 0.32, "…": 0.4}


MANY = 2
"""Counts of vowels are limited to this."""


@dataclass(frozen=True)
class Segments:
    """Names of 1-D tensors with one value per segment; the first and last segments are silence."""

    unit: str
    """int64, index into UNITS."""
    stress: str
    """float32: 2 primary, 1 secondary, 0 none; only on the vowel after the mark."""
    is_nucleus: str
    """bool."""
    is_last: str
    """bool: no vowel follows before the next pause."""
    pause_seconds: str
    """float32: pause of its punctuation; 0 for phones."""
    clause_start: str
    """int64: the pause before it."""
    clause_end: str
    """int64: the pause after it."""
    starts_word: str
    """int64, 0 or 1; a silence counts as a word."""
    ends_word: str
    """int64, 0 or 1."""
    in_word: str
    """int64: number of vowels that follow in its word, at most MANY."""
    in_clause: str
    """int64: number of vowels that follow before the next pause, at most MANY."""
    tune: str
    """float32: how its clause ends: 1 rises, -1 falls, 0 continues."""


def segments(g: GraphWriter, tokens: str) -> Segments:
    """Add the nodes that split `tokens`, int64 (1, T), into segments; ids outside the vocabulary are pads."""
    names = symbols()
    units = [unit_of(symbol) for symbol in names]
    index = {unit: number for number, unit in enumerate(UNITS)}
    plain = np.array([index[unit or SILENCE] for unit in units], dtype=np.int64)
    long = np.array([index[lengthened(unit or SILENCE)] for unit in units], dtype=np.int64)
    stress = np.array([{PRIMARY_STRESS: 2, SECONDARY_STRESS: 1}.get(symbol, 0) for symbol in names], dtype=np.float32)
    tunes = np.array([1 if s in RISING else -1 if s in FALLING + "$" else 0 for s in names], dtype=np.float32)
    pauses = np.array([PAUSE_SECONDS.get(symbol, 0) for symbol in names], dtype=np.float32)
    nuclei = np.array([unit in VOWELS for unit in UNITS])

    ids = _framed_ids(g, tokens, len(names))
    pad = np.zeros(1, dtype=np.int64)
    behind, before = g.shifted(ids, -1, pad), g.shifted(ids, 1, pad)
    is_long = g.op("Gather", np.array([symbol in LENGTHENING for symbol in names]), behind)
    unit_of_token = g.op("Where", is_long, g.op("Gather", long, ids), g.op("Gather", plain, ids))
    speaks = g.op("Gather", np.array([unit is not None for unit in units]), ids)

    def kept(values: str) -> str:
        return g.op("Compress", values, speaks, axis=0)

    unit = kept(unit_of_token)
    is_nucleus = g.op("Gather", nuclei, unit)
    is_silence = g.op("Equal", unit, index[SILENCE])
    start, end = _clauses(g, is_silence)
    count = g.op("CumSum", g.cast(is_nucleus, TensorProto.INT64), 0)
    breaks = g.op("Gather", np.array([int(s in WORD_BREAKS + "$") for s in names]), ids)
    starts_word, ends_word, word_end = _words(g, kept(g.op("CumSum", breaks, 0)), is_silence)
    return Segments(
        unit=unit,
        stress=kept(g.op("Gather", stress, before)),
        is_nucleus=is_nucleus,
        is_last=g.op("Equal", g.op("Gather", count, end), count),
        pause_seconds=kept(g.op("Gather", pauses, ids)),
        starts_word=starts_word,
        ends_word=ends_word,
        in_word=g.op("Min", g.op("Sub", g.op("Gather", count, word_end), count), MANY),
        in_clause=g.op("Min", g.op("Sub", g.op("Gather", count, end), count), MANY),
        clause_start=start,
        clause_end=end,
        tune=g.op("Gather", kept(g.op("Gather", tunes, ids)), end),
    )


def _framed_ids(g: GraphWriter, tokens: str, size: int) -> str:
    flat = g.op("Reshape", tokens, [-1])
    known = g.op("And", g.op("GreaterOrEqual", flat, 0), g.op("Less", flat, size))
    pad = np.zeros(1, dtype=np.int64)
    return g.op("Concat", pad, g.op("Where", known, flat, 0), pad, axis=0)


def _clauses(g: GraphWriter, is_silence: str) -> tuple[str, str]:
    """Return, per segment, the silence at or before it and the next silence after it (the last segment: itself)."""
    places = g.op("Reshape", g.op("NonZero", is_silence), [-1])
    clause = g.op("CumSum", g.cast(is_silence, TensorProto.INT64), 0)
    last = g.op("Sub", g.op("Size", places), 1)
    end = g.op("Gather", places, g.op("Min", clause, last))
    return g.op("Gather", places, g.op("Sub", clause, 1)), end


def _words(g: GraphWriter, breaks_so_far: str, is_silence: str) -> tuple[str, str, str]:
    """Return, per segment, whether it starts its word, whether it ends it, and the segment that ends it."""
    sounds = g.cast(g.op("Not", is_silence), TensorProto.INT64)
    word = g.op("Add", g.op("Mul", breaks_so_far, 2), sounds)
    nowhere = np.full(1, -1, dtype=np.int64)
    starts = g.op("Not", g.op("Equal", word, g.shifted(word, 1, nowhere)))
    ends = g.op("Not", g.op("Equal", word, g.shifted(word, -1, nowhere)))
    starts, ends_number = g.cast(starts, TensorProto.INT64), g.cast(ends, TensorProto.INT64)
    places = g.op("Reshape", g.op("NonZero", ends), [-1])
    return starts, ends_number, g.op("Gather", places, g.op("Sub", g.op("CumSum", starts, 0), 1))
