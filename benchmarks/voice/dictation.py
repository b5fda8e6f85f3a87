"""What does a listener write down? Whisper hears each sentence alone and knows none; wrong words are counted.

    python benchmarks/voice/dictation.py LISTENER [--model FILE] [--espeak]

LISTENER is the folder of a Whisper model for faster-whisper, or the name of one that it fetches; "base" is the measure.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recordings import Floats, plain_words, resampled
from sentences import DICTATION
from speakers import ESPEAK, accent, inputs, session_of

from builtin_voice.build import MODEL_NAME, TARGET
from builtin_voice.teacher import Espeak
from builtin_voice.voices import VOICE_CONTROLS
from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.vocabulary import token_ids

Reader = Callable[[str], Floats]
SLOW_WORDS_PER_MINUTE = 140


@dataclass(frozen=True)
class Heard:
    """One sentence, what the listener wrote, and how many words of it are wrong."""

    reader: str
    text: str
    answer: str
    errors: int


class Listener:
    """Whisper on this machine's processor."""

    def __init__(self, model: str, threads: int = 1) -> None:
        """Load the model; `model` is a folder or a name that faster-whisper knows."""
        from faster_whisper import WhisperModel

        self._whisper = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)

    def write_down(self, audio: Floats) -> str:
        """Return what it understands of `audio`, 16 kHz."""
        parts, _ = self._whisper.transcribe(audio, language="en", beam_size=5, condition_on_previous_text=False)
        return " ".join(part.text.strip() for part in parts)


def word_errors(said: str, heard: str) -> int:
    """Return the least number of words to replace, add or take away."""
    wanted, found = plain_words(said.replace("-", " ")).split(), plain_words(heard.replace("-", " ")).split()
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (word != other))
    return row[-1]


def dictated(listener: Listener, readers: dict[str, Reader], texts: list[str]) -> Iterator[Heard]:
    """Let the readers take turns over `texts`; each sentence is read once."""
    names = list(readers)
    for number, text in enumerate(texts):
        name = names[number % len(names)]
        answer = listener.write_down(readers[name](text))
        yield Heard(name, text, answer, word_errors(text, answer))


def rate(heard: list[Heard]) -> float:
    """Return the word error rate of all sentences together."""
    return sum(one.errors for one in heard) / sum(len(one.text.split()) for one in heard)


def built_in(model: Path) -> dict[str, Reader]:
    """Return the seven voices of a built file."""
    session = session_of(str(model))

    def reader(voice: str) -> Reader:
        def read(text: str) -> Floats:
            ids = token_ids(phonemize(text, accent(voice)))
            return resampled(session.run(["audio"], inputs(ids, voice))[0], SAMPLE_RATE)

        return read

    return {voice: reader(voice) for voice in VOICE_CONTROLS}


def espeak_itself(words_per_minute: int = SLOW_WORDS_PER_MINUTE) -> dict[str, Reader]:
    """Return espeak's own voices."""

    def reader(voice: str) -> Reader:
        def read(text: str) -> Floats:
            said = Espeak(voice, rate=words_per_minute).speak(text)
            return resampled(said.audio, said.sample_rate)

        return read

    return {f"espeak {name}": reader(voice) for name, voice in ESPEAK.items()}


def dictation(model: Path, listener: str) -> dict[str, float]:
    """Return the word error rate of every voice of `model`, of espeak's own voices, and of both together."""
    ear = Listener(listener)
    found = dict[str, float]()
    for group, readers in (("built-in", built_in(model)), ("espeak", espeak_itself())):
        heard = list(dictated(ear, readers, DICTATION))
        found |= {name: rate([one for one in heard if one.reader == name]) for name in readers}
        found[group] = rate(heard)
    return found


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("listener", help="folder or name of a Whisper model for faster-whisper")
    parser.add_argument("--model", type=Path, default=TARGET / MODEL_NAME, help="another build of the voice")
    parser.add_argument("--espeak", action="store_true", help="espeak-ng itself instead")
    parser.add_argument("--json", action="store_true", help="print every sentence as JSON, too")
    arguments = parser.parse_args()
    readers = espeak_itself() if arguments.espeak else built_in(arguments.model)
    heard = list(dictated(Listener(arguments.listener), readers, DICTATION))
    if arguments.json:
        print(json.dumps([vars(one) for one in heard], indent=1, ensure_ascii=False))
    for name in readers:
        print(f"{name:16} {rate([one for one in heard if one.reader == name]):.3f}")
    print(f"{'all':16} {rate(heard):.3f}")


if __name__ == "__main__":
    main()
