"""Faults of the sound itself, measured on the samples: clipping, noise, level, and a stretch that is repeated."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engines.stt.whisper.pieces import is_silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

CLIPPED = 5e-4
"""Share of samples in flat tops: speech that is twice too loud has about this many, four times too loud 0.5 to 2 %."""
NOISY_DB = 17.0
"""Loud moments over quiet ones. Speech with white noise 10 dB below it has 14, 15 dB 19, 20 dB 24; clean speech, even
without pauses, over 45."""
AUDIBLE_NOISE_DB = 30.0
"""Below this the noise is mentioned, but costs nothing."""
WORST_NOISE_DB, WORST_CLIPPED = 8.0, 0.02
"""From here on the fault is an error."""
QUIET_DB = -40.0
"""Level of the loud moments, of full scale."""
REPEATED_S = 0.15
"""A stretch of this length that comes twice, sample by sample, is an error of a program: nobody speaks so."""

_FRAME_S = 0.02
_BLOCK_S, _HOP_S = 0.08, 0.04
_SHORTEST_LAG_S, _LONGEST_LAG_S = 0.1, 0.6
_ALIKE = 0.97  # correlation; vowels that are held reach 0.85
_RATE = 8000  # Hz: enough to tell sounds apart

Severity = Literal["error", "warning", "info"]
Name = Literal["clipping", "noise", "lowVolume", "stutter", "silence"]


@dataclass(frozen=True)
class SoundFault:
    """A fault of the sound."""

    name: Name
    severity: Severity
    details: dict[str, float]


def sound_faults(samples: "Samples", rate: int) -> Iterator[SoundFault]:
    """Yield the faults of (n,) samples at `rate` Hz, full scale being 1."""
    if is_silent(samples):
        yield SoundFault("silence", "error", {})
        return
    clipped = _flat_share(samples)
    if clipped > CLIPPED:
        severity: Severity = "error" if clipped > WORST_CLIPPED else "warning"
        yield SoundFault("clipping", severity, {"clippedPercent": round(100 * clipped, 2)})
    loud, quiet = _levels(samples, rate)
    if loud - quiet < AUDIBLE_NOISE_DB:
        yield SoundFault("noise", _noise_severity(loud - quiet), {"speechOverNoiseDb": round(loud - quiet, 1)})
    if loud < QUIET_DB:
        yield SoundFault("lowVolume", "warning", {"levelDb": round(loud, 1)})
    repeated_s = _repeated_s(samples, rate)
    if repeated_s >= REPEATED_S:
        yield SoundFault("stutter", "warning", {"repeatedSeconds": round(repeated_s, 2)})


def _noise_severity(difference_db: float) -> Severity:
    if difference_db < WORST_NOISE_DB:
        return "error"
    return "warning" if difference_db < NOISY_DB else "info"


def _flat_share(samples: "Samples") -> float:
    """Return the share of samples in flat tops: three or more in a row at the highest level."""
    import numpy as np

    level = np.abs(samples)
    top = level >= level.max() * (1 - 2e-4)
    return float(np.mean(top[:-2] & top[1:-1] & top[2:])) if len(top) > 2 else 0.0


def _levels(samples: "Samples", rate: int) -> tuple[float, float]:
    """Return the levels in dB of the loud and the quiet moments: the 95th and the 5th percentile of short frames."""
    import numpy as np

    width = max(1, int(_FRAME_S * rate))
    frames = samples[: len(samples) // width * width].reshape(-1, width)
    if len(frames) == 0:
        frames = samples[None]
    power = 10 * np.log10(np.maximum(np.mean(np.square(frames, dtype=np.float64), axis=1), 1e-10))
    loud, quiet = np.percentile(power, [95, 5])
    return float(loud), float(quiet)


def _repeated_s(samples: "Samples", rate: int) -> float:
    """Return the length of the longest stretch that is alike, sample by sample, to what follows it at one distance."""
    import soxr

    sound: Any = samples if rate == _RATE else soxr.resample(samples, rate, _RATE)
    longest = run = 0
    last = None
    for lag in _lags(sound):
        run = run + 1 if lag is not None and last is not None and abs(lag - last) <= 1 else int(lag is not None)
        longest, last = max(longest, run), lag
    return (longest - 1) * _HOP_S + _BLOCK_S if longest else 0.0


def _lags(sound: "Samples") -> "Iterator[int | None]":
    """Yield for each block the distance in samples at which it comes again; None if it does not, or is quiet."""
    import numpy as np

    block, hop = int(_BLOCK_S * _RATE), int(_HOP_S * _RATE)
    first, last = int(_SHORTEST_LAG_S * _RATE), int(_LONGEST_LAG_S * _RATE)
    reach, size = block + last, 1 << (block + last).bit_length()
    padded = np.pad(sound.astype(np.float64), (0, reach))
    energy = np.concatenate([[0.0], np.cumsum(padded**2)])
    audible = 0.1 * float(np.mean(np.square(sound, dtype=np.float64))) * block
    for start in range(0, max(0, len(sound) - block), hop):
        own = energy[start + block] - energy[start]
        if own < audible:
            yield None
            continue
        piece, around = padded[start : start + block], padded[start : start + reach]
        products = np.fft.irfft(np.conj(np.fft.rfft(piece, size)) * np.fft.rfft(around, size), size)[: last + 1]
        others = energy[start + block : start + block + last + 1] - energy[start : start + last + 1]
        alike = products[first:] / np.sqrt(own * np.maximum(others[first:], own * 0.1))
        best = int(np.argmax(alike))
        yield best + first if alike[best] > _ALIKE else None
