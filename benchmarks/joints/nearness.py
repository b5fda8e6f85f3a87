"""How near is a joint to one uninterrupted run? Words joined from two runs, beside the one run that speaks them all.

    python benchmarks/joints/nearness.py --model kokoro-v1.0-int8 [--context 0 40 80 120] [--passages 12]

Passages that fit one run easily are spoken whole, and again as two chunks, cut at the sentence end nearest to their
middle, each chunk with so many tokens of the other. Around the cut, sound by sound, pitch and loudness are compared
with those of the whole run; so is a third reading, one run over the middle of the passage alone, which shows how far
two uninterrupted runs are apart.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gaps import SOUNDLESS, Floats, pitch_hz, rms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "backend"))

from core_engine.kokoro.dimensions import SAMPLE_RATE  # noqa: E402
from core_engine.kokoro.speech.joints import join  # noqa: E402
from core_engine.kokoro.speech.synthesis import Kokoro, Utterance  # noqa: E402
from core_engine.kokoro.text.chunks import Chunk  # noqa: E402
from core_engine.model_choice import choose_model  # noqa: E402
from core_engine.places import models_dir  # noqa: E402
from listening.texts import FABLES  # noqa: E402

from styles import with_one_style  # noqa: E402  isort: skip

_ONE_RUN = "one run"
_SOUNDS = 15
"""So many on either side of the cut are compared: about a second."""

_MIDDLE = 110
"""Tokens on either side of the cut of the third reading."""

_BESIDE = SAMPLE_RATE // 50
_FADED = -45.0  # dB of full scale: a sound that is hardly there has no level to compare


@dataclass(frozen=True)
class Reading:
    """The sounds on either side of a cut."""

    pitch: Floats
    """Semitones, of shape (2, sounds): before the cut and behind it; nan where there is no voice."""
    level: Floats
    """dB, of the same shape; nan where there is hardly a sound."""
    seconds: float
    """Of processor time."""


def main() -> None:
    """Speak the passages in every way, print the table."""
    options = _options()
    kokoro = Kokoro.load(choose_model(options.model, models_dir()).path, threads=1)
    ways: dict[str, list[Reading]] = {}
    with ThreadPoolExecutor(options.workers) as pool:
        for voice, utterance in _passages(kokoro, options):
            passage, cut = utterance.chunks[0], _middle(utterance.chunks[0])
            wanted = _ways(passage, cut, options)
            said = {True: with_one_style(utterance), False: utterance}
            started = {
                name: pool.submit(_spoken, kokoro, said["one style" in name], *way) for name, way in wanted.items()
            }
            for name, reading in started.items():
                ways.setdefault(name, []).append(reading.result())
            print(f"{voice}: {passage.phonemes[cut - 20 : cut + 20]}", file=sys.stderr, flush=True)
    report(ways)


def report(ways: dict[str, list[Reading]]) -> None:
    """Print how far each way is from the one run, and what it costs."""
    one = ways[_ONE_RUN]
    print(
        "| spoken as | cuts | pitch, away by | loudness, away by | pitch step, off by | loudness step, off by | work |"
    )
    print("|---|---|---|---|---|---|---|")
    for way, readings in ways.items():
        pairs = [*zip(readings, one, strict=True)]
        pitch = np.median([_distance(reading.pitch, whole.pitch) for reading, whole in pairs])
        level = np.median([_distance(reading.level, whole.level) for reading, whole in pairs])
        pitch_step = np.median([_off(reading.pitch, whole.pitch) for reading, whole in pairs])
        level_step = np.median([_off(reading.level, whole.level) for reading, whole in pairs])
        work = sum(reading.seconds for reading in readings) / sum(reading.seconds for reading in one)
        print(
            f"| {way} | {len(readings)} | {pitch:.1f} semitones | {level:.1f} dB | {pitch_step:.1f} semitones "
            f"| {level_step:.1f} dB | {work:.2f} |"
        )


def _ways(passage: Chunk, cut: int, options: argparse.Namespace) -> dict[str, tuple[list[Chunk], int]]:
    """Return the chunks of every way to speak a passage, and where the cut is in them."""
    window, shift = _window(passage, cut)
    joints = {f"joint, {context} tokens": ([*_halves(passage, cut, context)], cut) for context in options.context}
    joints |= {f"joint, {n} tokens, one style": ([*_halves(passage, cut, n)], cut) for n in options.one_style}
    return {_ONE_RUN: ([passage], cut), "another run": ([window], cut - shift), **joints}


def _passages(kokoro: Kokoro, options: argparse.Namespace) -> Iterator[tuple[str, Utterance]]:
    """Yield passages of the fables, the voices taking turns."""
    text = FABLES.read_text(encoding="utf-8").replace("\n\n", " ")
    prepared = {voice: kokoro.prepare(text, voice, max_tokens=options.tokens) for voice in options.voices}
    for index in range(options.passages):
        voice = options.voices[index % len(options.voices)]
        chunk = replace(prepared[voice].chunks[index], before=(), behind=())
        yield voice, replace(prepared[voice], chunks=(chunk,))


def _middle(chunk: Chunk) -> int:
    """Return where a sentence ends, nearest to the middle: the index of the space behind it."""
    ends = [at for at in range(1, len(chunk.phonemes)) if chunk.phonemes[at] == " " and chunk.phonemes[at - 1] in ".!?"]
    return min(ends, key=lambda at: abs(at - len(chunk.phonemes) // 2))


def _window(chunk: Chunk, cut: int) -> tuple[Chunk, int]:
    """Return the words around a cut, and where they begin."""
    begin = chunk.phonemes.rfind(" ", 0, max(0, cut - _MIDDLE)) + 1
    end = chunk.phonemes.find(" ", cut + _MIDDLE)
    return _part(chunk, begin, end if end >= 0 else len(chunk.phonemes)), begin


def _halves(chunk: Chunk, cut: int, context: int) -> Iterator[Chunk]:
    """Yield the chunk in two, each with whole words of the other."""
    last = chunk.phonemes.rfind(" ", cut, cut + context + 1)
    first = chunk.phonemes.find(" ", max(0, cut - context), cut + 1) + 1 if context else cut + 1
    yield replace(_part(chunk, 0, cut), behind=chunk.token_ids[cut : max(cut, last)] if context else ())
    yield replace(_part(chunk, cut + 1, len(chunk.phonemes)), before=chunk.token_ids[first : cut + 1])


def _part(chunk: Chunk, begin: int, end: int) -> Chunk:
    return Chunk(chunk.phonemes[begin:end], chunk.token_ids[begin:end], follows_space=begin > 0)


def _spoken(kokoro: Kokoro, utterance: Utterance, chunks: list[Chunk], cut: int) -> Reading:
    """Speak chunks and measure the sounds around symbol `cut` of them all together."""
    began = time.thread_time()
    sounds = [kokoro.run(utterance, chunk) for chunk in chunks]
    seconds = time.thread_time() - began
    whole = join(chunks, sounds)
    known = [starts for starts in whole.token_starts if starts is not None]
    phonemes = " ".join(chunk.phonemes for chunk in chunks)
    starts = np.concatenate(known)  # where a chunk ends is where the space behind it begins
    sounding = [at for at, symbol in enumerate(phonemes) if symbol not in SOUNDLESS]
    before = [at for at in sounding if at < cut][-_SOUNDS:]
    behind = [at for at in sounding if at > cut][:_SOUNDS]
    spans = [[(int(starts[at]), int(starts[at + 1])) for at in side] for side in (before, behind)]
    pitch = [[_semitones(whole.audio, *span) for span in side] for side in spans]
    level = [[_level(whole.audio, *span) for span in side] for side in spans]
    return Reading(np.array(pitch), np.array(level), seconds)


def _semitones(audio: Floats, begin: int, end: int) -> float:
    return 12 * float(np.log2(pitch_hz(audio[max(0, begin - _BESIDE) : end + _BESIDE])))


def _level(audio: Floats, begin: int, end: int) -> float:
    level = 20 * float(np.log10(max(rms(audio[begin:end]), 1e-9)))
    return level if level > _FADED else float("nan")


def _distance(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Return the root of the mean square over the sounds."""
    return float(np.sqrt(np.nanmean(np.square(one - other))))


def _off(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Return by how much the step across the cut is another one, from median to median."""
    steps = [np.nanmedian(reading[1]) - np.nanmedian(reading[0]) for reading in (one, other)]
    return float(abs(steps[0] - steps[1]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="auto", help="name of an installed model, or the path of one")
    parser.add_argument("--voices", nargs="+", default=["bm_george", "af_bella"])
    parser.add_argument("--context", nargs="+", type=int, default=[0, 40, 80, 120], help="tokens of the other chunk")
    parser.add_argument("--one-style", nargs="+", type=int, default=[40], help="the same, with the style of the whole")
    parser.add_argument("--passages", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--tokens", type=int, default=400, help="longest passage, the words of its neighbours included")
    return parser.parse_args()


if __name__ == "__main__":
    main()
