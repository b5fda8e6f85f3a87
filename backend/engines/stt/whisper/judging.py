"""The expected text against what was heard: compared, heard a second time, and screened for what the text hides."""

from engines.stt.whisper.hearing import Listener
from engines.stt.whisper.pronunciation import Pronunciation
from engines.stt.whisper.readings import closest
from engines.stt.whisper.screening import hidden_faults
from engines.stt.whisper.second_hearing import in_whole, sorted_out
from engines.stt.whisper.transcriber import Transcription
from engines.stt.whisper.verdict import Judgement
from engines.stt.whisper.words import passage


def judged(listener: Listener, heard: Transcription, expected: str, rules: Pronunciation) -> Judgement | None:
    """Return how far `heard` is the `expected` text; None if no words are expected."""
    if not passage(expected, heard.language).words:
        return None
    comparison, texts = closest(expected, [piece.text for piece in heard.pieces], heard.language, rules)
    pieces = in_whole(heard.pieces, texts)
    faults, mishearings = sorted_out(listener, pieces, comparison)
    ranges = ((part.heard_start, part.heard_end) for part in comparison.deviations)
    known = {word.start for start, end in ranges for word in comparison.heard.words[start:end]}
    hidden = [fault for piece in pieces for fault in hidden_faults(listener, piece, known)]
    return Judgement(comparison, (*faults, *hidden), tuple(mishearings))
