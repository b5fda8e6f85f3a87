"""Learn the tables from espeak's speech: the cepstra and length of every unit, and the effects of its neighbours."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper

from builtin_voice.analysis import Moment, Window, cepstra_at
from builtin_voice.contexts import FIRST_COLUMN_ROWS, PAIRS, ROWS, TRIPLES, contexts
from builtin_voice.corpus import sentences
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.inventory import SILENCE, UNITS, VOICELESS_FRICATIVES, VOICELESS_STOPS
from builtin_voice.lesson import Lesson, Sound, lesson, unit_name
from builtin_voice.segmenter import segments
from builtin_voice.tables import CEPSTRA, NODES, SILENCE_GAIN, Floats, Tables
from builtin_voice.teacher import Espeak

logger = logging.getLogger(__name__)

ACCENTS = ("gmw/en-US", "gmw/en")
SENTENCES = 1500
"""Per accent."""

_SEED = 3
_PITCH_HZ = 88.8
"""espeak's voice at its middle pitch without intonation."""

_VOICED, _VOICELESS = Window(0.028, _PITCH_HZ), Window(0.008, None)
_SHORTEST_S, _LONGEST_CLOSURE_S = 0.008, 0.15
_SHRINKAGE = 4.0
_ROUNDS = 6
_RIDGE = 3.0
_HEARD_OFTEN, _HEARD_TOGETHER = 2, 12
"""Minimum examples for a row of its own: of a pair of units, and of three in a row."""

_LOUDEST = 0.95

Rows = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Examples:
    """All segments of all lessons, including pauses."""

    unit: npt.NDArray[np.int64]
    stress: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    both: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    """(segments, columns)."""
    cepstra: Floats
    """(segments, NODES, CEPSTRA)."""
    seconds: Floats
    closure: Floats


def lessons(count: int, seed: int = _SEED) -> Iterator[Lesson]:
    """Let espeak speak `count` sentences in each accent, in a monotone, which shows the envelope best."""
    for accent in ACCENTS:
        teacher = Espeak(accent, pitch_range=0)
        for text in sentences(count, seed):
            spoken = lesson(text, teacher.speak(text))
            if spoken is not None:
                yield spoken


def examples(spoken: Iterator[Lesson]) -> Examples:
    """Measure every segment; units and contexts come from the same part of the graph as when speaking."""
    session = _context_session()
    found = []
    for item in spoken:
        unit, stress, left, right, both, rows = session.run(None, {"tokens": np.array([item.ids], dtype=np.int64)})
        inner = slice(1, -1)  # without the pads
        if len(unit[inner]) != len(item.sounds) or any(
            UNITS[number] != unit_name(sound) for number, sound in zip(unit[inner], item.sounds, strict=True)
        ):
            raise RuntimeError(f"graph and lesson disagree on {item.ids}: {item.sounds}")
        seconds = np.array([sound.end - sound.start for sound in item.sounds]) / item.sample_rate
        closure = np.array([sound.start - sound.closure for sound in item.sounds]) / item.sample_rate
        found.append(
            (
                unit[inner],
                stress[inner].astype(np.int64),
                left[inner],
                right[inner],
                both[inner],
                rows[inner],
                _cepstra(item),
                seconds.astype(np.float32),
                closure.astype(np.float32),
            )
        )
    return Examples(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _context_session() -> onnxruntime.InferenceSession:
    """Return a session of the first part of the graph: `tokens` → unit, stress, left, right, both, rows."""
    g = GraphWriter()
    parts = segments(g, "tokens")
    around = contexts(g, parts)
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "length"])
    outputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            (parts.unit, TensorProto.INT64, ["segments"]),
            (parts.stress, TensorProto.FLOAT, ["segments"]),
            (around.left, TensorProto.INT64, ["segments"]),
            (around.right, TensorProto.INT64, ["segments"]),
            (around.both, TensorProto.INT64, ["segments"]),
            (around.rows, TensorProto.INT64, ["segments", "columns"]),
        )
    ]
    model = g.model([tokens], outputs, "contexts")
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def _cepstra(item: Lesson) -> Floats:
    """Return (segments, NODES, CEPSTRA)."""
    result = np.zeros((len(item.sounds), NODES, CEPSTRA), dtype=np.float32)
    result[:, :, 0] = SILENCE_GAIN
    kinds: dict[Window, list[int]] = {_VOICED: [], _VOICELESS: []}
    for number, sound in enumerate(item.sounds):
        unit = unit_name(sound)
        if unit != SILENCE:
            kinds[_window(unit)].append(number)
    for window, numbers in kinds.items():
        if numbers:
            moments = [moment for number in numbers for moment in _moments(item.sounds, number, window)]
            found = cepstra_at(item.audio, item.sample_rate, moments, window)
            result[numbers] = found.reshape(len(numbers), NODES, CEPSTRA)
    return result


def _window(unit: str) -> Window:
    return _VOICELESS if unit in VOICELESS_FRICATIVES + VOICELESS_STOPS else _VOICED


def _moments(sounds: Sequence[Sound], number: int, window: Window) -> list[Moment]:
    """Spread NODES moments over a segment; their windows may extend past its edges while the sound continues."""
    begin = end = number
    while begin > 0 and sounds[begin].closure == sounds[begin].start and _goes_on(sounds[begin - 1], window):
        begin -= 1
    while (
        end + 1 < len(sounds) and sounds[end + 1].closure == sounds[end + 1].start and _goes_on(sounds[end + 1], window)
    ):
        end += 1
    places = np.linspace(sounds[number].start, sounds[number].end, NODES)
    return [Moment(float(place), sounds[begin].start, sounds[end].end) for place in places]


