"""What the application shows of a recording: a score, figures and faults, by the labels that it knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engines.base_quality_server import WARNING_FROM, Analysis
from engines.contract.wire import QualityField, QualityIssue
from engines.stt.whisper.comparison import Comparison
from engines.stt.whisper.second_hearing import Fault
from engines.stt.whisper.sound_faults import SoundFault
from engines.stt.whisper.transcriber import Transcription

FAULTLESS_FROM = 90
"""The lowest score of a recording without faults, however much of it Whisper misheard."""
FAULTY_TO = 80
"""The highest score of a recording with a fault: a "warning" to the application."""
LONG_STRETCH = 4
"""Words in a row that make it a "defect", however long the text."""
MOST_ISSUES = 20
"""The application shows three."""


@dataclass(frozen=True)
class Judgement:
    """The expected text against what was heard."""

    comparison: Comparison
    faults: tuple[Fault, ...]
    """Differences that can be heard."""
    mishearings: tuple[Fault, ...] = ()
    """Differences that only Whisper made."""


def verdict(heard: Transcription, judgement: Judgement | None, sound: Sequence[SoundFault] = ()) -> Analysis:
    """Return the score: how far the recording is the expected text, or without one how sure Whisper is of it."""
    text_score = round(100 * heard.confidence) if judgement is None else _text_score(judgement)
    return Analysis(
        score=min([text_score, *map(_highest, sound)]),
        top_label="whisperTranscription",
        fields=list(_fields(heard, judgement)),
        info_blocks=_blocks(judgement, sound),
    )


def _text_score(judgement: Judgement) -> int:
    comparison, faults = judgement.comparison, judgement.faults
    if not faults:
        return max(FAULTLESS_FROM, round(100 * comparison.match))
    wrong = sum(fault.words for fault in faults) / max(1, len(comparison.expected.words))
    is_broken = any(fault.words >= LONG_STRETCH for fault in faults)
    return min(round(100 * max(0.0, 1.0 - wrong)), WARNING_FROM - 1 if is_broken else FAULTY_TO)


def _highest(fault: SoundFault) -> int:
    """Return the highest score that a fault of the sound allows."""
    if fault.name == "silence":
        return 0
    return {"error": WARNING_FROM - 1, "warning": FAULTY_TO, "info": 100}[fault.severity]


def _fields(heard: Transcription, judgement: Judgement | None) -> Iterator[QualityField]:
    yield QualityField(key="confidence", value=_percent(heard.confidence), type="percent")
    if judgement:
        yield QualityField(key="textMatch", value=_percent(judgement.comparison.match), type="percent")
    yield QualityField(key="language", value=heard.language, type="string")
    yield QualityField(key="duration", value=round(heard.duration_s, 2), type="seconds")
    yield QualityField(key="transcription", value=heard.text, type="text")


def _blocks(judgement: Judgement | None, sound: Sequence[SoundFault]) -> dict[str, list[QualityIssue]]:
    blocks = {}
    if sound:
        order = ("error", "warning", "info")
        worst = sorted(sound, key=lambda fault: order.index(fault.severity))
        blocks["audioIssues"] = [
            QualityIssue(text=fault.name, severity=fault.severity, details=fault.details or None) for fault in worst
        ]
    if judgement and (judgement.faults or judgement.mishearings):
        faults = sorted(judgement.faults, key=lambda fault: -fault.words)
        issues = [_issue(fault, is_fault=True) for fault in faults]
        issues += [_issue(fault, is_fault=False) for fault in judgement.mishearings]
        blocks["textDeviations"] = issues[:MOST_ISSUES]
    return blocks


def _issue(fault: Fault, *, is_fault: bool) -> QualityIssue:
    is_missing = fault.kind == "missing"
    return QualityIssue(
        text="incompleteTranscription" if is_missing else "wordMismatch",
        severity="info" if not is_fault else "error" if fault.words >= LONG_STRETCH else "warning",
        details={"missingWords": fault.expected}
        if is_missing
        else {"expected": fault.expected, "detected": fault.heard},
    )


def _percent(share: float) -> float:
    return round(100 * share, 1)
