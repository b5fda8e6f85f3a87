"""How many segments a second can one driver plan, receive and publish, if speaking takes no time?

    python benchmarks/cluster/driver.py [SEGMENTS]

The driver is held to one core. Its CPU time is the figure to trust on a machine that does other things, too.
"""

import io
import os
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

from machines import Teller, cluster_of

from core_engine.model_choice import choose_model
from storyflow.cluster.speaker import Answers, Request, Speaker
from storyflow.narration.spoken import Spoken

SENTENCE = "The keeper lit the lamp at a quarter past six, and the ship turned slowly away from the rocks. Number {}."
SECONDS = 10.0
"""Of audio of a segment: the mean of the example story."""


class InstantSpeaker(Speaker):
    """A speaker that takes no time: the same WAV for everything."""

    def __init__(self) -> None:
        super().__init__()
        held = io.BytesIO()
        with wave.open(held, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(24_000)
            wav.writeframes(os.urandom(2 * round(SECONDS * 24_000)))
        times = [{"text": "word", "start": 0.1, "end": 0.4, "from": 0, "to": 4}] * 20
        words = {"estimated": True, "words": times, "sentences": times[:1]}
        self._spoken = Spoken(held.getvalue(), SECONDS, "af_bella", words)

    def speak(self, requests: list[Request]) -> Answers:
        """Answer at once."""
        return Answers([self._spoken] * len(requests), 1e-3)


def main(segments: int) -> None:
    """Print the rate of a story of that many segments."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        story = Path(folder) / "story.txt"
        story.write_text("\n\n".join(SENTENCE.format(number) for number in range(segments)), encoding="utf-8")
        teller: Any = None
        with cluster_of(1) as address:
            teller = Teller(address, choose_model("default", Path(folder)), InstantSpeaker)
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
            with teller.connected() as dispatcher:
                teller.tell(dispatcher, story, Path(folder) / "warm-up")
                told = teller.tell(dispatcher, story, Path(folder) / "out")
    print(f"{told.segments} segments of {SECONDS:.0f} s and {SECONDS * 48:.0f} kB: {told.seconds:.1f} s")
    print(f"{told.segments / told.seconds:.0f} segments/s; by the driver's CPU time {told.segments / told.cpu_s:.0f}/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
