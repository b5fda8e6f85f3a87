"""`storyflow engines list | check | new` and `storyflow serve`: the engines, for who runs and who writes them."""

import ast
import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path

import click

from core_engine.kokoro.installation import install_command
from engines.environment import python_of
from storyflow.commands.engine_folders import (
    KIND_FOLDERS,
    engine_folder,
    engine_folders,
    new_engines_dir,
    serving_folder,
)
from storyflow.commands.exits import Exit

DEFAULT_PORT = 8766
_COLOURS = {"passed": "green", "failed": "red", "not applicable": "dim", "unchecked": "yellow"}


@click.group()
def engines() -> None:
    """Speech engines: small servers, each in a folder of its own."""


@engines.command("list")
def list_engines() -> None:
    """List the engines that are here, and their models."""
    from rich.console import Console
    from rich.table import Table

    _need_engine_packages()
    table = Table("Engine", "Type", "Models baked in", "Longest text", box=None)
    for folder in engine_folders():
        table.add_row(*_row(folder))
    Console().print(table)


@engines.command()
@click.argument("engine")
@click.option("--allow-unchecked", is_flag=True, help="End with 0 although some checks need a model that is not there.")
def check(engine: str, allow_unchecked: bool) -> None:
    """Check ENGINE (a name or a folder) against the standard and the contract, and say what to mend."""
    from rich.console import Console
    from rich.table import Table

    _need_engine_packages()
    from engines.conformance.run import check_engine

    folder = engine_folder(engine)
    table = Table("Check", "Outcome", "What to mend", title=folder.name, title_justify="left", show_lines=False)
    outcomes: Counter[str] = Counter()
    with click.progressbar(check_engine(folder), label=f"Checking {folder.name}", file=sys.stderr) as results:
        for result in results:
            outcomes[result.outcome] += 1
            mend = f"{result.found}\n→ {result.remedy}" if result.outcome == "failed" else result.found
            table.add_row(result.check, f"[{_COLOURS[result.outcome]}]{result.outcome}[/]", mend)
    Console().print(table)
    if outcomes["failed"]:
        raise click.ClickException(f"{folder.name} does not conform: {outcomes['failed']} failed. {_counted(outcomes)}")
    if not outcomes["unchecked"]:
        click.echo(f"{folder.name} conforms. {_counted(outcomes)}")
        return
    click.echo(f"{folder.name} breaks nothing that was checked. {_counted(outcomes)}")
    if not allow_unchecked:
        sys.exit(Exit.UNCHECKED)


def _counted(outcomes: Counter[str]) -> str:
    """Return e.g. "28 of 44 checked, 14 need a model, 2 not applicable."."""
    words = [f"{outcomes['passed'] + outcomes['failed']} of {outcomes.total()} checked"]
    words += [f"{outcomes['unchecked']} need a model"] if outcomes["unchecked"] else []
    words += [f"{outcomes['not applicable']} not applicable"] if outcomes["not applicable"] else []
    return ", ".join(words) + "."


@engines.command()
@click.argument("kind", type=click.Choice(list(KIND_FOLDERS)))
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), help="Folder to make it in.")
def new(kind: str, name: str, into: Path | None) -> None:
    """Make a folder for the engine NAME that passes `check` as it is."""
    from engines.templates import EngineExistsError, make_engine

    try:
        folder = make_engine(kind, name, into or new_engines_dir(kind))
    except (EngineExistsError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"Made {folder}. Check it with: storyflow engines check {folder}")


@click.command()
@click.argument("engine")
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 opens the engine to the network.")
def serve(engine: str, port: int, host: str) -> None:
    """Serve ENGINE, e.g. debug-tts or kokoro, until Ctrl-C."""
    folder = serving_folder(engine_folder(engine))
    if python_of(folder) == Path(sys.executable):
        _need_engine_packages()
    command = [str(python_of(folder)), str(folder / "server.py"), "--port", str(port), "--host", host]
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - the server is this process, so signals reach it


def _need_engine_packages() -> None:
    missing = [name for name in ("fastapi", "uvicorn", "pydantic", "yaml") if importlib.util.find_spec(name) is None]
    if missing:
        raise click.ClickException(
            f"Engines need packages that are not installed: {', '.join(missing)}. "
            f"Install them with: {install_command('engines')}"
        )


def _row(folder: Path) -> tuple[str, str, str, str]:
    from engines.contract.engine_config import load_engine_config
    from engines.contract.errors import StartError

    try:
        config = load_engine_config(folder / "engine.yaml")
    except StartError as error:
        return folder.name, "?", str(error).splitlines()[0], ""
    models = ", ".join(baked_in_models(folder)) or "none"
    return folder.name, config.engine_type, models, str(config.max_text_length or "")


def baked_in_models(folder: Path) -> list[str]:
    """Return the names of what lies in models/ itself and is a model for this engine, sorted."""
    from engines.models import ModelStore

    # Not `available`: that would make folders and links. Its suffixes stand in server.py, which is not run for a list.
    store = ModelStore(folder, suffixes=_model_suffixes(folder / "server.py"))
    return sorted(name for name, path in store.complete().items() if not path.is_symlink())


def _model_suffixes(server: Path) -> tuple[str, ...]:
    """Return the `model_suffixes` that the class in server.py has."""
    try:
        nodes = list(ast.walk(ast.parse(server.read_text(encoding="utf-8"))))
    except (OSError, ValueError, SyntaxError):
        return ()
    for node in nodes:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "model_suffixes":
            return tuple(ast.literal_eval(node.value))
    return ()
