"""How much faster than it plays is a narration of the example story, and how does the time grow with the length?"""

import time
from pathlib import Path

from answers import Ratio
from prepared import chapter

from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.model_paths import BUILT_IN, model_path

REPEATS = (10, 1)


def measure(full: bool = False) -> list[Ratio]:
    """Speak the story, or a part of it in the short set, with the built-in voice, once and ten times over."""
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()))
    text, seconds, audio_s = chapter(3_500 if full else 1_000), {}, 0.0
    for repeats in REPEATS:
        begin = time.perf_counter()
        speech = kokoro.speak("\n\n".join([text] * repeats))
        seconds[repeats] = time.perf_counter() - begin
        audio_s = audio_s or len(speech.audio) / speech.sample_rate
    many, once = (seconds[repeats] for repeats in REPEATS)
    return [
        Ratio("built-in voice: seconds of work ÷ of audio", many, audio_s, "s", at_most=0.1),
        Ratio("ten times the text ÷ once: time", many, once, "s", at_most=10.5),
    ]
