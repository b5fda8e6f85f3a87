"""How exact the times of words are: against the times at which an independent listener hears them.

    python benchmarks/times.py [--paragraphs N] [--voices NAME,NAME] [--built-in]

The real voice, or with `--built-in` the built-in one, reads paragraphs of the listening tests' fables, each in the next
of the voices, and Whisper base says when it hears each word. "estimated" are the same recordings with times as for a
model that does not tell the durations of its tokens.
"""

import argparse
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.timings import timings_of
from core_engine.kokoro.voice.voices import VOICES
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.reading.aloud import read_aloud
from listening.equipment import fetched
from listening.listener import Listener, Recording
from listening.texts import paragraphs
from listening.word_times import TimeErrors, time_errors, together


def main() -> None:
    """Measure, and print a table with a line per voice and one for all."""
    given = _parser().parse_args()
    equipment = fetched()
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()) if given.built_in else equipment.model)
    listener = Listener(equipment.listener)
    told: dict[str, list[TimeErrors]] = {}
    estimated: dict[str, list[TimeErrors]] = {}
    for text, voice in zip(paragraphs(given.paragraphs), cycle(given.voices.split(",")), strict=False):
        reading = read_aloud(text, kokoro.language(voice).code)
        speech = kokoro.speak(reading.text, voice)
        heard = listener.hear_words(Recording(speech.audio, speech.sample_rate))
        untold = replace(speech, token_starts=(None,) * speech.chunks)
        told.setdefault(voice, []).append(time_errors(timings_of(speech, reading).words, heard))
        estimated.setdefault(voice, []).append(time_errors(timings_of(untold, reading).words, heard))
    print("| voice | words compared | median | 95 % within | the listener is earlier by | estimated: median | 95 % |")
    print("|---|---|---|---|---|---|---|")
    for voice in told:
        print(_line(voice, together(told[voice]), together(estimated[voice])))
    print(_line("all", *(together(part for each in kind.values() for part in each) for kind in (told, estimated))))


def _line(voice: str, told: TimeErrors, estimated: TimeErrors) -> str:
    return (
        f"| {voice} | {len(told.differences_ms)} of {told.words} | {told.median_ms:.0f} ms | {told.most_ms:.0f} ms | "
        f"{told.bias_ms:.0f} ms | {estimated.median_ms:.0f} ms | {estimated.most_ms:.0f} ms |"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--paragraphs", type=int, default=20, help="how many, of 62 words each")
    every = ",".join(voice.id for voice in VOICES)
    parser.add_argument("--voices", default=every, help="names with commas between them")
    parser.add_argument("--built-in", action="store_true", help="the built-in voice instead of the real one")
    return parser


if __name__ == "__main__":
    main()
