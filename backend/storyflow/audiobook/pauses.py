"""The pauses of an audiobook: how long the silence between two segments is, depending on what they are."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from storyflow.narration.record import Entry
from storyflow.stories.segments import Segment

PAUSES: Mapping[str, float] = MappingProxyType(
    {
        "start": 0.5,  # before the first word; audiobook shops ask for half a second to a second
        "dialogue": 0.5,  # between two lines of dialogue
        "paragraph": 0.8,
        "heading": 1.2,  # after a heading
        "chapter": 2.5,  # before a heading
        "break": 2.0,  # in place of a scene break
        "end": 1.5,  # after the last word; audiobook shops ask for one to five seconds
    }
)
"""Seconds of silence as heard, from the end of one sound to the start of the next."""

LONGEST_S = 30.0

_OPENS_SPEECH = ("“", '"', "‘", "„", "«", "»", "‹", "›", "「", "『", "—", "–")


def pause_between(
    before: Entry | Segment, breaks: Sequence[Entry | Segment], after: Entry | Segment, pauses: Mapping[str, float]
) -> float:
    """Return the seconds of silence between two spoken segments with `breaks`, the scene breaks between them.

    What the story says (`pause_after`) counts instead of the table.
    """
    said = [entry.pause_after for entry in (before, *breaks) if entry.pause_after is not None]
    if said:
        return sum(said)
    pause = pauses[_kind_of_pause(before, after)]
    return max(pause, pauses["break"]) if breaks else pause


def _kind_of_pause(before: Entry | Segment, after: Entry | Segment) -> str:
    if before.kind == "heading":
        return "heading"
    if after.kind == "heading":
        return "chapter"
    if before.text.startswith(_OPENS_SPEECH) and after.text.startswith(_OPENS_SPEECH):
        return "dialogue"
    return "paragraph"
