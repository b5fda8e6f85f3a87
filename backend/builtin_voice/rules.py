"""The first voice: formant targets by rule, from textbook values (Peterson & Barney 1952, Klatt 1980)."""

import numpy as np
import numpy.typing as npt

from builtin_voice.inventory import FRICATIVES, LIQUIDS, NASALS, SILENCE, STOPS, SYLLABIC, UNITS, VOWELS
from builtin_voice.tables import BANDS, CEPSTRA, FEATURES, FLOOR, NODES, Floats, Tables, warped_frequency
from core_engine.kokoro.vocabulary import SAMPLE_RATE

_FORMANTS_HZ = {
    "i": (280, 2250, 2900), "ɪ": (400, 1950, 2550), "ᵻ": (400, 1850, 2500), "e": (450, 2000, 2550),
    "ɛ": (550, 1800, 2500), "æ": (660, 1700, 2400), "a": (730, 1350, 2450), "ɐ": (640, 1300, 2450),
    "ʌ": (640, 1200, 2400), "ə": (500, 1450, 2450), "ɚ": (480, 1350, 1700), "ɜ": (490, 1350, 1750),
    "ɑ": (730, 1100, 2450), "ɒ": (620, 950, 2450), "ɔ": (570, 850, 2400), "o": (480, 900, 2400),
    "ʊ": (440, 1050, 2250), "u": (310, 900, 2250), "m": (260, 1000, 2200), "n": (270, 1500, 2400),
    "ŋ": (270, 1900, 2500), "l": (360, 1100, 2600), "ɹ": (340, 1150, 1600), "j": (270, 2200, 3000),
    "w": (300, 700, 2200), "v": (260, 1200, 2200), "ð": (260, 1400, 2400), "z": (260, 1600, 2500),
    "ʒ": (260, 1800, 2400), "b": (220, 900, 2200), "d": (220, 1700, 2500), "ɡ": (220, 1900, 2300),
    "ɾ": (300, 1600, 2500),
}  # fmt: skip
_NOISE_HZ = {
    "f": (5500, 4500), "v": (5500, 4500), "θ": (6500, 4000), "ð": (6500, 4000), "s": (6800, 1800), "z": (6800, 1800),
    "ʃ": (3300, 1300), "ʒ": (3300, 1300), "h": (1800, 2500), "p": (1200, 1500), "b": (1000, 1500), "t": (4800, 2500),
    "d": (4500, 2500), "k": (2200, 1300), "ɡ": (2100, 1300), "ɾ": (4000, 2500), "ʔ": (800, 1000),
}  # fmt: skip
_NOISE_DB = {"s": -22, "z": -28, "ʃ": -20, "ʒ": -26, "f": -36, "v": -38, "θ": -38, "ð": -40, "h": -32}
_BANDWIDTHS_HZ = (80.0, 110.0, 170.0, 250.0, 400.0)
_VOICED, _UNVOICED, _MIXED = (4.0, 4.0, 3.0, 0.0, -2.0, -3.0), (-6.0,) * BANDS, (4.0, 1.0, -3.0, -5.0, -6.0, -6.0)
_GRID_HZ = np.linspace(0, SAMPLE_RATE / 2, 257)


def _resonances(formants: tuple[int, ...], level_db: float) -> npt.NDArray[np.float64]:
    power = np.zeros_like(_GRID_HZ)
    for rank, (centre, width) in enumerate(zip((*formants, 3500, 4500), _BANDWIDTHS_HZ, strict=True)):
        power += 10 ** (-0.55 * rank) / (1 + ((_GRID_HZ - centre) / (width / 2)) ** 2)
    slope = 6 * np.log2(1 + _GRID_HZ / 2500)
    return np.asarray(10 * np.log10(power + 1e-6) - slope + level_db)


def _noise(centre: float, width: float, level_db: float) -> npt.NDArray[np.float64]:
    return level_db - 12 * np.abs((_GRID_HZ - centre) / width) ** 1.3


def _cepstrum(level_db: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    angle = warped_frequency(_GRID_HZ, SAMPLE_RATE)
    basis = np.cos(np.outer(angle, np.arange(CEPSTRA)))
    natural = np.maximum(level_db, -75.0) * (np.log(10) / 20)
    return np.asarray(np.linalg.lstsq(basis, natural, rcond=None)[0])


def _frame(level_db: npt.NDArray[np.float64], voicing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    return np.concatenate([_cepstrum(level_db), voicing])


def _silence() -> npt.NDArray[np.float64]:
    return np.concatenate([[FLOOR], np.zeros(CEPSTRA - 1), _UNVOICED])


def _stop(phone: str) -> npt.NDArray[np.float64]:
    voiced = phone in _FORMANTS_HZ
    closure = _frame(_resonances((220, 900, 2200), -22.0), _VOICED) if voiced else _silence()
    burst = _frame(_noise(*_NOISE_HZ[phone], -26.0 if phone != "ʔ" else -46.0), _UNVOICED)
    return np.stack([closure] * (NODES - 4) + [burst, burst - np.eye(FEATURES)[0], _silence(), closure])


def _features(unit: str) -> npt.NDArray[np.float64]:
    phone = unit[0]
    if unit == SILENCE:
        return np.tile(_silence(), (NODES, 1))
    if unit in STOPS:
        return _stop(phone)
    if unit in FRICATIVES:
        level = _noise(*_NOISE_HZ[phone], _NOISE_DB[phone])
        if phone in _FORMANTS_HZ:
            level = np.maximum(level, _resonances(_FORMANTS_HZ[phone], -16.0))
        return np.tile(_frame(level, _MIXED if phone in _FORMANTS_HZ else _UNVOICED), (NODES, 1))
    loss_db = 8.0 if phone in NASALS else 4.0 if phone in LIQUIDS else 0.0
    return np.tile(_frame(_resonances(_FORMANTS_HZ[phone], -loss_db), _VOICED), (NODES, 1))


def _seconds(unit: str) -> float:
    if unit == SILENCE:
        return 0.03
    if unit in VOWELS:
        return 0.13 if unit.endswith("ː") else 0.06 if unit in "əɐᵻi" else 0.085
    lengths = {**dict.fromkeys(SYLLABIC, 0.11), **dict.fromkeys(FRICATIVES, 0.09), **dict.fromkeys(STOPS, 0.075)}
    return {**lengths, "ɾ": 0.03, "ð": 0.05, "h": 0.06}.get(unit, 0.065)


def tables() -> Tables:
    """Return the targets of every unit."""
    features: Floats = np.stack([_features(unit) for unit in UNITS]).astype(np.float32)
    return Tables(features, np.array([_seconds(unit) for unit in UNITS], dtype=np.float32))
