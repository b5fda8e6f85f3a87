"""Where chunks meet: the silence that the model puts before and after each chunk, cut down to the pause of a reader.

The model begins every run with 0.3 s of nothing and ends it with 0.5 s. Left in, a joint is a hole of a second, where
the same model, within a chunk, rests a third of that at a full stop. So a joint keeps as much of that silence as the
model itself would make at the mark before it, and is filled up to 100 ms where there is less.

The silence at the ends is told by its level. Where the model tells how long its tokens sound, nothing of a token is
taken for silence, however faint its sound; only the last one, which holds most of the pause behind it, is heard out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import SAMPLE_RATE, SAMPLES_PER_FRAME
from core_engine.kokoro.model.inference import Audio, Sound
from core_engine.kokoro.text.chunks import SILENT, Chunk

LEAD_MS = 50
"""At most so much silence begins an utterance: a player's start swallows less."""

TRAIL_MS = 200
"""At most so much silence ends an utterance."""

JOINT_SILENCE_MS = 100
"""At least so much silence is between two chunks, and no more where no mark asks for it."""

PAUSE_MS = {".": 450, "!": 450, "?": 450, "…": 450, ":": 400, ";": 400, "—": 300, ",": 300}
"""Mark → the longest pause at a joint behind it, at normal speed."""

PARAGRAPH_MS = 700
"""The same where a paragraph ends."""

_SAMPLES_PER_MS = SAMPLE_RATE // 1000
_STEP = 5 * _SAMPLES_PER_MS  # of the levels
_QUIET_DB = -40.0  # below the loud parts of the chunk: lower than the faintest consonants that are heard
_LOUD_SHARE = 95  # percentile of the levels
_SPILL = 100 * _SAMPLES_PER_MS  # sound may begin so much before its token
_HEARD = 2 * SAMPLES_PER_FRAME  # of the last token, which is never silence
_FADE = 5 * _SAMPLES_PER_MS
_BEHIND_JOINT = 40 * _SAMPLES_PER_MS  # silence left before the first sound of a chunk; the rest is left behind the last


@dataclass(frozen=True)
class Joined:
    """The chunks of an utterance in one piece."""

    audio: Audio
    """float32 of shape (samples,)."""
    token_starts: tuple[npt.NDArray[np.int64] | None, ...]
    """For each chunk int64 of shape (n + 1,): the sample of `audio` at which each of its tokens begins, and where the
    last one ends; None where the model does not tell."""


@dataclass(frozen=True)
class _Silence:
    """Samples of silence with which a piece begins and ends."""

    head: int
    tail: int


@dataclass(frozen=True)
class _Cut:
    """What of a piece is kept, and the samples of silence that follow it."""

    begin: int
    end: int
    silence_behind: int = 0


def join(chunks: Sequence[Chunk], sounds: Sequence[Sound], speed: float = 1.0) -> Joined:
    """Put the sounds of the chunks of one utterance together, with the pauses of a reader; `speed` shortens them."""
    silences = [_silence(chunk, sound) for chunk, sound in zip(chunks, sounds, strict=True)]
    cuts = _cuts(chunks, [sound.audio.size for sound in sounds], silences, speed)
    parts: list[Audio] = []
    starts = []
    position = 0
    for sound, cut in zip(sounds, cuts, strict=True):
        parts += [_faded(sound.audio, cut), np.zeros(cut.silence_behind, dtype=np.float32)]
        starts.append(_token_starts(sound, cut, position))
        position += parts[-2].size + cut.silence_behind
    return Joined(np.concatenate(parts), tuple(starts))


def without_context(chunk: Chunk, sound: Sound) -> Sound:
    """Return the chunk's own part of a sound that has the words of its neighbours too; `frames` must be known.

    The pause between is cut in front of its space: what comes before is the end of one chunk, the rest the beginning
    of the other, so that both together are the pause of one run.
    """
    if sound.frames is None or not (chunk.before or chunk.behind):
        return sound
    starts = np.concatenate([[0], np.cumsum(sound.frames)]) * SAMPLES_PER_FRAME
    first = 1 + len(chunk.before)
    behind_last = first + len(chunk.token_ids)
    own = sound.frames[first - 1 : behind_last + 1].copy()
    if chunk.before and not chunk.follows_space:
        own[0] = 0
    if chunk.behind:
        own[-1] = 0
    begin = int(starts[first] - own[0] * SAMPLES_PER_FRAME)
    end = int(starts[behind_last] + own[-1] * SAMPLES_PER_FRAME)
    return Sound(_faded(sound.audio, _Cut(begin, end)), own)


