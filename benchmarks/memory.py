"""Does memory stay flat over requests of ever-changing length?"""

import resource
import tempfile
from pathlib import Path

from answers import Ratio

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path
from storyflow.narration.speaking import save_speech

WORDS = (
    "the",
    "lighthouse",
    "keeper",
    "climbed",
    "stairs",
    "at",
    "dusk",
    "with",
    "an",
    "old",
    "lantern",
    "and",
    "Mary",
)
PAGE = resource.getpagesize()


def measure(full: bool = False) -> list[Ratio]:
    """Speak 5,000 texts, or 500 in the short set, of 1 to 60 words, after 500 that fill what is kept on purpose."""
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"

        def speak(first: int, last: int) -> float:
            for number in range(first, last):
                words = (WORDS[(number * 7 + place) % len(WORDS)] for place in range(1 + number * 37 % 60))
                save_speech(kokoro.speak(" ".join(words) + "."), path)
            return _resident_mb()

        before = speak(0, 500)
        after = speak(500, 500 + (5_000 if full else 500))
    return [Ratio(f"resident memory after {5_000 if full else 500:,} requests", after, before, "MB", at_most=1.05)]


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20
