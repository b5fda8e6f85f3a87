"""The degree of voicing of each unit, by rule: like espeak, by the manner of articulation."""

import numpy as np

from builtin_voice.inventory import (
    SILENCE,
    UNITS,
    VOICED_FRICATIVES,
    VOICED_STOPS,
    VOICELESS_FRICATIVES,
    VOICELESS_STOPS,
)
from builtin_voice.tables import Floats

_SONORANT = (6.0, 6.0, 5.0, 3.0, 0.5, -1.0)
_MIXED = (5.0, 1.0, -2.5, -5.0, -6.0, -6.0)
_BURST = (3.0, 2.0, 0.0, -2.0, -3.0, -4.0)
_NOISE = (-6.0, -6.0, -6.0, -6.0, -6.0, -6.0)


def voicing_logits() -> Floats:
    """Return the logit of the voiced share of every unit at `BAND_EDGES_HZ`: float32 (units, BANDS)."""
    rules = {
        **dict.fromkeys((SILENCE, *VOICELESS_FRICATIVES, *VOICELESS_STOPS), _NOISE),
        **dict.fromkeys(VOICED_FRICATIVES, _MIXED),
        **dict.fromkeys(VOICED_STOPS, _BURST),
    }
    return np.array([rules.get(unit, _SONORANT) for unit in UNITS], dtype=np.float32)
