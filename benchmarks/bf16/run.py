"""What would OpenVINO bring, and bf16 on CPUs with bf16 matrix units, and does the audio stay the same?

    pip install -r benchmarks/bf16/requirements.txt
    python benchmarks/bf16/run.py MODEL [--tokens 100] [--threads N] [--rounds 5] [--answer-cpuid] [--only PROCESSOR]

MODEL is an export of Kokoro; that of benchmarks/stand_in, unless --trained says that its weights are real. Prints a
table and writes benchmarks/results.bf16.json. A variant that kills its process is reported as that.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from lowered import VARIANTS
from models import largest_difference, prepare

from core_engine.kokoro.model.cores import allowed_cores

HERE = Path(__file__).parent
FLAGS = ("amx_bf16", "avx512_bf16")
_WITHOUT_TILES = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}


def main() -> None:
    """Measure every variant, with the processor as it is and as oneDNN can be told to see it."""
    sys.stdout.reconfigure(line_buffering=True)
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="bf16-") as name:
        folder = Path(name)
        prepare(options.model, folder, give_pitch=not options.trained)
        difference = largest_difference(folder, options.threads, (1, 7, options.tokens))
        print(f"{processor()}\nwithout the loop, onnxruntime: largest difference of a sample {difference:g}\n")
        rows = [measure(folder, options, "onnxruntime", "as it is", {})]
        print_row(rows[0])
        for label, environment in environments(options.answer_cpuid, folder).items():
            if options.only not in (None, label):
                continue
            for variant in VARIANTS:
                rows.append(measure(folder, options, variant, label, environment))
                print_row(rows[-1])
    document = {"processor": processor(), "threads": options.threads, "difference": difference, "rows": rows}
    (HERE.parent / "results.bf16.json").write_text(json.dumps(document, indent=1) + "\n")


def environments(answer_cpuid: bool, folder: Path) -> dict[str, dict[str, str]]:
    """Return name → environment variables of the ways to look at the processor."""
    found: dict[str, dict[str, str]] = {"as it is": {}, "without AMX": _WITHOUT_TILES}
    if answer_cpuid:
        library = folder / "cpuid_leaves.so"
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, HERE / "cpuid_leaves.c"], check=True)
        found["CPUID answered"] = {"LD_PRELOAD": str(library)}
    return found


def measure(folder: Path, options: argparse.Namespace, variant: str, label: str, environment: dict[str, str]) -> dict:
    """Return what both measurements of a variant say, or how they ended."""
    numbers = [str(number) for number in (options.threads, options.tokens, options.rounds)]
    row: dict = {"variant": variant, "processor": label}
    for what in ("alone",) if variant == "onnxruntime" else ("compare", "alone"):
        command = [sys.executable, str(HERE / "side.py"), what, str(folder), variant, *numbers]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        if done.returncode:
            return {**row, "ended": ending(done)}
        row[what] = json.loads(done.stdout.splitlines()[-1])
    return row


def ending(done: subprocess.CompletedProcess[str]) -> str:
    """Say how a process ended."""
    if done.returncode < 0:
        return f"killed by {signal.Signals(-done.returncode).name}"
    return (done.stderr.strip().splitlines() or ["nothing said"])[-1]


def print_row(row: dict) -> None:
    """Print one variant."""
    print(f"{row['variant']:18} {row['processor']:15}", end=" ")
    if "ended" in row:
        print(row["ended"])
        return
    if "compare" in row:
        print(ratios(row["compare"]["times"]))
        for sound in row["compare"]["sounds"]:
            print(f"{'':34}", "  ".join(f"{name} {value:.3g}" for name, value in sound.items()))
    else:
        print()
    alone = {name: value if isinstance(value, list) else f"{value:.3g}" for name, value in row["alone"].items()}
    print(f"{'':34}", "  ".join(f"{name} {value}" for name, value in alone.items()))


def ratios(times: dict[str, list[float]]) -> str:
    """Say the ratio of the medians, by the clock and of the processor, and the spread of the single rounds."""
    said = []
    for kind in ("", " cpu"):
        ours, reference = times[f"ours{kind}"], times[f"reference{kind}"]
        single = [one / other for one, other in zip(ours, reference, strict=True)]
        ratio = median(ours) / median(reference)
        said.append(f"{kind.strip() or 'clock'} {ratio:.2f} ({min(single):.2f} to {max(single):.2f})")
    return "ours ÷ onnxruntime: " + ", ".join(said)


def processor() -> str:
    """Return the model, its bf16 flags and the last CPUID leaf that it admits to."""
    lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    told = {name.strip(): value.strip() for name, _, value in lines}
    flags = [flag for flag in FLAGS if flag in told.get("flags", "").split()]
    return f"{told.get('model name')}: {', '.join(flags) or 'no bf16'}; last CPUID leaf {told.get('cpuid level')}"


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--threads", type=int, default=allowed_cores())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trained", action="store_true", help="the weights are real: leave their pitch alone")
    parser.add_argument("--only", help="one way to look at the processor: as it is, without AMX, CPUID answered")
    parser.add_argument("--answer-cpuid", action="store_true", help="see cpuid_leaves.c; needs a C compiler and AMX")
    return parser.parse_args()


if __name__ == "__main__":
    main()
