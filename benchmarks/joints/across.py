"""The words on either side of a joint, as one run speaks them.

A chunk is spoken with words of its neighbours, so each joint within a paragraph exists twice without a joint: in the
run of the chunk before it and in that of the chunk behind it. What lies between the same two sounds there is what one
uninterrupted run makes of this very mark.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from gaps import Gap, Placed, gaps

from core_engine.kokoro.dimensions import SAMPLES_PER_FRAME
from core_engine.kokoro.model.inference import Sound
from core_engine.kokoro.text.chunks import Chunk


def with_context(chunk: Chunk) -> Chunk:
    """Return the chunk whose run says the words of the neighbours, too, and keeps them; its phonemes are unchanged."""
    return replace(chunk, token_ids=chunk.ids_in_context, before=(), behind=())


def in_one_run(chunks: Sequence[Chunk], runs: Sequence[Sound]) -> Iterator[tuple[Gap, Gap] | None]:
    """Yield, for each joint, its gap in the run before it and in the one behind it; None where they share no words.

    `runs` are the sounds of `with_context` of the chunks, with their frames.
    """
    text = "".join((" " if chunk.follows_space else "") + chunk.phonemes for chunk in chunks)
    ends = np.cumsum([chunk.follows_space + len(chunk.phonemes) for chunk in chunks]).tolist()
    placed = [_Run(text, end, chunk, run) for end, chunk, run in zip(ends, chunks, runs, strict=True)]
    for before, behind in pairwise(placed):
        shared = before.chunk.behind and behind.chunk.before
        yield (before.gap_at(before.end), behind.gap_at(before.end)) if shared else None


@dataclass(frozen=True)
class _Run:
    """A run, and where in the text its chunk is."""

    text: str
    """The phonemes of all chunks."""
    end: int
    """The symbol at which the chunk ends."""
    chunk: Chunk
    sound: Sound

    def gap_at(self, cut: int) -> Gap:
        """Return the gap around symbol `cut` of the text, which the run says."""
        if self.sound.frames is None:
            raise ValueError("The run does not tell how long its tokens sound.")
        starts = np.cumsum(self.sound.frames)[:-1] * SAMPLES_PER_FRAME
        first = self.end - len(self.chunk.phonemes) - len(self.chunk.before)
        last = self.end + len(self.chunk.behind)
        sides = [
            Placed(self.text[first:cut], starts[: cut - first + 1]),
            Placed(self.text[cut:last], starts[cut - first :]),
        ]
        return next(gap for gap in gaps(self.sound.audio, sides) if gap.at_joint)
