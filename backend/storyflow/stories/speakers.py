"""Say who speaks: the cast in the lines that begin with a name, a second voice in quotation marks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from storyflow.stories.blocks import Block
from storyflow.stories.cast import Cast, Member
from storyflow.stories.pauses import without_pauses
from storyflow.stories.quotations import is_speech, quotations, singles_quote

DIALOGUE = "Dialogue"
"""The name of whoever speaks in quotation marks."""

_AFTER_SENTENCE_S, _WITHIN_SENTENCE_S = 0.2, 0.05
"""Silence between narrator and speech. A segment ends with up to 0.2 s of silence and starts with 0.05 s, so together
they are the pause of the model itself: 0.45 s after a sentence, 0.3 s after a comma."""

_MARKS = frozenset(".,;:!?…")
_ENDS_SENTENCE = frozenset(".!?…:")


def with_cast(blocks: Iterable[Block], cast: Cast) -> Iterator[Block]:
    """Give the paragraphs that begin with a name of the cast to its voice; a name alone gives it the next paragraph.

    A name that nothing follows is text like any other, for the narrator. Pauses may stand between the two.
    """
    waiting: tuple[Block, Member] | None = None
    for block in blocks:
        line = cast.line(block.text) if block.kind == "paragraph" else None
        if not line and block.kind == "paragraph" and not without_pauses(block.text):
            yield block
            continue
        if waiting and (line or block.kind != "paragraph"):
            yield waiting[0]
            waiting = None
        if line and not without_pauses(line[1]):
            waiting = replace(block, text=without_pauses(block.text)), line[0]
            if line[1]:
                yield replace(block, text=line[1])
            continue
        member, text = line or (waiting[1] if waiting else None, block.text)
        waiting = None
        if member is None or member.is_narrator:  # whose voice the command line may change
            yield replace(block, text=text)
        else:
            yield replace(block, text=text, speaker=member.name, voice=member.voice)
    if waiting:
        yield waiting[0]


@dataclass(frozen=True)
class _Stretch:
    text: str
    is_speech: bool


def with_dialogue(blocks: Sequence[Block], voice: str) -> Iterator[Block]:
    """Cut paragraphs into what is in quotation marks, spoken by `voice`, and the rest.

    A block that has a voice or an id stays whole.
    """
    singles = singles_quote(block.text for block in blocks if _may_be_cut(block))
    continued = ""
    for block in blocks:
        if not _may_be_cut(block):
            continued = ""
            yield block
            continue
        stretches, continued = _stretches(block.text, singles, continued)
        yield from _blocks(block, stretches, voice)


def _may_be_cut(block: Block) -> bool:
    return block.kind == "paragraph" and block.id is None and block.voice is None


def _stretches(text: str, singles: bool, continued: str) -> tuple[list[_Stretch], str]:
    """Return the stretches of a paragraph, and the opening mark of a quotation that it does not close."""
    found = quotations(text, singles, continued)
    stretches: list[_Stretch] = []
    end = 0
    for quotation in found:
        if is_speech(text, quotation):
            _add(stretches, _Stretch(text[end : quotation.start], is_speech=False))
            end = _behind_marks(text, quotation.end)
            _add(stretches, _Stretch(text[quotation.start : end], is_speech=True))
    _add(stretches, _Stretch(text[end:], is_speech=False))
    return stretches, found[-1].opening if found and not found[-1].is_closed else ""


def _behind_marks(text: str, end: int) -> int:
    """Return the end of the marks that follow a quotation: “Yes”, he said."""
    while text[end : end + 1] in _MARKS:
        end += 1
    return end


def _add(stretches: list[_Stretch], new: _Stretch) -> None:
    """Append a stretch; one without a word, or of the same speaker, belongs to the stretch before it."""
    has_words = any(character.isalnum() for character in new.text)
    if stretches and (not has_words or stretches[-1].is_speech == new.is_speech):
        before = stretches.pop()
        new = _Stretch(before.text + new.text, before.is_speech)
    elif stretches and not any(character.isalnum() for character in stretches[-1].text):
        new = _Stretch(stretches.pop().text + new.text, new.is_speech)
    if new.text.strip():
        stretches.append(new)


def _blocks(block: Block, stretches: Sequence[_Stretch], voice: str) -> Iterator[Block]:
    for stretch in stretches:
        text = stretch.text.strip()
        ends_sentence = text.rstrip("\"'”’»)“«」』")[-1:] in _ENDS_SENTENCE
        pause = _AFTER_SENTENCE_S if ends_sentence else _WITHIN_SENTENCE_S
        part = replace(block, text=text, pause_after=block.pause_after if stretch is stretches[-1] else pause)
        yield replace(part, voice=voice, speaker=DIALOGUE) if stretch.is_speech else part
