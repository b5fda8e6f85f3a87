"""When each symbol of an utterance sounds: exact if the model returns the durations of its tokens, else estimated.

A sound is heard two frames before its token, in every voice: the alignment that the model learned from lags that much.
(Where hissing and voiced sounds are expected correlates best with where they are in the audio 50 to 60 ms earlier.)

For an estimate, the symbols of a chunk share its audio by their usual lengths, and the pauses of its marks are put
where the audio is silent. Where chunks start and end is known exactly in any case.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import SAMPLE_RATE, SAMPLES_PER_FRAME
from core_engine.kokoro.model.inference import Audio
from core_engine.kokoro.speech.joints import STEP, loud_steps
from core_engine.kokoro.speech.synthesis import Speech
from core_engine.kokoro.text.alignment import is_vowel
from core_engine.kokoro.text.chunks import SILENT, Chunk

Samples = npt.NDArray[np.int64]

_LAG = 2 * SAMPLES_PER_FRAME
_PAUSE_S = 0.12
"""Shortest silence that is taken for the pause of a mark; the closure of a stop is shorter."""
_NEARBY_S = 1.0
"""How far such a silence may be from where its mark is expected."""
_MARK_RUN = re.compile(r'[;:,.!?¡¿—…"“”«»() ]*[;:,.!?—…][;:,.!?¡¿—…"“”«»() ]*')
_USUAL_S = {"ː": 0.05, "ˈ": 0.02, " ": 0.0, ",": 0.2, ";": 0.26, ":": 0.26, "—": 0.24, ".": 0.32, "!": 0.32, "?": 0.32}
_USUAL_VOWEL_S, _USUAL_CONSONANT_S = 0.085, 0.075


@dataclass(frozen=True)
class Timeline:
    """The symbols of an utterance and their times; the space at a cut between two chunks takes no time."""

    phonemes: str
    token_ids: tuple[int | None, ...]
    """The id of each symbol; None for the space at a cut, which the model did not get."""
    starts: Samples
    """int64 of shape (n,): the sample at which each symbol starts, never decreasing."""
    ends: Samples
    """The same for the ends: that of a symbol is at most the start of the next."""
    is_estimated: bool
    """Whether times within at least one chunk are estimated."""


def timeline_of(speech: Speech) -> Timeline:
    """Return when each symbol of `speech` sounds."""
    phonemes: list[str] = []
    ids: list[int | None] = []
    bounds = []
    told = speech.token_starts or (None,) * len(speech.spoken)
    for chunk, span, starts in zip(speech.spoken, speech.spans, told, strict=True):
        if chunk.follows_space and phonemes:
            phonemes.append(" ")
            ids.append(None)
            bounds.append(np.full((1, 2), bounds[-1][-1, 1]))
        phonemes.append(chunk.phonemes)
        ids += chunk.token_ids
        edges = _estimated(chunk, span, speech.audio) if starts is None else np.clip(starts - _LAG, *span)
        bounds.append(np.stack([edges[:-1], edges[1:]], axis=1))
    both = np.concatenate(bounds) if bounds else np.zeros((0, 2), np.int64)
    return Timeline("".join(phonemes), tuple(ids), both[:, 0], both[:, 1], any(starts is None for starts in told))


def _estimated(chunk: Chunk, span: tuple[int, int], audio: Audio) -> Samples:
    """Return about where the chunk's symbols start and the last one ends: int64 of shape (n + 1,)."""
    reached = np.concatenate([[0.0], np.cumsum([_usual_s(symbol) for symbol in chunk.phonemes])])
    loud = span[0] + loud_steps(audio[span[0] : span[1]]) * STEP
    if not loud.size or not reached[-1]:
        return np.linspace(*span, num=reached.size).astype(np.int64)
    spoken = len(chunk.phonemes.rstrip("".join(SILENT)))
    known = [(0.0, float(loud[0])), *_pauses(chunk.phonemes[:spoken], reached, loud)]
    known.append((float(reached[spoken]), float(loud[-1] + STEP)))
    edges = np.interp(reached, *zip(*known, strict=True))
    edges[spoken + 1 :] = span[1]
    return np.clip(edges, *span).astype(np.int64)


def _pauses(phonemes: str, reached: npt.NDArray[np.float64], loud: Samples) -> list[tuple[float, float]]:
    """Return the silences of marks: pairs of the usual seconds up to an end of a mark and the sample there."""
    gaps = np.flatnonzero(np.diff(loud) > _PAUSE_S * SAMPLE_RATE)
    silences = [(float(loud[gap] + STEP), float(loud[gap + 1])) for gap in gaps]
    known: list[tuple[float, float]] = []
    last = (0.0, float(loud[0]))
    total, end = float(reached[len(phonemes)]), float(loud[-1])
    for run in _MARK_RUN.finditer(phonemes):
        begin_s, end_s = float(reached[run.start()]), float(reached[run.end()])
        expected = last[1] + (end - last[1]) * (begin_s - last[0]) / (total - last[0])
        nearest = min(silences, key=lambda silence: abs(silence[0] - expected), default=None)
        if nearest and abs(nearest[0] - expected) < _NEARBY_S * SAMPLE_RATE:
            known += [(begin_s, nearest[0]), (end_s, nearest[1])]
            last = known[-1]
            silences = [silence for silence in silences if silence[0] > nearest[0]]
    return known


def _usual_s(symbol: str) -> float:
    """Return the usual length of a symbol, in seconds."""
    usual = _USUAL_S.get(symbol)
    if usual is not None:
        return usual
    if symbol in SILENT:
        return 0.0
    return _USUAL_VOWEL_S if is_vowel(symbol) else _USUAL_CONSONANT_S
