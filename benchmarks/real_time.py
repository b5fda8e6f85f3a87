"""How much faster than it plays is a narration of the example story, and how does the time grow with the length?"""

import time
from pathlib import Path

from core_engine.kokoro.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path
from storyflow.stories import read_story

STORY = Path(__file__).resolve().parent.parent / "examples" / "the-red-headed-league.md"
REPEATS = (1, 10)


def measure() -> dict[str, float]:
    """Return the real-time factor (seconds of work for a second of audio) and how ten times the text compares."""
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()))
    text = "\n\n".join(segment.text for segment in read_story(STORY).segments)
    seconds = {}
    for repeats in REPEATS:
        begin = time.perf_counter()
        speech = kokoro.speak(" ".join([text] * repeats))
        seconds[repeats] = time.perf_counter() - begin
    audio_s = len(speech.audio) / speech.sample_rate
    return {
        "real-time factor": seconds[REPEATS[-1]] / audio_s,
        "ten times the text ÷ once": seconds[REPEATS[-1]] / seconds[REPEATS[0]],
    }
