"""What does a listener write down? Whisper hears each sentence alone and knows none; wrong words are counted.

    python benchmarks/voice/dictation.py LISTENER [--model FILE] [--espeak]

LISTENER is the folder of a Whisper model for faster-whisper, or the name of one that it fetches; "base" is the measure.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from sentences import DICTATION
from speakers import ESPEAK, accent, inputs, session_of

from builtin_voice.build import MODEL_NAME, TARGET
from builtin_voice.teacher import Espeak
from builtin_voice.voices import VOICE_CONTROLS
from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.vocabulary import token_ids
from listening.listener import Listener, Recording
from listening.word_errors import WordErrors, together, word_errors

Reader = Callable[[str], Recording]
SLOW_WORDS_PER_MINUTE = 140


@dataclass(frozen=True)
class Heard:
    """One sentence, what the listener wrote, and which words of it are wrong."""

    reader: str
    text: str
    answer: str
    errors: WordErrors


def dictated(listener: Listener, readers: dict[str, Reader], texts: list[str]) -> Iterator[Heard]:
    """Let the readers take turns over `texts`; each sentence is read once."""
    names = list(readers)
    for number, text in enumerate(texts):
        name = names[number % len(names)]
        answer = listener.hear(readers[name](text))
        yield Heard(name, text, answer, word_errors(text, answer))


def rate(heard: list[Heard]) -> float:
    """Return the word error rate of all sentences together."""
    return together([one.errors for one in heard]).rate


def built_in(model: Path) -> dict[str, Reader]:
    """Return the seven voices of a built file."""
    session = session_of(str(model))

    def reader(voice: str) -> Reader:
        def read(text: str) -> Recording:
            ids = token_ids(phonemize(text, accent(voice)))
            return Recording(session.run(["audio"], inputs(ids, voice))[0], SAMPLE_RATE)

        return read

    return {voice: reader(voice) for voice in VOICE_CONTROLS}


def espeak_itself(words_per_minute: int = SLOW_WORDS_PER_MINUTE) -> dict[str, Reader]:
    """Return espeak's own voices."""

    def reader(voice: str) -> Reader:
        def read(text: str) -> Recording:
            said = Espeak(voice, rate=words_per_minute).speak(text)
            return Recording(said.audio, said.sample_rate)

        return read

    return {f"espeak {name}": reader(voice) for name, voice in ESPEAK.items()}


def dictation(model: Path, listener: Path) -> dict[str, float]:
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
    parser.add_argument("listener", type=Path, help="folder or name of a Whisper model for faster-whisper")
    parser.add_argument("--model", type=Path, default=TARGET / MODEL_NAME, help="another build of the voice")
    parser.add_argument("--espeak", action="store_true", help="espeak-ng itself instead")
    parser.add_argument("--json", action="store_true", help="print every sentence as JSON, too")
    arguments = parser.parse_args()
    readers = espeak_itself() if arguments.espeak else built_in(arguments.model)
    heard = list(dictated(Listener(arguments.listener), readers, DICTATION))
    if arguments.json:
        print(json.dumps([asdict(one) for one in heard], indent=1, ensure_ascii=False))
    for name in readers:
        print(f"{name:16} {rate([one for one in heard if one.reader == name]):.3f}")
    print(f"{'all':16} {rate(heard):.3f}")


if __name__ == "__main__":
    main()
