"""What the application shows of a recording: a score, figures and deviations, by the labels that it knows."""

from collections.abc import Iterator

from engines.base_quality_server import WARNING_FROM, Analysis
from engines.contract.wire import QualityField, QualityIssue
from engines.stt.whisper.comparison import Comparison, Deviation
from engines.stt.whisper.transcriber import Transcription

LONG_STRETCH = 4  # words in a row that a listener hardly loses or adds by himself: the recording did
MOST_ISSUES = 20  # the application shows three


def verdict(heard: Transcription, comparison: Comparison | None) -> Analysis:
    """Return the score of what was heard: how much of the expected text it is, or without one how sure Whisper is."""
    return Analysis(
        score=_score(heard, comparison),
        top_label="whisperTranscription",
        fields=list(_fields(heard, comparison)),
        info_blocks=_blocks(heard, comparison),
    )


def _score(heard: Transcription, comparison: Comparison | None) -> int:
    if comparison is None:
        return round(100 * heard.confidence)
    score = round(100 * comparison.match)
    broken = any(deviation.stretch >= LONG_STRETCH for deviation in comparison.deviations)
    return min(score, WARNING_FROM - 1) if broken else score


def _fields(heard: Transcription, comparison: Comparison | None) -> Iterator[QualityField]:
    yield QualityField(key="confidence", value=_percent(heard.confidence), type="percent")
    if comparison:
        yield QualityField(key="textMatch", value=_percent(comparison.match), type="percent")
    yield QualityField(key="language", value=heard.language, type="string")
    yield QualityField(key="duration", value=round(heard.duration_s, 2), type="seconds")
    yield QualityField(key="transcription", value=heard.text, type="text")


def _blocks(heard: Transcription, comparison: Comparison | None) -> dict[str, list[QualityIssue]]:
    blocks = {}
    if not heard.text:
        blocks["audioIssues"] = [QualityIssue(text="silence", severity="error")]
    if comparison and comparison.deviations:
        worst = sorted(comparison.deviations, key=lambda deviation: -deviation.errors)
        blocks["textDeviations"] = [_issue(deviation) for deviation in worst[:MOST_ISSUES]]
    return blocks


def _issue(deviation: Deviation) -> QualityIssue:
    expected, heard = " ".join(deviation.expected), " ".join(deviation.heard)
    return QualityIssue(
        text="wordMismatch" if heard else "incompleteTranscription",
        severity="error" if deviation.stretch >= LONG_STRETCH else "warning",
        details={"expected": expected, "detected": heard} if heard else {"missingWords": expected},
    )


def _percent(share: float) -> float:
    return round(100 * share, 1)
