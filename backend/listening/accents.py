"""Detect the accent of speech: whether it is closer to espeak-ng's American or British reading.

Word errors do not show the accent: Whisper understands a British voice with American phonemes just as well. The states
of its encoder do: both readings of a sentence are aligned with the recording in time, and their mean distances are
compared. The sentence has many r's after vowels, which distinguish the accents.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from builtin_voice.teacher import Espeak
from listening.listener import Listener, Recording

SENTENCE = "The car was parked in the yard after dark, near the old barn door."

BRITISH_FROM = 0.3
"""Kokoro's voices score 0.55 to 0.69 with British phonemes, and 0.12 (George) down to -0.35 with American ones."""

_AMERICAN, _BRITISH = "gmw/en-US", "gmw/en"

States = npt.NDArray[np.float32]


def britishness(listener: Listener, recording: Recording, sentence: str = SENTENCE) -> float:
    """Return how much closer `recording` of `sentence` is to British than to American English.

    Above BRITISH_FROM it is British, below American. The unit is the mean distance of two states, each of 512 numbers
    normalised to mean 0 and deviation 1 over its recording.
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
