"""How soon is a text of 2,000 characters heard when it is streamed, beside the stream of a peer?"""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from answers import Ratio
from prepared import VOICE, chapter, model, peer

from core_engine.kokoro.speech.joints import GrowingJoin
from core_engine.kokoro.speech.streaming import steps
from core_engine.kokoro.speech.synthesis import Kokoro


def measure(full: bool = False) -> list[Ratio]:
    """Stream the text in turn with the peer until the first sound; loading the model does not count."""
    text, kokoro = chapter(2_000), Kokoro.load(model())
    kokoro.speak("Ready.", VOICE)
    ours, other = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text.txt"
        file.write_text(text, encoding="utf-8")
        for _ in range(5 if full else 3):
            ours.append(_first_sound(kokoro, text))
            said = subprocess.run(
                peer("--first-sound", file, "--voice", VOICE), check=True, capture_output=True, text=True
            )
            spent = json.loads(said.stdout.splitlines()[-1])
            other.append((spent["first_s"], spent["first_cpu_s"]))
    (seconds, cpu_s), (peer_s, peer_cpu_s) = (
        [median(each) for each in zip(*all_, strict=True)] for all_ in (ours, other)
    )
    return [
        Ratio("first sound of a stream: time", seconds, peer_s, "s", at_most=0.25),
        Ratio("first sound of a stream: processor time", cpu_s, peer_cpu_s, "s", at_most=0.25),
    ]


def _first_sound(kokoro: Kokoro, text: str) -> tuple[float, float]:
    begin, begin_cpu = time.perf_counter(), time.process_time()
    step = next(steps(kokoro, text, VOICE))
    if GrowingJoin().add(step.chunk, step.run()).size == 0:
        raise RuntimeError("The first step has no sound.")
    return time.perf_counter() - begin, time.process_time() - begin_cpu
