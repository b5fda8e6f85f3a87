"""Join chunks, and shorten the silence that the model puts around each chunk to a natural pause.

The model starts every run with 0.3 s of silence and ends it with 0.5 s. A joint would thus be a gap of about a second,
while within a chunk the model pauses a third of that at a full stop. So a joint keeps as much silence as the model
itself would make at the mark before it, and gets at least 100 ms.

Silence at the ends is detected by level. If the model returns the durations of its tokens, nothing within a token is
silence, however faint; of the last token, which includes most of the pause after it, this holds only for the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import SAMPLE_RATE, SAMPLES_PER_FRAME
from core_engine.kokoro.model.inference import Audio, Sound
from core_engine.kokoro.text.chunks import SILENT, Chunk

LEAD_MS = 50
"""Longest silence at the start of an utterance: players swallow less than this."""

TRAIL_MS = 200
"""Longest silence at the end of an utterance."""

JOINT_SILENCE_MS = 100
"""Shortest silence between two chunks, and the longest if there is no mark."""

PAUSE_MS = {".": 450, "!": 450, "?": 450, "…": 450, ":": 400, ";": 400, "—": 300, ",": 300}
"""Mark → the longest pause at a joint after it, at normal speed."""

PARAGRAPH_MS = 700
"""The longest pause at the end of a paragraph."""

_SAMPLES_PER_MS = SAMPLE_RATE // 1000

STEP = 5 * _SAMPLES_PER_MS
"""Samples of a step, the window for levels."""

_QUIET_DB = -40.0  # relative to the loud parts of the chunk: lower than the faintest audible consonants
_LOUD_SHARE = 0.95  # of the levels are below that of the loud parts
_SPILL = 100 * _SAMPLES_PER_MS  # how far a sound may start before its token
_HEARD = 2 * SAMPLES_PER_FRAME  # start of the last token, which is never silence
_FADE = 5 * _SAMPLES_PER_MS
_BEHIND_JOINT = (
    40 * _SAMPLES_PER_MS
)  # silence kept before the first sound of a chunk; the rest is kept before the joint


@dataclass(frozen=True)
class Joined:
    """The joined chunks of an utterance."""

    audio: Audio
    """float32 of shape (samples,)."""
    token_starts: tuple[npt.NDArray[np.int64] | None, ...]
    """For each chunk, int64 of shape (n + 1,): the samples of `audio` at which its tokens start and the last one ends;
    None if the model does not return durations."""
    spans: tuple[tuple[int, int], ...]
    """For each chunk, the samples of `audio` at which its own audio starts and ends, without silence added behind."""


@dataclass(frozen=True)
class _Silence:
    """Samples of silence at the start and end of a chunk's audio."""

    head: int
    tail: int


@dataclass(frozen=True)
class _Cut:
    """The part of a chunk's audio to keep, and the samples of silence to add after it."""

    begin: int
    end: int
    silence_behind: int = 0


def join(chunks: Sequence[Chunk], sounds: Sequence[Sound], speed: float = 1.0) -> Joined:
    """Join the sounds of an utterance's chunks with natural pauses, which get shorter with `speed`."""
    silences = [_silence(chunk, sound) for chunk, sound in zip(chunks, sounds, strict=True)]
    cuts = _cuts(chunks, [sound.audio.size for sound in sounds], silences, speed)
    parts: list[Audio] = []
    starts, spans = [], []
    position = 0
    for sound, cut in zip(sounds, cuts, strict=True):
        parts += [_faded(sound.audio, cut), np.zeros(cut.silence_behind, dtype=np.float32)]
        starts.append(_token_starts(sound, cut, position))
        spans.append((position, position + parts[-2].size))
        position += parts[-2].size + cut.silence_behind
    return Joined(np.concatenate(parts), tuple(starts), tuple(spans))


class GrowingJoin:
    """`join` for chunks that come one by one: all that it returns, in a row, is the audio of `join`.

    Of each chunk only the end is held back, because the next chunk decides how much of its silence is kept.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._last: _Ending | None = None

    def add(self, chunk: Chunk, sound: Sound) -> Audio:
        """Return the audio that is certain once `sound`, the next chunk, is known."""
        silence = _silence(chunk, sound)
        if self._last is None:
            begin, before = _lead(silence), np.zeros(0, np.float32)
        else:
            joint = _Joint.of(self._last.silence, silence, pause_ms(self._last.chunk, chunk, self._speed))
            begin, before = silence.head - joint.head, self._last.until(joint.tail, joint.missing)
        certain = max(begin, sound.audio.size - silence.tail - _FADE)
        self._last = _Ending(chunk, sound, silence, begin, certain)
        return np.concatenate([before, _faded(sound.audio, _Cut(begin, sound.audio.size))[: certain - begin]])

    def end(self) -> Audio:
        """Return the rest of the audio after the last chunk."""
        if self._last is None:
            return np.zeros(0, np.float32)
        return self._last.until(min(self._last.silence.tail, TRAIL_MS * _SAMPLES_PER_MS), 0)


@dataclass(frozen=True)
class _Ending:
    """A chunk of a growing join whose end is held back."""

    chunk: Chunk
    sound: Sound
    silence: _Silence
    begin: int
    """The sample of `sound` at which its kept part begins."""
    certain: int
    """The sample up to which it has been returned."""

    def until(self, tail: int, missing: int) -> Audio:
        """Return the rest with `tail` samples of its silence, and `missing` samples of silence after it."""
        cut = _Cut(self.begin, self.sound.audio.size - self.silence.tail + tail)
        rest = _faded(self.sound.audio, cut)[self.certain - self.begin :]
        return np.concatenate([rest, np.zeros(missing, np.float32)])


def without_context(chunk: Chunk, sound: Sound) -> Sound:
    """Remove the context from a sound whose `frames` are known; return only the chunk's own part.

    The pause between two chunks is cut before its space, so that the end of one chunk and the start of the next
    together make the pause of a single run.
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
    """Return the longest pause at the joint of two chunks, by the strongest mark at the end of the first."""
    if behind.begins_paragraph:
        return max(JOINT_SILENCE_MS, PARAGRAPH_MS / speed)
    marks = before.phonemes[len(before.phonemes.rstrip("".join(SILENT))) :]
    longest = max((PAUSE_MS.get(mark, 0) for mark in marks), default=0)
    return max(JOINT_SILENCE_MS, longest / speed)


