"""Do 1,000 segments take ten times as long as 100, and no more memory?"""

import tempfile
from pathlib import Path

from answers import Ratio
from prepared import STORYFLOW
from side_by_side import Cost, alternate_processes

SEGMENT = "The lighthouse keeper climbed the stairs at dusk. Number {}."


def measure(full: bool = False) -> list[Ratio]:
    """Narrate both stories with the built-in voice, whole processes, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        many, few = _narrated(Path(folder), (1_000, 100), rounds=5 if full else 2)
    return [
        Ratio("1,000 segments ÷ 100: time", many.seconds, few.seconds, "s", at_most=10.5),
        Ratio("1,000 segments ÷ 100: peak memory", many.peak_mb, few.peak_mb, "MB", at_most=1.1),
    ]


def _narrated(folder: Path, counts: tuple[int, ...], rounds: int) -> list[Cost]:
    commands = []
    for count in counts:
        story, out = folder / f"{count}.txt", folder / f"out-{count}"
        # The hundred sentences come again and again: longer ones would need more memory by themselves.
        story.write_text("\n\n".join(SEGMENT.format(number % 100) for number in range(count)), encoding="utf-8")
        narrate = ["sh", "-c", 'rm -rf "$1"; exec "$0" narrate "$2" --out "$1" --model default']
        commands.append([*narrate, STORYFLOW, out, story])
    return alternate_processes(*commands, rounds=rounds)
