"""Are two nodes of one core each twice as fast as one?

    python benchmarks/cluster/nodes.py [--model NAME] [--story FILE] [--rounds 3]

Without --model the speaker waits as long as Kokoro would take on a core, so that the answer does not depend on what
else this machine does: it measures how well the work is shared out. With --model that model speaks, on both cores; then
the CPU time of the busiest node is compared, too, which depends less on what else the machine does.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from driver import InstantSpeaker
from machines import Teller, cluster_of

from core_engine.model_choice import choose_model
from core_engine.places import models_dir
from storyflow.cluster.dispatcher import Dispatcher
from storyflow.cluster.speaker import Answers, Request, Speaker

TOKENS_PER_S = 25.0
"""What int8 Kokoro speaks on one core of the machine of docs/scale.md."""
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "the-red-headed-league.md"


class WaitingSpeaker(InstantSpeaker):
    """A speaker that only waits as long as Kokoro would take."""

    def speak(self, requests: list[Request]) -> Answers:
        """Wait, and answer."""
        busy_s = sum(len(request.line.text) for request in requests) / TOKENS_PER_S
        time.sleep(busy_s)
        return replace(super().speak(requests), busy_s=busy_s)


class WorkingSpeaker(Speaker):
    """A speaker that speaks, and tells its CPU time as the time that it was busy."""

    def speak(self, requests: Sequence[Request]) -> Answers:
        """Speak a batch."""
        began = time.process_time()
        return replace(super().speak(requests), busy_s=time.process_time() - began)


def main() -> None:
    """Measure both clusters in turn and print the medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--story", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    actor = WorkingSpeaker if given.model else WaitingSpeaker
    seconds: dict[int, list[float]] = {1: [], 2: []}
    busiest: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        model = choose_model(given.model or "default", models_dir())
        for number in range(given.rounds):
            for nodes, found in seconds.items():
                with cluster_of(nodes) as address:
                    teller = Teller(address, model, actor)
                    with teller.connected() as dispatcher:
                        teller.tell(dispatcher, _short(Path(folder)), Path(folder) / f"warm-up-{number}-{nodes}")
                        _wait_for(dispatcher, nodes)
                        before = _busy(dispatcher)
                        told = teller.tell(dispatcher, given.story, Path(folder) / f"{number}-{nodes}")
                        busy = [after - before[name] for name, after in _busy(dispatcher).items()]
                found.append(told.seconds)
                busiest[nodes].append(max(busy))
                shares = " + ".join(f"{each:.1f}" for each in busy)
                print(
                    f"{nodes} node(s): {told.seconds:.1f} s for {told.audio_s:.0f} s of audio, busy {shares} s",
                    flush=True,
                )
    for what, taken in (("by the clock", seconds), ("the busiest node", busiest)):
        one, two = median(taken[1]), median(taken[2])
        print(f"{what}: one node {one:.1f} s, two {two:.1f} s: {one / two:.2f} times as fast")


def _busy(dispatcher: Dispatcher) -> dict[str, float]:
    """Return how long each node has been busy, in seconds."""
    return {node.node: node.busy for node in dispatcher.nodes}


def _short(folder: Path) -> Path:
    """Write a story that needs a speaker on every node, since none starts without work."""
    story = folder / "short.txt"
    story.write_text("\n\n".join(f"Number {number}." for number in range(4)), encoding="utf-8")
    return story


def _wait_for(dispatcher: Dispatcher, nodes: int) -> None:
    """Wait until the speakers of all nodes have their model: starting is measured elsewhere."""
    while not dispatcher.places.startswith(f"on {nodes} "):
        time.sleep(0.1)


if __name__ == "__main__":
    main()
