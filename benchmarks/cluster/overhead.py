"""How much more does a chapter take with --cluster local than without?

    python benchmarks/cluster/overhead.py [--model NAME] [--story FILE] [--repeat 1] [--rounds 3]

Whole processes, in turn. Besides the time, the CPU time of all of their processes is compared, which depends less on
what else the machine does; of processes that end, the last fifth of a second is not seen.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "the-red-headed-league.md"
_TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure both ways in turn and print the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="default")
    parser.add_argument("--story", type=Path, default=EXAMPLE)
    parser.add_argument("--repeat", type=int, default=1, help="the story this many times")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ways: dict[str, list[str]] = {"plain": [], "cluster": ["--cluster", "local"]}
    took: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        story = Path(folder) / "chapter.md"
        story.write_text("\n\n".join([given.story.read_text(encoding="utf-8")] * given.repeat), encoding="utf-8")
        for number in range(given.rounds):
            for way, options in ways.items():
                out = Path(folder) / f"{way}-{number}"
                command = [sys.executable, "-m", "storyflow", "narrate", story, "--model", given.model, "--out", out]
                took[way].append(_cost_of([*map(str, command), *options]))
                print(f"{way}: {took[way][-1][0]:.1f} s, {took[way][-1][1]:.1f} s of CPU time", flush=True)
    for index, what in enumerate(("time", "CPU time")):
        plain, cluster = (median(each[index] for each in took[way]) for way in ways)
        print(f"{what}: {plain:.1f} s plain, {cluster:.1f} s on the cluster: {cluster / plain:.2f}")


def _cost_of(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and the CPU seconds of it and all processes below it."""
    began, spent = time.perf_counter(), dict[int, float]()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            spent.update(_below(process.pid))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - began, sum(spent.values())


def _below(root: int) -> dict[int, float]:
    """Return the CPU seconds of a process and all below it."""
    found: dict[int, tuple[int, float]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                found[int(folder.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICK
            except (OSError, ValueError):
                continue
    ours = {root} & found.keys()
    while True:
        more = {pid for pid, (parent, _) in found.items() if parent in ours} - ours
        if not more:
            return {pid: found[pid][1] for pid in ours}
        ours |= more


if __name__ == "__main__":
    main()
