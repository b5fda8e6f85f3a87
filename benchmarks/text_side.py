"""How long does the text side of a book take: normalised, phonemised, tokenised, chunked?"""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from unittest.mock import patch

from answers import Ratio
from prepared import chapter, peer
from side_by_side import alternate

from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.model_paths import BUILT_IN
from core_engine.places import models_dir
from storyflow.narration import further_processes
from storyflow.narration.rehearsal import Rehearsal

ROUNDS = 3


def measure(full: bool = False) -> list[Ratio]:
    """Read 1 MB of prose, or 200 kB in the short set, as one line and paragraph by paragraph."""
    text = chapter(1_000_000 if full else 200_000)
    size = f"text side of {len(text) // 1000:,} kB"
    return [
        _compared(f"{size} in one line: time", [" ".join(text.split())], 1 if full else ROUNDS),
        _compared(f"{size} by paragraph: time", text.split("\n\n"), ROUNDS),
        _on_two_cores(chapter(1_000_000)),
    ]


def _on_two_cores(text: str) -> Ratio:
    """Read a book as `--dry-run --phonemes` does, in this process and a further one, which starts each time."""
    rehearsal = Rehearsal.by("af_bella", BUILT_IN, models_dir(), as_written=False, phonemes=True)
    passages = list(rehearsal.of_text(text))

    def read(cores: int) -> None:
        with patch.object(further_processes, "allowed_cores", return_value=cores):
            list(further_processes.read_in_order(passages))

    two, one = alternate(lambda: read(2), lambda: read(1), rounds=ROUNDS)
    return Ratio("phonemes of 1 MB, numbers in words, on two cores ÷ on one: time", two, one, "s", at_most=0.6)


def _compared(what: str, texts: list[str], rounds: int) -> Ratio:
    """Read the texts with both sides in turn; neither's start-up counts."""
    texts = [text for text in texts if text.strip()]
    ours, other = [], []
    text_to_chunks("Ready.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        for _ in range(rounds):
            begin = time.perf_counter()
            for text in texts:
                text_to_chunks(text)
            ours.append(time.perf_counter() - begin)
            said = subprocess.run(peer("--text-side", file), check=True, capture_output=True, text=True).stdout
            other.append(json.loads(said.splitlines()[-1])["text_s"])
    return Ratio(what, median(ours), median(other), "s", at_most=1 / 3)
