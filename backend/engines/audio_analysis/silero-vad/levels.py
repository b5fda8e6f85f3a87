"""How loud a recording is, and whether it was too loud for its file."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

FLOOR_DB = -120.0  # below the noise of 16 bits; digital silence has no level at all
FULL_SCALE = 0.9999  # of 16 bits the last step, which both 32,767 and -32,768 reach
FLAT_SAMPLES = 3  # in a row at full scale: a wave touches it once, a clipped one stays there


@dataclass(frozen=True)
class Levels:
    """Levels in dB, 0 being full scale."""

    peak_db: float
    average_db: float  # the root mean square of the whole recording
    has_flat_tops: bool


def levels_of(recorded: "Samples") -> Levels:
    """Return the levels of samples (n, channels) as recorded: peak and flat tops of the worst channel."""
    import numpy as np

    loudness = np.abs(recorded)
    average = math.sqrt(float(np.mean(np.square(recorded, dtype=np.float64))))
    return Levels(_decibels(float(loudness.max())), _decibels(average), _has_flat_tops(loudness >= FULL_SCALE))


def _has_flat_tops(at_full_scale: "npt.NDArray[np.bool_]") -> bool:
    """Tell whether a channel stays at full scale; `at_full_scale` is (n, channels)."""
    last = len(at_full_scale) - FLAT_SAMPLES + 1
    in_a_row = at_full_scale[: max(0, last)].copy()
    for shift in range(1, FLAT_SAMPLES):
        in_a_row &= at_full_scale[shift : shift + len(in_a_row)]
    return bool(in_a_row.any())


def _decibels(amplitude: float) -> float:
    return max(FLOOR_DB, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DB