def _cuts(chunks: Sequence[Chunk], sizes: Sequence[int], silences: Sequence[_Silence], speed: float) -> list[_Cut]:
    begin = _lead(silences[0])
    cuts = []
    for index in range(len(chunks) - 1):
        pause = pause_ms(chunks[index], chunks[index + 1], speed)
        joint = _Joint.of(silences[index], silences[index + 1], pause)
        cuts.append(_Cut(begin, sizes[index] - silences[index].tail + joint.tail, joint.missing))
        begin = silences[index + 1].head - joint.head
    return [*cuts, _Cut(begin, sizes[-1] - max(0, silences[-1].tail - TRAIL_MS * _SAMPLES_PER_MS))]


def _lead(silence: _Silence) -> int:
    """Return the samples to cut off at the start of an utterance."""
    return max(0, silence.head - LEAD_MS * _SAMPLES_PER_MS)


@dataclass(frozen=True)
class _Joint:
    """The samples of silence at a joint: kept of the chunk before it and of the one after it, and added between."""

    tail: int
    head: int
    missing: int

    @classmethod
    def of(cls, before: _Silence, behind: _Silence, pause: float) -> "_Joint":
        """Return the joint of two chunks with at most `pause` milliseconds."""
        longest = round(pause * _SAMPLES_PER_MS)
        tail = min(before.tail, longest - min(behind.head, _BEHIND_JOINT))
        head = min(behind.head, longest - tail)
        return cls(tail, head, max(0, JOINT_SILENCE_MS * _SAMPLES_PER_MS - tail - head))


def _silence(chunk: Chunk, sound: Sound) -> _Silence:
    """Return the silence at the ends of a sound; none if the sound is completely silent."""
    loud = loud_steps(sound.audio)
    if loud.size == 0:
        return _Silence(0, 0)
    begin, end = int(loud[0]) * STEP, min(sound.audio.size, (int(loud[-1]) + 1) * STEP)
    spoken = [index for index, symbol in enumerate(chunk.phonemes) if symbol not in SILENT]
    if sound.frames is not None and spoken:
        starts = _starts(sound.frames)
        first, last = int(starts[spoken[0]]), int(starts[spoken[-1]])
        begin = min(max(begin, first - _SPILL), first)
        end = max(end, min(last + _HEARD, int(starts[spoken[-1] + 1])))
    return _Silence(begin, sound.audio.size - end)


def loud_steps(audio: Audio) -> npt.NDArray[np.intp]:
    """Return the indices of the 5 ms steps that are louder than silence."""
    whole = audio[: audio.size // STEP * STEP].reshape(-1, STEP)
    levels = np.sqrt(np.mean(np.square(whole), axis=1))
    if levels.size == 0:
        return np.zeros(0, dtype=np.intp)
    # The percentile by hand: numpy's own imports masked arrays first, which takes longer than all of joining.
    loudest_last, place = np.sort(levels), _LOUD_SHARE * (levels.size - 1)
    floor = float(np.interp(place, np.arange(levels.size), loudest_last)) * 10 ** (_QUIET_DB / 20)
    loud: npt.NDArray[np.intp] = np.flatnonzero(levels > floor)
    return loud


def _starts(frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the samples at which the tokens start, without pads, and the last one ends: shape (n + 1,)."""
    return np.cumsum(frames)[:-1] * SAMPLES_PER_FRAME


def _token_starts(sound: Sound, cut: _Cut, position: int) -> npt.NDArray[np.int64] | None:
    """Return the `_starts` of a sound in the joined audio, where its kept part starts at `position`."""
    if sound.frames is None:
        return None
    return np.clip(_starts(sound.frames), cut.begin, cut.end) - cut.begin + position


def _faded(audio: Audio, cut: _Cut) -> Audio:
    """Return the kept part of the audio, with fades in the silence at the cuts."""
    kept: Audio = audio[cut.begin : cut.end].copy()
    ramp = np.linspace(0, 1, min(_FADE, kept.size), dtype=np.float32)
    if cut.begin > 0:
        kept[: ramp.size] *= ramp
    if cut.end < audio.size:
        kept[kept.size - ramp.size :] *= ramp[::-1]
    return kept
