"""Run the short set of benchmarks: each script answers one question; the answers go to a table and to results.json."""

import json
import platform
from pathlib import Path

import onnxruntime
import overhead
import real_time

QUESTIONS = (overhead, real_time)


def main() -> None:
    """Print each question with its figures, and keep them in results.json."""
    answers = {}
    for question in QUESTIONS:
        print((question.__doc__ or "").strip())
        answers[question.__name__] = question.measure()
        for name, value in answers[question.__name__].items():
            print(f"  {name:28} {value:10.3f}")
    machine = f"{platform.machine()}, {platform.system()}, onnxruntime {onnxruntime.__version__}"
    document = {"machine": machine, "answers": answers}
    Path(__file__).with_name("results.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
