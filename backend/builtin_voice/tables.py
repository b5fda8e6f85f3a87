"""The learned tables of the graph: the sound and duration of each unit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FRAME = 120
"""Samples per frame: 5 ms at 24 kHz."""

WARP = 0.49
"""All-pass constant of the mel-cepstrum: it warps the frequency axis of 24 kHz sound close to the mel scale."""

CEPSTRA = 30
"""Mel-cepstral coefficients per frame, including the gain c0; natural logarithm of the amplitude."""

BAND_EDGES_HZ = (0.0, 1000.0, 2500.0, 5000.0, 8000.0, 12000.0)
BANDS = len(BAND_EDGES_HZ)
"""Frequencies at which a unit's degree of voicing is given, as a logit; linear between them."""

NODES = 10
"""Points in time, evenly spaced over a unit, at which its cepstra are stored."""

SILENCE_GAIN = -9.0
"""c0 of silence."""

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Tables:
    """Targets per unit, in the order of `inventory.UNITS`, and the effects of neighbours.

    The cepstra of a unit are the sum unit + left + right + both: its own mean, the effect of the previous unit, the
    effect of the next unit, and their combined effect.
    """

    unit: Halves
    """(units, NODES, CEPSTRA)."""
    left: Halves
    """(pairs heard + 1, NODES, CEPSTRA); row 0, for pairs never heard, is zero."""
    right: Halves
    """Likewise for the next unit."""
    left_row: npt.NDArray[np.int32]
    """(PAIRS,): the row of `left` for every pair of units, separately within a word and across words."""
    right_row: npt.NDArray[np.int32]
    """(PAIRS,): the row of `right`."""
    both: Halves
    """(triples heard often + 1, NODES, CEPSTRA): the combined effect of both neighbours; row 0 is zero."""
    both_row: npt.NDArray[np.int16]
    """(TRIPLES,): the row of `both` for every unit between two others."""
    loudest: Floats
    """(units,): upper limit of the sum of c0."""
    stress_gain: Floats
    """(units x 3,), row unit x 3 + stress: added to c0."""
    length: Floats
    """(context rows,): their sum over a segment's contexts is the logarithm of its length in seconds."""
    closure: Floats
    """(context rows,): likewise for the silence before it, in seconds; negative sums mean none."""


def warped_frequency(hz: npt.NDArray[np.float64], sample_rate: int, warp: float = WARP) -> npt.NDArray[np.float64]:
    """Return the angle (radians, 0 to pi) of `hz` on the all-pass axis (Tokuda et al. 1994, eq. 3)."""
    omega = 2 * np.pi * hz / sample_rate
    bend: npt.NDArray[np.float64] = np.arctan2(warp * np.sin(omega), 1 - warp * np.cos(omega))
    return omega + 2 * bend
