"""How do chunks meet, as a listener hears it? Pauses, and steps of pitch and loudness, beside those inside chunks.

    python benchmarks/joints/run.py --model kokoro-v1.0-int8 [--story FILE ...] [--voices NAME ...] --listener FOLDER

Each chunk of a story is spoken once and joined twice: as it came, with 100 ms between, and as `core_engine` joins it.
--context 0 speaks the chunks without the words of their neighbours, --tokens makes them shorter or longer.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from gaps import CLAUSE, NO_MARK, SENTENCE, Floats, Gap, Placed, gaps, longest_pause_ms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "backend"))

from core_engine.kokoro.dimensions import MAX_TOKENS, SAMPLE_RATE, SAMPLES_PER_FRAME  # noqa: E402
from core_engine.kokoro.model.inference import Sound  # noqa: E402
from core_engine.kokoro.speech.joints import join, without_context  # noqa: E402
from core_engine.kokoro.speech.synthesis import CONTEXT_TOKENS, Kokoro, Utterance  # noqa: E402
from core_engine.kokoro.speech.versions import checked_version  # noqa: E402
from core_engine.kokoro.text.chunks import Chunk, text_to_chunks  # noqa: E402
from core_engine.model_choice import choose_model  # noqa: E402
from core_engine.places import models_dir  # noqa: E402
from storyflow.stories.story import read_story  # noqa: E402

from across import in_one_run, with_context  # noqa: E402  isort: skip
from styles import with_one_style  # noqa: E402  isort: skip

_RISES = {"pitch": ("pitch_rise", "semitones"), "loudness": ("loudness_rise", "dB")}
_LONGEST_MS = 800
_FACTOR = 1.3


@dataclass(frozen=True)
class Reading:
    """One story by one voice."""

    was: Floats
    """As the chunks came, with 100 ms between."""
    now: Floats
    """As they are joined."""
    gaps_before: list[Gap]
    gaps_now: list[Gap]
    in_one_run: list[tuple[Gap, Gap] | None]
    """For each joint, the same two sounds in the runs before and behind it; None where they share no words."""
    seconds: float
    """Of processor time."""


def main() -> None:
    """Speak the stories, print the table."""
    options = _options()
    kokoro = Kokoro.load(choose_model(options.model, models_dir()).path, threads=1)
    readings = [read(kokoro, story, voice, options) for story in options.story for voice in options.voices]
    report(readings)
    if options.listener:
        compare(options.listener, readings)


def read(kokoro: Kokoro, story: Path, voice: str, options: argparse.Namespace) -> Reading:
    """Speak a story as one text."""
    text = " ".join(segment.text for segment in read_story(story).segments)[: options.characters]
    utterance = _prepared(kokoro, text, voice, options.tokens, options.context)
    utterance = with_one_style(utterance) if options.one_style else utterance
    with ThreadPoolExecutor(options.workers) as pool:
        timed = [*pool.map(lambda chunk: _timed(kokoro, utterance, chunk), utterance.chunks)]
    runs = [sound for sound, _ in timed]
    sounds = [without_context(chunk, run) for chunk, run in zip(utterance.chunks, runs, strict=True)]
    was, was_placed = as_they_came(utterance.chunks, sounds)
    now, now_placed = as_joined(utterance.chunks, sounds)
    found = [*gaps(was, was_placed)], [*gaps(now, now_placed)]
    print(f"{story.name}, {voice}: {len(sounds)} chunks", file=sys.stderr, flush=True)
    whole = [*in_one_run(utterance.chunks, runs)]
    return Reading(was, now, *found, whole, sum(seconds for _, seconds in timed))


def as_they_came(chunks: Sequence[Chunk], sounds: Sequence[Sound]) -> tuple[Floats, list[Placed]]:
    """Return the chunks with 100 ms between them, nothing trimmed, and where their symbols are."""
    silence = np.zeros(SAMPLE_RATE // 10, dtype=np.float32)
    audio = np.concatenate([part for sound in sounds for part in (sound.audio, silence)])
    starts, position = [], 0
    for sound in sounds:
        starts.append(np.cumsum(_frames(sound))[:-1] * SAMPLES_PER_FRAME + position)
        position += sound.audio.size + silence.size
    return audio, [Placed(chunk.phonemes, start) for chunk, start in zip(chunks, starts, strict=True)]


def as_joined(chunks: Sequence[Chunk], sounds: Sequence[Sound]) -> tuple[Floats, list[Placed]]:
    """Return the chunks as `core_engine` joins them, and where their symbols are."""
    whole = join(chunks, sounds)
    starts = [start for start in whole.token_starts if start is not None]
    return whole.audio, [Placed(chunk.phonemes, start) for chunk, start in zip(chunks, starts, strict=True)]


def report(readings: Sequence[Reading]) -> None:
    """Print what is inside chunks, at joints as they came and at joints as they are."""
    inside = [gap for reading in readings for gap in _inside(reading)]
    joints = [gap for reading in readings for gap in _joints(reading.gaps_now)]
    groups = {
        "inside chunks": inside,
        "joints, as they came": [gap for reading in readings for gap in _joints(reading.gaps_before)],
        "joints, now": joints,
    }
    print("| where | at the end of a | number | pause, median (longest) | pitch step, median | loudness step, median |")
    print("|---|---|---|---|---|---|")
    for where, found in groups.items():
        for kind in (SENTENCE, CLAUSE, NO_MARK):
            these = [gap for gap in found if gap.kind == kind]
            if these:
                print(f"| {where} | {kind} | {_described(these)} |")
    seconds = [
        sum(part.size for part in parts) / SAMPLE_RATE
        for parts in zip(*((r.was, r.now) for r in readings), strict=True)
    ]
    print(f"\nseconds of audio: {seconds[0]:.1f} as it came, {seconds[1]:.1f} now")
    print(f"seconds of work for a second of audio: {sum(reading.seconds for reading in readings) / seconds[1]:.3f}")
    for name, kept in _bars(readings, inside, joints).items():
        print(f"{name}: {kept}")


def compare(folder: Path, readings: Iterable[Reading]) -> None:
    """Print how much a listener hears otherwise when the silences are cut."""
    from listening.listener import Listener, Recording
    from listening.word_errors import word_errors

    listener = Listener(folder)
    for reading in readings:
        before, after = (listener.hear(Recording(audio, SAMPLE_RATE)) for audio in (reading.was, reading.now))
        print(f"heard differently than untrimmed: {word_errors(before, after)}")


def _prepared(kokoro: Kokoro, text: str, voice: str, tokens: int, context: int) -> Utterance:
    utterance = kokoro.prepare(text, voice)
    version = checked_version(kokoro.version, len(utterance.pack), voice)
    chunks = text_to_chunks(text, kokoro.language(voice).code, tokens, version, context)
    return replace(utterance, chunks=tuple(chunks))


def _timed(kokoro: Kokoro, utterance: Utterance, chunk: Chunk) -> tuple[Sound, float]:
    began = time.thread_time()
    return kokoro.run(utterance, with_context(chunk)), time.thread_time() - began


def _inside(reading: Reading) -> list[Gap]:
    return [gap for gap in reading.gaps_now if not gap.at_joint]


def _joints(found: Iterable[Gap]) -> list[Gap]:
    return [gap for gap in found if gap.at_joint]


def _bars(readings: Sequence[Reading], inside: list[Gap], joints: list[Gap]) -> dict[str, str]:
    within = [gap for gap in joints if gap.kind != SENTENCE]
    limit = _FACTOR * float(np.median([gap.pause_ms for gap in inside if gap.kind == CLAUSE]))
    too_long = sum(gap.pause_ms > limit for gap in within)
    longest = max(longest_pause_ms(reading.now) for reading in readings)
    return {
        f"joints inside a sentence that pause longer than {limit:.0f} ms": f"{too_long} of {len(within)}",
        f"longest pause at most {_LONGEST_MS} ms": f"{'yes' if longest <= _LONGEST_MS else 'no'}, {longest:.0f} ms",
        **{
            f"steps beyond nine of ten inside chunks, {what}": _beyond(readings, rise)
            for what, (rise, _) in _RISES.items()
        },
        **{f"joints and one run, {what}": _away(readings, *rise) for what, rise in _RISES.items()},
    }


def _beyond(readings: Sequence[Reading], rise: str) -> str:
    """Return how many joints step further than nine of ten gaps of the reading, at the same mark, inside chunks.

    Beside it, how many do of the same marks in the runs across them, where there is no joint.
    """
    ways: dict[str, list[bool]] = {}
    for reading in readings:
        limits = {kind: _ninth(reading, kind, rise) for kind in (SENTENCE, CLAUSE)}
        for way, gap in _ways(reading):
            if np.isfinite(getattr(gap, rise)):
                beyond = abs(getattr(gap, rise)) > limits.get(gap.kind, limits[CLAUSE])
                ways.setdefault(way, []).append(beyond)
    return "; ".join(f"{way} {sum(found)} of {len(found)}" for way, found in ways.items())


def _away(readings: Sequence[Reading], rise: str, unit: str) -> str:
    """Return how far the steps of joints are from those of the runs across them, and these from each other."""
    threes = [
        [getattr(gap, rise) for gap in (joint, *runs)]
        for reading in readings
        for joint, runs in zip(_joints(reading.gaps_now), reading.in_one_run, strict=True)
        if runs
    ]
    if not threes:
        return "no joint is spoken across"
    joint, before, behind = np.array(threes).T
    pairs = {
        "from the run before": joint - before,
        "from the run behind": joint - behind,
        "the two runs": behind - before,
    }
    return "; ".join(f"{pair} {np.nanmedian(abs(apart)):.1f} {unit}" for pair, apart in pairs.items())


def _ways(reading: Reading) -> Iterator[tuple[str, Gap]]:
    """Yield the gap of each joint, and of the same two sounds in the runs across it."""
    for joint, runs in zip(_joints(reading.gaps_now), reading.in_one_run, strict=True):
        yield "joints", joint
        if runs:
            yield from zip(("in the run before", "in the run behind"), runs, strict=True)


def _ninth(reading: Reading, kind: str, rise: str) -> float:
    """Return the step that nine of ten gaps at that mark inside the reading's chunks stay below."""
    return float(np.nanpercentile([abs(getattr(gap, rise)) for gap in _inside(reading) if gap.kind == kind], 90))


