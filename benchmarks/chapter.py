"""How long does a chapter take on all cores, and how much memory, beside a peer on the same model?"""

import tempfile
from pathlib import Path

from answers import Ratio
from prepared import PEER, STORYFLOW, VOICE, chapter, model, peer
from side_by_side import alternate_processes


def measure(full: bool = False) -> list[Ratio]:
    """Narrate 6,000 characters, or 1,000 in the short set, twice each in turn: whole processes, files included."""
    return beside(PEER, 6_000 if full else 1_000, rounds=2, time_at_most=0.90, memory_at_most=1.3)


def beside(
    name: str, characters: int, rounds: int, time_at_most: float | None = None, memory_at_most: float | None = None
) -> list[Ratio]:
    """Narrate a part of the story in turn with a peer; raises CalledProcessError where either cannot."""
    with tempfile.TemporaryDirectory() as folder:
        story, out = Path(folder) / "chapter.txt", Path(folder) / "out"
        story.write_text(chapter(characters), encoding="utf-8")
        # A second run makes only what changed, so nothing may be left of the first.
        narrate = ["sh", "-c", 'rm -rf "$1"; exec "$0" narrate "$2" --out "$1" --model "$3" --voice "$4"']
        ours, other = alternate_processes(
            [*narrate, STORYFLOW, out, story, model(), VOICE],
            peer(name, "--text", story, "--output", Path(folder) / "peer.wav"),
            rounds=rounds,
            warm_up=False,
        )
    what = f"a chapter of {characters:,} characters ÷ {name}"
    return [
        Ratio(f"{what}: time", ours.seconds, other.seconds, "s", time_at_most),
        Ratio(f"{what}: peak memory", ours.peak_mb, other.peak_mb, "MB", memory_at_most),
    ]
