"""Print the results of the engine commands: tables for people, JSON for programs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storyflow.output.tables import echo_json

if TYPE_CHECKING:
    from engines.conformance.checklist import Result

_COLOURS = {"passed": "green", "failed": "red", "not applicable": "dim", "unchecked": "yellow"}


def report_engines(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """List engines with their type, their models and the longest text they accept."""
    if as_json:
        echo_json(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("Engine", "Type", "Models baked in", "Longest text", box=None)
    for row in rows:
        models = row["problem"] or ", ".join(row["models"]) or "none"
        table.add_row(row["name"], row["type"] or "?", models, str(row["longest_text"] or ""))
    Console().print(table)


def report_checks(folder: Path, results: "Sequence[Result]", as_json: bool) -> None:
    """Print the results of checking the engine in `folder`, and what to change."""
    outcomes = Counter(result.outcome for result in results)
    if as_json:
        success = not outcomes["failed"]
        echo_json({"success": success, "engine": str(folder), "checks": [asdict(result) for result in results]})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("Check", "Outcome", "What to change", title=folder.name, title_justify="left", show_lines=False)
    for result in results:
        change = f"{result.found}\n→ {result.remedy}" if result.outcome == "failed" else result.found
        table.add_row(result.check, f"[{_COLOURS[result.outcome]}]{result.outcome}[/]", change)
    Console().print(table)
    if outcomes["failed"]:
        failed = f"{outcomes['failed']} failed"
        click.echo(f"Error: {folder.name} does not conform: {failed}. {_counted(outcomes)}", err=True)
    elif outcomes["unchecked"]:
        click.echo(f"{folder.name} passes every check that could run. {_counted(outcomes)}")
    else:
        click.echo(f"{folder.name} conforms. {_counted(outcomes)}")


def _counted(outcomes: "Counter[Any]") -> str:
    """Return e.g. "28 of 44 checked, 14 need a model, 2 not applicable."."""
    words = [f"{outcomes['passed'] + outcomes['failed']} of {outcomes.total()} checked"]
    words += [f"{outcomes['unchecked']} need a model"] if outcomes["unchecked"] else []
    words += [f"{outcomes['not applicable']} not applicable"] if outcomes["not applicable"] else []
    return ", ".join(words) + "."
