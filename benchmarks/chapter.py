"""How long does a chapter take on all cores, and how much memory, beside a peer on the same model?"""

import tempfile
from pathlib import Path

from answers import Ratio
from prepared import STORYFLOW, VOICE, chapter, model, peer
from side_by_side import alternate_processes


def measure(full: bool = False) -> list[Ratio]:
    """Narrate 4,000 characters, or 1,000 in the short set, twice each in turn: whole processes, files included."""
    characters = 4_000 if full else 1_000
    with tempfile.TemporaryDirectory() as folder:
        story, out = Path(folder) / "chapter.txt", Path(folder) / "out"
        story.write_text(chapter(characters), encoding="utf-8")
        # A second run makes only what changed, so nothing may be left of the first.
        narrate = ["sh", "-c", 'rm -rf "$1"; exec "$0" narrate "$2" --out "$1" --model "$3" --voice "$4"']
        ours, other = alternate_processes(
            [*narrate, STORYFLOW, out, story, model(), VOICE],
            peer("--text", story, "--output", Path(folder) / "peer.wav"),
            rounds=2,
            warm_up=False,
        )
    what = f"a chapter of {characters:,} characters"
    return [
        Ratio(f"{what}: processor time", ours.cpu_s, other.cpu_s, "s", at_most=0.80),
        Ratio(f"{what}: time", ours.seconds, other.seconds, "s", at_most=0.80),
        Ratio(f"{what}: peak memory", ours.peak_mb, other.peak_mb, "MB", at_most=1.0),
    ]
