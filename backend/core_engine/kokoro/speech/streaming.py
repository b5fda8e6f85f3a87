"""Speak a text piece by piece, so that its first sentence can be heard while the rest is being made.

    joint, level = GrowingJoin(speed), StreamLevel()
    for step in steps(kokoro, text, voice, speed):
        play(level.applied(joint.add(step.chunk, step.run())))
    play(level.applied(joint.end()))

The pieces together are what `joints.join` returns for the same chunks. Only the level is found in another way, since
the loudest sample is not known yet.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.model.inference import Audio, Sound
from core_engine.kokoro.speech.synthesis import Kokoro, Utterance
from core_engine.kokoro.text.chunks import Chunk
from core_engine.reading.aloud import spoken_text
from core_engine.reading.parts import parts_of
from core_engine.reading.scene_breaks import is_scene_break
from core_engine.reading.sentences import Rank, breaks

PEAK = 10 ** (-1 / 20)
"""The loudest sample of a stream: -1 dB of full scale, as in a file."""

_EMPTY_LINES = re.compile(r"\n\s*\n")
_BLOCK = 2_000
"""Characters of a text that are prepared together: some milliseconds of work."""


@dataclass(frozen=True)
class Step:
    """One run of the model."""

    kokoro: Kokoro
    utterance: Utterance
    chunk: Chunk

    def run(self) -> Sound:
        """Speak the chunk; raises SynthesisError."""
        return self.kokoro.run(self.utterance, self.chunk)


def steps(kokoro: Kokoro, text: str, voice: str, speed: float = 1.0, language: str | None = None) -> Iterator[Step]:
    """Yield the runs that speak `text`, with its written forms in words; the text side of each is done when due.

    The arguments are those of `Kokoro.speak`. Raises KokoroError before the first run if the text has nothing to speak
    or the voice cannot be used.
    """
    code = language or kokoro.language(voice).code
    begun = False
    for block, rank in _blocks(text, code):
        try:
            utterance = kokoro.prepare(spoken_text(block, code), voice, speed, code, quick_start=not begun)
        except NothingToSpeakError:
            continue  # a question mark between quotation marks, say
        first, *others = utterance.chunks
        for chunk in (replace(first, begins_paragraph=begun and rank is Rank.PARAGRAPH), *others):
            yield Step(kokoro, utterance, chunk)
        begun = True
    if not begun:
        raise NothingToSpeakError("The text has nothing that can be spoken. It needs at least one word or number.")


def _blocks(text: str, language: str) -> Iterator[tuple[str, Rank]]:
    """Yield blocks of at most 2,000 characters, cut where chunks are, and the rank of the cut before each.

    Scene breaks are left out: the pause of a paragraph remains.
    """
    text = "\n\n".join(paragraph for paragraph in _EMPTY_LINES.split(text) if not is_scene_break(paragraph))
    start, rank = 0, Rank.PARAGRAPH
    while start < len(text):
        window = text[start : start + _BLOCK + 1]
        parts = parts_of(window, breaks(window, language), _BLOCK, spare_last=False)
        block, following = next(parts), next(parts, None)
        yield window[block.start : block.end], rank
        if following:
            start, rank = start + following.start, following.rank
        else:  # the end of the text, or of a window that ends with the white space of a break
            start, rank = start + len(window), Rank.SENTENCE


class StreamLevel:
    """Brings audio that comes in pieces to its peak: the first piece sets the gain, and a louder one lowers it."""

    def __init__(self) -> None:
        self._gain: float | None = None

    def applied(self, audio: Audio) -> Audio:
        """Return the audio with the gain: float32, no sample beyond `PEAK`."""
        peak = float(np.max(np.abs(audio), initial=0.0))
        if peak > 0:
            self._gain = min(PEAK / peak, PEAK / peak if self._gain is None else self._gain)
        louder: Audio = (audio * np.float32(self._gain or 1.0)).astype(np.float32)
        return louder