def pause_ms(before: Chunk, behind: Chunk, speed: float = 1.0) -> float:
    """Return the longest pause for the joint of two chunks: that of the strongest mark at the end of the first one."""
    if behind.begins_paragraph:
        return max(JOINT_SILENCE_MS, PARAGRAPH_MS / speed)
    marks = before.phonemes[len(before.phonemes.rstrip("".join(SILENT))) :]
    longest = max((PAUSE_MS.get(mark, 0) for mark in marks), default=0)
    return max(JOINT_SILENCE_MS, longest / speed)


def _cuts(chunks: Sequence[Chunk], sizes: Sequence[int], silences: Sequence[_Silence], speed: float) -> list[_Cut]:
    begin = max(0, silences[0].head - LEAD_MS * _SAMPLES_PER_MS)
    cuts = []
    for index in range(len(chunks) - 1):
        pause = round(pause_ms(chunks[index], chunks[index + 1], speed) * _SAMPLES_PER_MS)
        tail, head = silences[index].tail, silences[index + 1].head
        kept_head = min(head, _BEHIND_JOINT)
        kept_tail = min(tail, pause - kept_head)
        kept_head = min(head, pause - kept_tail)
        missing = max(0, JOINT_SILENCE_MS * _SAMPLES_PER_MS - kept_tail - kept_head)
        cuts.append(_Cut(begin, sizes[index] - tail + kept_tail, missing))
        begin = head - kept_head
    return [*cuts, _Cut(begin, sizes[-1] - max(0, silences[-1].tail - TRAIL_MS * _SAMPLES_PER_MS))]


def _silence(chunk: Chunk, sound: Sound) -> _Silence:
    """Return the silence at the ends of a sound; none where it is silent altogether."""
    loud = _loud_steps(sound.audio)
    if loud.size == 0:
        return _Silence(0, 0)
    begin, end = int(loud[0]) * _STEP, min(sound.audio.size, (int(loud[-1]) + 1) * _STEP)
    spoken = [index for index, symbol in enumerate(chunk.phonemes) if symbol not in SILENT]
    if sound.frames is not None and spoken:
        starts = _starts(sound.frames)
        first, last = int(starts[spoken[0]]), int(starts[spoken[-1]])
        begin = min(max(begin, first - _SPILL), first)
        end = max(end, min(last + _HEARD, int(starts[spoken[-1] + 1])))
    return _Silence(begin, sound.audio.size - end)


def _loud_steps(audio: Audio) -> npt.NDArray[np.intp]:
    """Return which steps of 5 ms are louder than silence."""
    whole = audio[: audio.size // _STEP * _STEP].reshape(-1, _STEP)
    levels = np.sqrt(np.mean(np.square(whole), axis=1))
    if levels.size == 0:
        return np.zeros(0, dtype=np.intp)
    floor = float(np.percentile(levels, _LOUD_SHARE)) * 10 ** (_QUIET_DB / 20)
    loud: npt.NDArray[np.intp] = np.flatnonzero(levels > floor)
    return loud


def _starts(frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sample at which each token begins, pads excluded, and the one at which the last ends: (n + 1,)."""
    return np.cumsum(frames)[:-1] * SAMPLES_PER_FRAME


def _token_starts(sound: Sound, cut: _Cut, position: int) -> npt.NDArray[np.int64] | None:
    """Return the `_starts` of a sound in the whole, in which what is kept of it begins at `position`."""
    if sound.frames is None:
        return None
    return np.clip(_starts(sound.frames), cut.begin, cut.end) - cut.begin + position


def _faded(audio: Audio, cut: _Cut) -> Audio:
    """Return what is kept of a piece, faded within its silence where it was cut."""
    kept: Audio = audio[cut.begin : cut.end].copy()
    ramp = np.linspace(0, 1, min(_FADE, kept.size), dtype=np.float32)
    if cut.begin > 0:
        kept[: ramp.size] *= ramp
    if cut.end < audio.size:
        kept[kept.size - ramp.size :] *= ramp[::-1]
    return kept
