"""How do chunks meet, as a listener hears it? Pauses, and steps of pitch and loudness, beside those inside chunks.

    python benchmarks/joints/run.py --model kokoro-v1.0-int8 --listener FOLDER

Each chunk of the story is spoken once and joined twice: as it came, with 100 ms between, and as `core_engine` joins it.
With --alone the chunks are spoken without the words of their neighbours.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from gaps import CLAUSE, NO_MARK, SENTENCE, Floats, Gap, Placed, gaps, longest_pause_ms

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "backend"))

from core_engine.kokoro.dimensions import SAMPLE_RATE, SAMPLES_PER_FRAME  # noqa: E402
from core_engine.kokoro.model.inference import Sound  # noqa: E402
from core_engine.kokoro.speech.joints import join  # noqa: E402
from core_engine.kokoro.speech.synthesis import Kokoro  # noqa: E402
from core_engine.kokoro.speech.throughput import CHUNK_TOKENS  # noqa: E402
from core_engine.kokoro.text.chunks import Chunk  # noqa: E402
from core_engine.model_choice import choose_model  # noqa: E402
from core_engine.places import models_dir  # noqa: E402
from storyflow.stories.story import read_story  # noqa: E402

_LONGEST_MS = 800
_FACTOR = 1.3


def main() -> None:
    """Speak the story, print the table."""
    options = _options()
    kokoro = Kokoro.load(choose_model(options.model, models_dir()).path)
    text = " ".join(segment.text for segment in read_story(options.story).segments)[: options.characters]
    utterance = kokoro.prepare(text, options.voice, max_tokens=options.tokens)
    if options.alone:
        alone = tuple(replace(chunk, before=(), behind=()) for chunk in utterance.chunks)
        utterance = replace(utterance, chunks=alone)
    sounds = [kokoro.run(utterance, chunk) for chunk in utterance.chunks]
    before, after = as_they_came(utterance.chunks, sounds), as_joined(utterance.chunks, sounds)
    report(*before, *after)
    if options.listener:
        compare(options.listener, before[0], after[0])


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


def report(was: Floats, was_placed: list[Placed], now: Floats, now_placed: list[Placed]) -> None:
    """Print what is inside chunks, at joints as they came and at joints as they are."""
    inside = [gap for gap in gaps(now, now_placed) if not gap.at_joint]
    groups = {
        "inside chunks": inside,
        "joints, as they came": [gap for gap in gaps(was, was_placed) if gap.at_joint],
        "joints, now": [gap for gap in gaps(now, now_placed) if gap.at_joint],
    }
    print("| where | at the end of | number | pause, median (longest) | pitch step, median | loudness step, median |")
    print("|---|---|---|---|---|---|")
    for where, found in groups.items():
        for kind in (SENTENCE, CLAUSE, NO_MARK):
            these = [gap for gap in found if gap.kind == kind]
            if these:
                print(f"| {where} | {kind} | {_described(these)} |")
    joints = groups["joints, now"]
    print(f"\nlongest pause anywhere: {longest_pause_ms(was):.0f} ms as it came, {longest_pause_ms(now):.0f} ms now")
    print(f"seconds of audio: {was.size / SAMPLE_RATE:.1f} as it came, {now.size / SAMPLE_RATE:.1f} now")
    for name, kept in _bars(inside, joints, longest_pause_ms(now)).items():
        print(f"{name}: {kept}")


def compare(folder: Path, was: Floats, now: Floats) -> None:
    """Print how much a listener hears otherwise when the silences are cut."""
    from listening.listener import Listener, Recording
    from listening.word_errors import word_errors

    listener = Listener(folder)
    before, after = (listener.hear(Recording(audio, SAMPLE_RATE)) for audio in (was, now))
    print(f"heard otherwise than as it came: {word_errors(before, after)}")


def _bars(inside: list[Gap], joints: list[Gap], longest_ms: float) -> dict[str, str]:
    within = [gap for gap in joints if gap.kind != SENTENCE]
    limit = _FACTOR * float(np.median([gap.pause_ms for gap in inside if gap.kind == CLAUSE]))
    too_long = sum(gap.pause_ms > limit for gap in within)
    return {
        f"joints inside a sentence that pause longer than {limit:.0f} ms": f"{too_long} of {len(within)}",
        f"longest pause at most {_LONGEST_MS} ms": "yes" if longest_ms <= _LONGEST_MS else "no",
        "joints beyond the 90th percentile inside chunks, pitch": _beyond(inside, joints, "pitch_step"),
        "joints beyond the 90th percentile inside chunks, loudness": _beyond(inside, joints, "energy_step_db"),
    }


def _beyond(inside: list[Gap], joints: list[Gap], what: str) -> str:
    """Return how many joints step further than nine of ten gaps at the same kind of mark inside chunks."""
    steps = {kind: [getattr(gap, what) for gap in inside if gap.kind == kind] for kind in (SENTENCE, CLAUSE)}
    limits = {kind: np.nanpercentile(values, 90) for kind, values in steps.items() if values}
    known = [gap for gap in joints if np.isfinite(getattr(gap, what))]
    beyond = sum(getattr(gap, what) > limits.get(gap.kind, limits[CLAUSE]) for gap in known)
    return f"{beyond} of {len(known)} (limits {', '.join(f'{kind} {limit:.1f}' for kind, limit in limits.items())})"


def _described(found: list[Gap]) -> str:
    pauses = [gap.pause_ms for gap in found]
    pitch, energy = ([getattr(gap, what) for gap in found] for what in ("pitch_step", "energy_step_db"))
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
    parser.add_argument("--story", type=Path, default=ROOT / "examples" / "the-red-headed-league.md")
    parser.add_argument("--voice", default="bm_george")
    parser.add_argument("--tokens", type=int, default=CHUNK_TOKENS, help="longest chunk; 510 is the model's own limit")
    parser.add_argument("--alone", action="store_true", help="chunks without the words of their neighbours")
    parser.add_argument("--characters", type=int, help="of the story; all of it unless given")
    parser.add_argument("--listener", type=Path, help="folder of a Whisper model for faster-whisper")
    return parser.parse_args()


if __name__ == "__main__":
    main()
