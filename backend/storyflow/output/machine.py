"""Print the results of `doctor` and `bench`."""

from dataclasses import asdict

import click

from storyflow.machine.bench import Measurement
from storyflow.machine.doctor import Finding
from storyflow.output.tables import echo_json, echo_table


def report_measurement(measured: Measurement, as_json: bool) -> None:
    """Print the measurements and the advice of `bench`."""
    timings = {"sentence": measured.sentence, "bare": measured.bare, "narration": measured.narration}
    if as_json:
        factors = {
            name: {**asdict(timing), "real_time_factor": timing.real_time_factor} for name, timing in timings.items()
        }
        echo_json({**asdict(measured), **factors, "core_seconds_per_audio_second": measured.core_seconds})
        return
    click.echo(f"{measured.model} on {measured.provider}, {measured.cores} cores; opened in {measured.load_s:.2f} s")
    labels = ("A sentence to a WAV", "Model only (lower bound)", "A narration on all cores")
    rows = [
        [label, f"{timing.audio_s:.1f} s", f"{timing.seconds:.2f} s", f"{timing.real_time_factor:.3f}"]
        for label, timing in zip(labels, timings.values(), strict=True)
    ]
    echo_table(("", "Audio", "Time", "Real-time factor"), rows)
    click.echo(f"The narration took {measured.core_seconds:.2f} core-seconds per second of audio.")
    for advice in measured.advice or ["Nothing here would make it faster."]:
        click.echo(advice)


def report_findings(findings: list[Finding], as_json: bool) -> None:
    """Print the findings of `doctor`, one per line."""
    if as_json:
        echo_json([asdict(finding) for finding in findings])
        return
    for finding in findings:
        mark = "ok     " if finding.ok else "MISSING" if finding.needed else "note   "
        click.echo(f"{mark}  {finding.what}: {finding.detail}")
