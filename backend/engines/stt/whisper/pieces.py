"""Long recordings cut at pauses, because Whisper listens to 30 seconds at a time."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

SILENCE_DB = -50.0  # of full scale; what stays below it is not heard, and Whisper makes up words for it
_PAUSE_S = 0.2  # the pause that is looked for


def is_silent(samples: "Samples") -> bool:
    """Tell whether (n,) samples never leave their mean by more than SILENCE_DB; so do those that a hum only shifts."""
    import numpy as np

    return len(samples) == 0 or float(np.ptp(samples)) / 2 < 10 ** (SILENCE_DB / 20)


def cut_at_pauses(samples: "Samples", sample_rate: int, longest_s: float) -> "list[Samples]":
    """Return (n,) samples as pieces of at most `longest_s` that make up the whole.

    Each cut is in the quietest moment of the later half of what fits, so that words stay whole.
    """
    longest = max(1, int(longest_s * sample_rate))
    pieces = []
    while len(samples) > longest:
        end = longest // 2 + _quietest(samples[longest // 2 : longest], sample_rate)
        pieces.append(samples[:end])
        samples = samples[end:]
    return [*pieces, samples]


def _quietest(samples: "Samples", sample_rate: int) -> int:
    """Return the middle of the pause with the least energy; at least 1, so that every cut gets on."""
    import numpy as np

    width = min(max(1, int(_PAUSE_S * sample_rate)), len(samples))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    return max(1, int(np.argmin(energy[width:] - energy[:-width])) + width // 2)
