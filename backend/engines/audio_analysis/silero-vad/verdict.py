"""What the application shows of a recording: figures, what is wrong by the labels that it knows, and a score.

The worst issue decides: with an error the recording is a defect, with a warning one to look at, without either perfect.
How far a limit is passed, and how many are, decides within that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from levels import Levels
from speech import Speech

from engines.base_quality_server import PERFECT_FROM, WARNING_FROM, Analysis
from engines.contract.wire import QualityField, QualityIssue, QualityThresholds

EACH_FURTHER_ISSUE = 5  # points
VOLUME_RANGE_DB = 20.0  # below the limit, over which the score falls
PEAK_RANGE_DB = 6.0
_BANDS = {"error": (0, WARNING_FROM - 1), "warning": (WARNING_FROM, PERFECT_FROM - 1)}  # lowest and highest score


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    label: str
    severity: Literal["error", "warning"]
    excess: float  # how far its limit is passed: 0 hardly, 1 as far as it can be told apart
    details: dict[str, Any]


def verdict(speech: Speech, levels: Levels, thresholds: QualityThresholds) -> Analysis:
    """Return what to show of a recording with this speech and these levels."""
    findings = [
        *_of_speech_ratio(speech.ratio_percent, thresholds),
        *_of_silence(1000 * speech.longest_silence_s, thresholds),
        *_of_levels(levels, thresholds),
    ]
    issues = [QualityIssue(text=found.label, severity=found.severity, details=found.details) for found in findings]
    return Analysis(
        score=_score(findings),
        top_label="audioQuality",
        fields=list(_fields(speech, levels)),
        info_blocks={"audioIssues": issues} if issues else {},
    )


def _of_speech_ratio(percent: float, limits: QualityThresholds) -> Iterator[Finding]:
    """Yield at most one finding: too little or too much speech, or less or more than ideal."""
    low, high = limits.speech_ratio_warning_min, limits.speech_ratio_warning_max
    below, above = limits.speech_ratio_ideal_min, limits.speech_ratio_ideal_max
    if percent < low:
        yield _finding("speechRatioTooLow", "error", (low - percent, low), "speechRatio", percent, low)
    elif percent > high:
        yield _finding("speechRatioTooHigh", "error", (percent - high, 100 - high), "speechRatio", percent, high)
    elif percent < below:
        yield _finding(
            "speechRatioBelowIdeal", "warning", (below - percent, below - low), "speechRatio", percent, below
        )
    elif percent > above:
        yield _finding(
            "speechRatioAboveIdeal", "warning", (percent - above, high - above), "speechRatio", percent, above
        )


def _of_silence(longest_ms: float, limits: QualityThresholds) -> Iterator[Finding]:
    """Yield at most one finding."""
    critical, warning = limits.max_silence_duration_critical, limits.max_silence_duration_warning
    if longest_ms >= critical:
        yield _finding(
            "silenceTooLong", "error", (longest_ms - critical, critical), "silenceDurationMs", longest_ms, critical
        )
    elif longest_ms >= warning:
        over = (longest_ms - warning, critical - warning)
        yield _finding("silenceDetected", "warning", over, "silenceDurationMs", longest_ms, warning)


def _of_levels(levels: Levels, limits: QualityThresholds) -> Iterator[Finding]:
    """Yield a finding for clipping and one for a low volume; 16-bit files never pass 0 dB, but stay there."""
    peak, average = limits.max_clipping_peak, limits.min_average_volume
    if levels.peak_db > peak or levels.has_flat_tops:
        yield _finding(
            "clippingDetected", "error", (levels.peak_db - peak, PEAK_RANGE_DB), "peakDb", levels.peak_db, peak
        )
    if levels.average_db < average:
        over = (average - levels.average_db, VOLUME_RANGE_DB)
        yield _finding("volumeTooLow", "warning", over, "avgVolumeDb", levels.average_db, average)


def _finding(
    label: str, severity: Literal["error", "warning"], over: tuple[float, float], name: str, value: float, limit: float
) -> Finding:
    """Return a finding whose limit is passed by the first of `over`, of at most the second."""
    passed, most = over
    excess = min(1.0, max(0.0, passed / most)) if most > 0 else 1.0
    return Finding(label, severity, excess, {name: round(value, 1), "threshold": limit})


def _score(findings: list[Finding]) -> int:
    if not findings:
        return 100
    severity = "error" if any(found.severity == "error" for found in findings) else "warning"
    lowest, highest = _BANDS[severity]
    excess = max(found.excess for found in findings if found.severity == severity)
    score = highest - excess * (highest - lowest) - EACH_FURTHER_ISSUE * (len(findings) - 1)
    return max(lowest, round(score))


def _fields(speech: Speech, levels: Levels) -> Iterator[QualityField]:
    yield QualityField(key="speechRatio", value=round(speech.ratio_percent, 1), type="percent")
    yield QualityField(key="maxSilence", value=round(1000 * speech.longest_silence_s), type="number")  # milliseconds
    yield QualityField(key="peakVolume", value=f"{levels.peak_db:.1f} dB", type="string")
    yield QualityField(key="avgVolume", value=f"{levels.average_db:.1f} dB", type="string")
    yield QualityField(key="duration", value=round(speech.duration_s, 2), type="seconds")
