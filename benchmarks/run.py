"""Run the benchmarks: each script answers one question; the answers go to a table, results.json and results.png.

    python benchmarks/run.py [--full] [--stand-in] [NAME ...]

The short set takes less than ten minutes; --full measures a whole chapter, a whole book and more rounds.
"""

import argparse
import importlib
import json
import os
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import onnxruntime
from answers import Ratio, table
from prepared import STAND_IN

# First those that measure the memory of processes, which includes that of this one when it starts them.
QUESTIONS = ("start", "chapter", "segments", "first_sound", "overhead", "text_side", "memory", "real_time")
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Print each question with its table as it is answered, and keep all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(QUESTIONS))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--stand-in", action="store_true", help="measure a model with random weights")
    given = parser.parse_args()
    if given.stand_in:
        os.environ[STAND_IN] = "1"
    answers: dict[str, list[Ratio]] = {}
    for name in given.names or QUESTIONS:
        question, begin = importlib.import_module(name), time.perf_counter()
        print(f"\n{(question.__doc__ or '').strip()}\n", flush=True)
        answers[name] = question.measure(given.full)
        print(f"{table(answers[name])}\n({time.perf_counter() - begin:.0f} s)", flush=True)
        _keep(answers)  # each time: the next may take long, or fail


def _keep(answers: dict[str, list[Ratio]]) -> None:
    """Write what was answered; what an earlier run answered and this one was not asked stays."""
    machine = (
        f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores, onnxruntime {onnxruntime.__version__}"
    )
    listed = {name: [{**asdict(ratio), "ratio": ratio.value} for ratio in ratios] for name, ratios in answers.items()}
    document = {"machine": machine, "answers": {**_earlier(machine), **listed}}
    (HERE / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    ratios = [_read(stored) for name in QUESTIONS for stored in document["answers"].get(name, [])]
    _draw(ratios, machine, HERE / "results.png")


def _earlier(machine: str) -> dict[str, list[dict[str, Any]]]:
    try:
        document = json.loads((HERE / "results.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return document["answers"] if document.get("machine") == machine else {}


def _read(stored: dict[str, Any]) -> Ratio:
    return Ratio(**{name: value for name, value in stored.items() if name != "ratio"})


def _draw(ratios: list[Ratio], machine: str, picture: Path) -> None:
    """Draw each ratio as a bar against what it is to keep to, which is 1 on the axis."""
    judged = [ratio for ratio in reversed(ratios) if ratio.at_most is not None]
    figure, axes = plt.subplots(figsize=(10, 1 + 0.45 * len(judged)), layout="constrained")
    colours = ["#27408b" if ratio.kept else "#b03060" for ratio in judged]
    shares = [ratio.value / (ratio.at_most or 1) for ratio in judged]
    bars = axes.barh([ratio.what for ratio in judged], shares, color=colours)
    axes.bar_label(bars, [f" {ratio.value:.2f} of {ratio.at_most:.2f}" for ratio in judged])
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xlabel="measured ratio ÷ the most that it may be", title=machine, xlim=(0, 1.3 * max(1, *shares)))
    figure.savefig(picture, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
