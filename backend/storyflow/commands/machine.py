"""`storyflow doctor | bench`: what is installed, and how fast this machine is."""

import sys

import click

from storyflow.commands.exits import Exit, exits_for_people, interrupts_wait


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Check what is installed and what is missing; exit code 1 if narrating cannot work."""
    with exits_for_people():
        with interrupts_wait():
            from storyflow.machine.doctor import findings
            from storyflow.output.machine import report_findings

        found = list(findings())
        report_findings(found, as_json)
        sys.exit(Exit.FAILED if any(finding.needed and not finding.ok for finding in found) else Exit.OK)


@click.command()
@click.option("--model", default="auto", show_default=True, help="auto, a name, default or an ONNX file.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(model: str, as_json: bool) -> None:
    """Measure how fast this machine speaks, the model's limit, and what would help."""
    with exits_for_people():
        with interrupts_wait():
            from storyflow.machine.bench import measure
            from storyflow.output.machine import report_measurement

        report_measurement(measure(model), as_json)
