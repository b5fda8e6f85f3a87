"""Which accent is spoken: to the listener's ear, is it nearer to espeak-ng's American or to its British reading?

Words do not tell: Whisper understands a British voice with American phonemes as well as any. What its encoder hears
does, before words are made of it: both readings of the same sentence are aligned with the recording in time, and their
mean distances compared. The sentence is full of what tells the accents apart, the r behind a vowel.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from builtin_voice.espeak import Espeak
from listening.listener import Listener, Recording

SENTENCE = "The car was parked in the yard after dark, near the old barn door."

BRITISH_FROM = 0.3
"""Kokoro's voices with British phonemes are at 0.55 to 0.69, with American ones at 0.12 (George) down to -0.35."""

_AMERICAN, _BRITISH = "gmw/en-US", "gmw/en"

States = npt.NDArray[np.float32]


def britishness(listener: Listener, recording: Recording, sentence: str = SENTENCE) -> float:
    """Return by how much `recording` of `sentence` is nearer to British than to American English.

    Above BRITISH_FROM it is British, below American. The unit is the mean distance of two states, each of 512 numbers
    with a mean of 0 and a deviation of 1 over its recording.
    """
    ours = _normalised(listener.impression(recording))
    american, british = (_distance(ours, _heard_reading(listener, voice, sentence)) for voice in (_AMERICAN, _BRITISH))
    return american - british


@lru_cache
def _heard_reading(listener: Listener, voice: str, sentence: str) -> States:
    spoken = Espeak(voice).speak(sentence)
    return _normalised(listener.impression(Recording(spoken.audio, spoken.sample_rate)))


def _normalised(states: States) -> States:
    normalised: States = (states - states.mean(axis=0)) / (states.std(axis=0) + 1e-6)
    return normalised


def _distance(one: States, other: States) -> float:
    """Return the mean distance of states along the best alignment in time (dynamic time warping)."""
    squared = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    apart = np.sqrt(np.maximum(squared, 0))
    before = np.full(len(other) + 1, np.inf)
    before[0] = 0.0
    for row in apart:
        reached = np.full(len(other) + 1, np.inf)
        best = np.minimum(before[1:], before[:-1])
        for column, cost in enumerate(row):
            reached[column + 1] = min(best[column], reached[column]) + cost
        before = reached
    return float(before[-1] / sum(apart.shape))
