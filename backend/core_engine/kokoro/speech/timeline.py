"""When each symbol of an utterance sounds: exact if the model returns the durations of its tokens, else estimated.

A sound is heard two frames before its token: the alignment that the model learned from lags that much.
(In two voices, where hissing and voiced sounds are expected correlates best with where they are in the audio 50 to 60 ms
earlier.)

For an estimate, the symbols of a chunk share its audio by their usual lengths, and the pauses of its marks are put
where the audio is silent. Where chunks start and end is known exactly in any case.
"""

import re
from bisect import bisect_left
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
_USUAL_MS = {
    **dict.fromkeys("ˈː", 65), "ˌ": 35, " ": 50,
    **dict.fromkeys("sʃfθzʒʧʤ", 90), **dict.fromkeys("pktmŋvAIOQWY", 65), **dict.fromkeys("ðhwj", 28),
    **dict.fromkeys(",;:—", 220), **dict.fromkeys(".!?…", 320),
}  # fmt: skip
_USUAL_SOUND_MS = 52
_FINAL_MS = 170
"""How much longer the last syllable before a mark is."""


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
    bounds: list[Samples] = []
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
    reached = np.concatenate([[0.0], np.cumsum(_usual_ms(chunk.phonemes))])
    loud = span[0] + loud_steps(audio[span[0] : span[1]]) * STEP
    spoken = len(chunk.phonemes.rstrip("".join(SILENT)))
    if not loud.size or not spoken:
        return np.linspace(*span, num=reached.size).astype(np.int64)
    known = [_Known(0.0, float(loud[0])), *_pauses(chunk.phonemes[:spoken], reached, loud)]
    known.append(_Known(float(reached[spoken]), float(loud[-1] + STEP)))
    edges = np.interp(reached, [place.usual_ms for place in known], [place.sample for place in known])
    edges[spoken + 1 :] = span[1]
    return np.asarray(np.clip(edges, *span), dtype=np.int64)


@dataclass(frozen=True)
class _Known:
    """A place whose time is known."""

    usual_ms: float
    """The usual length of everything before it in the chunk."""
    sample: float


def _pauses(phonemes: str, reached: npt.NDArray[np.float64], loud: Samples) -> list[_Known]:
    """Return where the pauses of marks begin and end: for each mark the nearest silence, in order."""
    gaps = np.flatnonzero(np.diff(loud) > _PAUSE_S * SAMPLE_RATE)
    silences = [(float(loud[gap] + STEP), float(loud[gap + 1])) for gap in gaps]
    found: list[_Known] = []
    last, end = _Known(0.0, float(loud[0])), _Known(float(reached[len(phonemes)]), float(loud[-1]))
    for run in _MARK_RUN.finditer(phonemes):
        begin_ms, end_ms = float(reached[run.start()]), float(reached[run.end()])
        share = (begin_ms - last.usual_ms) / (end.usual_ms - last.usual_ms)
        expected = last.sample + (end.sample - last.sample) * share
        nearest = min(silences, key=lambda silence: abs(silence[0] - expected), default=None)
        if nearest and abs(nearest[0] - expected) < _NEARBY_S * SAMPLE_RATE:
            last = _Known(end_ms, nearest[1])
            found += [_Known(begin_ms, nearest[0]), last]
            silences = [silence for silence in silences if silence[0] > nearest[0]]
    return found


def _usual_ms(phonemes: str) -> list[float]:
    """Return the usual length of each symbol, in milliseconds."""
    usual = [float(_USUAL_MS.get(symbol, 0 if symbol in SILENT else _USUAL_SOUND_MS)) for symbol in phonemes]
    vowels = [index for index, symbol in enumerate(phonemes) if is_vowel(symbol)]
    for mark in (match.start() for match in _MARK_RUN.finditer(phonemes + ".")):
        last = bisect_left(vowels, mark) - 1
        if last >= 0:
            usual[vowels[last]] += _FINAL_MS
    return usual
