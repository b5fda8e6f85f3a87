"""`storyflow engines list | check | new`: check and create engines."""

import sys
from pathlib import Path
from typing import Any

import click

from storyflow.commands.exits import Exit
from storyflow.hosting.engine_folders import (
    KIND_FOLDERS,
    engine_folder,
    engine_folders,
    need_engine_packages,
    new_engines_dir,
)
from storyflow.output.tables import echo_json

_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group()
def engines() -> None:
    """Speech engines: small servers, each in its own folder."""


@engines.command("list")
@_JSON
def list_engines(as_json: bool) -> None:
    """List the engines and their models."""
    from storyflow.output.engines import report_engines

    need_engine_packages()
    report_engines([_row(folder) for folder in engine_folders()], as_json)


@engines.command()
@click.argument("engine")
@click.option("--allow-unchecked", is_flag=True, help="Exit with 0 even if some checks need a missing model.")
@_JSON
def check(engine: str, allow_unchecked: bool, as_json: bool) -> None:
    """Check ENGINE (a name or a folder) against the standard and the contract, and list what to change."""
    need_engine_packages()
    from engines.conformance.run import check_engine
    from storyflow.output.engines import report_checks

    folder = engine_folder(engine)
    with click.progressbar(check_engine(folder), label=f"Checking {folder.name}", file=sys.stderr) as checked:
        results = list(checked)
    report_checks(folder, results, as_json)
    outcomes = {result.outcome for result in results}
    if "failed" in outcomes:
        sys.exit(Exit.FAILED)
    sys.exit(Exit.UNCHECKED if "unchecked" in outcomes and not allow_unchecked else Exit.OK)


@engines.command()
@click.argument("kind", type=click.Choice(list(KIND_FOLDERS)))
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Folder to create it in.")
@_JSON
def new(kind: str, name: str, into: Path | None, as_json: bool) -> None:
    """Create a folder for the engine NAME that already passes `check`."""
    from engines.templates import EngineExistsError, make_engine

    try:
        folder = make_engine(kind, name, into or new_engines_dir(kind))
    except (EngineExistsError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        echo_json({"success": True, "path": str(folder)})
        return
    click.echo(f"Created {folder}. Check it with: storyflow engines check {folder}")


def _row(folder: Path) -> dict[str, Any]:
    from engines.contract.engine_config import load_engine_config
    from engines.contract.errors import StartError
    from storyflow.hosting.installed_models import baked_in_models

    row: dict[str, Any] = {"name": folder.name, "path": str(folder), "type": None, "models": [], "longest_text": None}
    try:
        config = load_engine_config(folder / "engine.yaml")
    except StartError as error:
        return {**row, "problem": str(error).splitlines()[0]}
    found = {"type": config.engine_type, "models": baked_in_models(folder), "longest_text": config.max_text_length}
    return {**row, **found, "problem": None}
