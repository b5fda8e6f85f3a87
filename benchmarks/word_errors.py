"""Who is understood how well: word error rates of several speakers, heard by one listener that none of them made.

    python benchmarks/word_errors.py [--chapter] [--voices NAME,NAME] [SPEAKER ...]

Each speaker reads the ten Harvard sentences of the listening tests with each voice, or with `--chapter` their fables
with the first one, and Whisper base writes down what it hears. Kokoro (the int8 file, for us and for the peer) and
the listener are those of `make test-listening`; the peer runs in an environment of its own.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import prepared

from builtin_voice.teacher import Espeak
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path
from listening.equipment import Equipment, fetched
from listening.listener import Listener, Recording
from listening.texts import FABLES, HARVARD
from listening.word_errors import WordErrors, together, word_errors

ESPEAK_WORDS_PER_MINUTE = 140
AMERICAN_VOICES = "af_bella,af_sarah,am_michael"
"""Since the peer is asked for that accent; the seven voices are tested by the listening tests."""

Read = Callable[[str, str, Path], Recording]
"""Text, voice and a folder to work in → what was said."""


@dataclass(frozen=True)
class Row:
    """What came out for one speaker."""

    speaker: str
    errors: WordErrors
    spoken_s: float
    seconds: float


def ours(equipment: Equipment) -> Read:
    """Return Kokoro through `generate_audio`, as Django calls it."""
    os.environ |= {"STORYFLOW_MODELS_DIR": str(equipment.folder), "STORYFLOW_TTS_MODEL": equipment.model.stem}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storyflow_backend.settings")
    import django

    django.setup()
    from core_engine.tts_wrapper import generate_audio

    def read(text: str, voice: str, folder: Path) -> Recording:
        answer = generate_audio(text, voice, output_path=str(folder / "ours.wav"))
        if not answer["success"]:
            raise RuntimeError(answer["error"])
        return Recording.read(folder / "ours.wav")

    return read


def peer(_equipment: Equipment) -> Read:
    """Return kokoro-onnx on the same file and voices."""

    def read(text: str, voice: str, folder: Path) -> Recording:
        (folder / "text.txt").write_text(text, encoding="utf-8")
        options = ("--text", folder / "text.txt", "--output", folder / "peer.wav", "--voice", voice)
        subprocess.run(prepared.peer(*options), check=True, stdout=subprocess.DEVNULL)
        return Recording.read(folder / "peer.wav")

    return read


def espeak(_equipment: Equipment) -> Read:
    """Return espeak-ng itself, whose American voice is the same whoever is asked for."""
    speaker = Espeak("gmw/en-US", rate=ESPEAK_WORDS_PER_MINUTE)

    def read(text: str, _voice: str, _folder: Path) -> Recording:
        spoken = speaker.speak(text)
        return Recording(spoken.audio, spoken.sample_rate)

    return read


def built_in(_equipment: Equipment) -> Read:
    """Return the small voice that comes with the project."""
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()))

    def read(text: str, voice: str, _folder: Path) -> Recording:
        spoken = kokoro.speak(text, voice)
        return Recording(spoken.audio, spoken.sample_rate)

    return read


SPEAKERS: dict[str, Callable[[Equipment], Read]] = {
    "storyflow": ours,
    "kokoro-onnx": peer,
    "espeak-ng": espeak,
    "built-in": built_in,
}


def measure(name: str, read: Read, listener: Listener, texts: list[str], voices: list[str]) -> Row:
    """Let one speaker read all texts with all voices, and listen."""
    each, spoken_s, begin = [], 0.0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for voice in voices:
            for text in texts:
                recording = read(text, voice, Path(folder))
                spoken_s += recording.seconds
                each.append(word_errors(text, listener.hear(recording)))
    return Row(name, together(each), spoken_s, time.monotonic() - begin)


def main() -> None:
    """Measure and print a table, and below it what was misheard."""
    given = _parser().parse_args()
    equipment = fetched()
    listener = Listener(equipment.listener)
    voices = given.voices.split(",")
    rows = []
    print("| who speaks | word error rate | words | longest run lost, added | audio | time, listening included |")
    print("|---|---|---|---|---|---|")
    for name in given.speakers or SPEAKERS:
        read = SPEAKERS[name](equipment)
        rows.append(measure(name, read, listener, _texts(given.chapter), voices[:1] if given.chapter else voices))
        print(_line(rows[-1]), flush=True)
    for row in rows:
        print(f"\n{row.speaker}:", *row.errors.differences, sep="\n  ")


def _texts(chapter: bool) -> list[str]:
    if chapter:
        return FABLES.read_text(encoding="utf-8").strip().split("\n\n")
    return [" ".join(HARVARD)]


def _line(row: Row) -> str:
    errors = row.errors
    runs = f"{errors.longest_lost}, {errors.longest_added}"
    return (
        f"| {row.speaker} | {100 * errors.rate:.1f} % | {errors.words} | {runs} | {row.spoken_s:.0f} s | "
        f"{row.seconds:.0f} s |"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("speakers", nargs="*", choices=[[], *SPEAKERS], metavar="SPEAKER", help=", ".join(SPEAKERS))
    parser.add_argument("--chapter", action="store_true", help="1,500 words instead of 20 sentences")
    parser.add_argument("--voices", default=AMERICAN_VOICES, help="names with commas between them")
    return parser


if __name__ == "__main__":
    main()
