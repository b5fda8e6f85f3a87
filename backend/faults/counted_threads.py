"""Load the voice and speak, optionally on one core or inside a control group.

Usage: counted_threads all|one [CGROUP]; prints the allowed cores and the number of the session's threads as JSON.
"""

import json
import os
import sys
from pathlib import Path


def main(cores: str, *groups: str) -> None:
    for group in groups:
        (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
    if cores == "one":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from core_engine.kokoro.model.cores import allowed_cores
    from core_engine.kokoro.speech.synthesis import Kokoro
    from core_engine.model_paths import BUILT_IN, model_path

    before = len(os.listdir("/proc/self/task"))
    Kokoro.load(model_path(BUILT_IN, Path())).speak("The lamp is lit.")
    after = len(os.listdir("/proc/self/task"))
    # The calling thread works too.
    print(json.dumps({"allowed": allowed_cores(), "runtime": after - before + 1}))


if __name__ == "__main__":
    main(*sys.argv[1:])
