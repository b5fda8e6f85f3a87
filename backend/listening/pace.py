"""How fast somebody speaks, from the first sound to the last."""

import numpy as np

from listening.listener import Recording

_FRAME_S = 0.02
_AUDIBLE = 10 ** (-40 / 20)
"""Of the loudest frame: quieter ones at both ends are no speech."""


def words_per_minute(words: int, recording: Recording) -> float:
    """Return the pace at which so many words were said; silence at both ends does not count.

    Raises ValueError for a recording without sound.
    """
    return 60 * words / _spoken_s(recording)


def _spoken_s(recording: Recording) -> float:
    frame = int(_FRAME_S * recording.sample_rate)
    whole = recording.audio[: len(recording.audio) // frame * frame].reshape(-1, frame)
    loudness = np.sqrt(np.mean(np.square(whole), axis=1))
    if not loudness.any():
        raise ValueError("The recording is silent: nobody speaks in it.")
    audible = np.flatnonzero(loudness > _AUDIBLE * loudness.max())
    return float(audible[-1] + 1 - audible[0]) * _FRAME_S