def _goes_on(sound: Sound, window: Window) -> bool:
    unit = unit_name(sound)
    return unit != SILENCE and window is _VOICED and _window(unit) is _VOICED


def learn(data: Examples) -> Tables:
    """Return the tables that fit `data` best."""
    left_row, right_row = (_rows(pairs, PAIRS, _HEARD_OFTEN) for pairs in (data.left, data.right))
    unit, left, right = _additive(data, left_row[data.left], right_row[data.right])
    residual = data.cepstra - unit[data.unit] - left[left_row[data.left]] - right[right_row[data.right]]
    level = data.unit * 3 + data.stress
    gain = _means(residual[:, :, 0].mean(axis=1), level, len(UNITS) * 3, _SHRINKAGE)
    residual[:, :, 0] -= gain[level][:, np.newaxis]
    both_row = _rows(data.both, TRIPLES, _HEARD_TOGETHER)
    both = _means(residual, both_row[data.both], int(both_row.max()) + 1, _SHRINKAGE)
    both[0] = 0
    sounding = data.unit != UNITS.index(SILENCE)
    length = np.log(np.maximum(data.seconds, _SHORTEST_S))
    closure = np.minimum(data.closure, _LONGEST_CLOSURE_S)
    times = _ridge(data.rows[sounding], np.stack([length, closure], axis=1)[sounding])
    return Tables(
        unit=unit.astype(np.float16),
        left=left.astype(np.float16),
        right=right.astype(np.float16),
        left_row=left_row,
        right_row=right_row,
        both=both.astype(np.float16),
        both_row=both_row.astype(np.int16),
        loudest=_loudest(data),
        stress_gain=gain.astype(np.float32),
        length=times[0],
        closure=times[1],
    )


def _rows(groups: npt.NDArray[np.int64], count: int, least: int) -> npt.NDArray[np.int32]:
    """Number the groups heard at least `least` times from 1; the others of the `count` groups are 0."""
    often = np.bincount(groups, minlength=count) >= least
    return (np.cumsum(often) * often).astype(np.int32)


def _loudest(data: Examples) -> Floats:
    gains = data.cepstra[:, :, 0].max(axis=1)
    heard = [gains[data.unit == number] for number in range(len(UNITS))]
    return np.array([np.quantile(g, _LOUDEST) if len(g) else SILENCE_GAIN for g in heard], dtype=np.float32)


def _additive(data: Examples, left_row: Rows, right_row: Rows) -> tuple[Floats, Floats, Floats]:
    """Fit unit + left + right in turn (backfitting), with rare pairs shrunk towards zero."""
    lefts, rights = int(left_row.max()) + 1, int(right_row.max()) + 1
    unit = _means(data.cepstra, data.unit, len(UNITS), 0.0)
    left = np.zeros((lefts, NODES, CEPSTRA), dtype=np.float32)
    right = np.zeros((rights, NODES, CEPSTRA), dtype=np.float32)
    for _ in range(_ROUNDS):
        left = _means(data.cepstra - unit[data.unit] - right[right_row], left_row, lefts, _SHRINKAGE)
        left[0] = 0
        right = _means(data.cepstra - unit[data.unit] - left[left_row], right_row, rights, _SHRINKAGE)
        right[0] = 0
        unit = _means(data.cepstra - left[left_row] - right[right_row], data.unit, len(UNITS), 0.0)
    return unit, left, right


def _means(values: Floats, group: npt.NDArray[np.signedinteger[Any]], groups: int, shrinkage: float) -> Floats:
    """Return the mean of every group, (groups, ...), as if `shrinkage` zeros were among its values."""
    order = np.argsort(group, kind="stable")
    count = np.bincount(group, minlength=groups)
    sums = np.zeros((groups, *values.shape[1:]), dtype=np.float64)
    heard = np.flatnonzero(count)
    starts = np.concatenate([[0], np.cumsum(count[heard])[:-1]])
    sums[heard] = np.add.reduceat(values[order], starts, axis=0, dtype=np.float64)
    weight = np.maximum(count + shrinkage, 1.0).reshape(-1, *(1,) * (values.ndim - 1))
    means: Floats = (sums / weight).astype(np.float32)
    return means


def _ridge(rows: npt.NDArray[np.int64], targets: Floats) -> Floats:
    """Return (targets, ROWS): weights whose sums over `rows` approximate `targets` (segments, targets).

    Ridge regression around the mean, by its normal equations; a context never heard has weight zero.
    """
    heard, places = np.unique(rows, return_inverse=True)
    columns = places.reshape(rows.shape).T
    mean = targets.mean(axis=0, dtype=np.float64)
    gram = _RIDGE * np.eye(len(heard))
    moment = np.zeros((len(heard), targets.shape[1]))
    for column in columns:
        np.add.at(moment, column, targets - mean)
        for other in columns:
            np.add.at(gram, (column, other), 1.0)
    weights = np.zeros((targets.shape[1], ROWS), dtype=np.float32)
    weights[:, heard] = np.linalg.solve(gram, moment).T
    weights[:, :FIRST_COLUMN_ROWS] += mean[:, np.newaxis].astype(np.float32)  # one of these rows per segment
    return weights
