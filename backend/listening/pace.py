"""Measure the speaking rate, from the first sound to the last."""

import numpy as np

from listening.listener import Recording

_FRAME_S = 0.02
_AUDIBLE = 10 ** (-40 / 20)
"""Level relative to the loudest frame; quieter frames at both ends are not speech."""


def words_per_minute(words: int, recording: Recording) -> float:
    """Return the speaking rate of a recording of `words` words; silence at both ends does not count.

    Raises ValueError for a recording without sound.
    """
    return 60 * words / _spoken_s(recording)


def _spoken_s(recording: Recording) -> float:
    frame = int(_FRAME_S * recording.sample_rate)
    whole = recording.audio[: len(recording.audio) // frame * frame].reshape(-1, frame)
    loudness = np.sqrt(np.mean(np.square(whole), axis=1))
    if not loudness.any():
        raise ValueError("The recording is silent; it has no speech to measure.")
    audible = np.flatnonzero(loudness > _AUDIBLE * loudness.max())
    return float(audible[-1] + 1 - audible[0]) * _FRAME_S