def _described(found: list[Gap]) -> str:
    pauses = [gap.pause_ms for gap in found]
    pitch, energy = ([abs(getattr(gap, rise)) for gap in found] for rise, _ in _RISES.values())
    return (
        f"{len(found)} | {np.median(pauses):.0f} ms ({max(pauses):.0f}) | {np.nanmedian(pitch):.1f} semitones "
        f"| {np.nanmedian(energy):.1f} dB"
    )


def _frames(sound: Sound) -> Floats:
    if sound.frames is None:
        raise SystemExit("This model does not tell how long its tokens sound; choose Kokoro itself with --model.")
    return sound.frames


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="auto", help="name of an installed model, or the path of one")
    parser.add_argument("--story", type=Path, nargs="+", default=[ROOT / "examples" / "the-red-headed-league.md"])
    parser.add_argument("--voices", nargs="+", default=["bm_george"])
    parser.add_argument("--tokens", type=int, default=MAX_TOKENS, help="longest chunk; 510 is the model's own limit")
    parser.add_argument("--context", type=int, default=CONTEXT_TOKENS, help="of the neighbours' tokens; 0 for none")
    parser.add_argument("--one-style", action="store_true", help="all chunks in the style of the whole text")
    parser.add_argument("--workers", type=int, default=2, help="runs at once, one thread each")
    parser.add_argument("--characters", type=int, help="of the story; all of it unless given")
    parser.add_argument("--listener", type=Path, help="folder of a Whisper model for faster-whisper")
    return parser.parse_args()


if __name__ == "__main__":
    main()
