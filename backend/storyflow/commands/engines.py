"""`storyflow engines list | check | new` and `storyflow serve`: run, check and create engines."""

import ast
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

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
from storyflow.commands.log import level_asked_for
from storyflow.output.tables import echo_json

DEFAULT_PORT = 8766
_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group()
def engines() -> None:
    """Speech engines: small servers, each in its own folder."""


@engines.command("list")
@_JSON
def list_engines(as_json: bool) -> None:
    """List the engines and their models."""
    from storyflow.output.engines import report_engines

    _need_engine_packages()
    report_engines([_row(folder) for folder in engine_folders()], as_json)


@engines.command()
@click.argument("engine")
@click.option("--allow-unchecked", is_flag=True, help="Exit with 0 even if some checks need a missing model.")
@_JSON
def check(engine: str, allow_unchecked: bool, as_json: bool) -> None:
    """Check ENGINE (a name or a folder) against the standard and the contract, and list what to change."""
    _need_engine_packages()
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


@click.command()
@click.argument("engine")
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 opens the engine to the network.")
def serve(engine: str, port: int, host: str) -> None:
    """Serve ENGINE, e.g. debug-tts or kokoro, until Ctrl-C."""
    folder = serving_folder(engine_folder(engine))
    if python_of(folder) == Path(sys.executable):
        _need_engine_packages()
    if asked := level_asked_for():
        os.environ.setdefault("LOG_LEVEL", asked)
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


def _row(folder: Path) -> dict[str, Any]:
    from engines.contract.engine_config import load_engine_config
    from engines.contract.errors import StartError

    row: dict[str, Any] = {"name": folder.name, "path": str(folder), "type": None, "models": [], "longest_text": None}
    try:
        config = load_engine_config(folder / "engine.yaml")
    except StartError as error:
        return {**row, "problem": str(error).splitlines()[0]}
    found = {"type": config.engine_type, "models": baked_in_models(folder), "longest_text": config.max_text_length}
    return {**row, **found, "problem": None}


def baked_in_models(folder: Path) -> list[str]:
    """Return the sorted names of the models that are in the engine's models/ folder itself, not linked into it."""
    from engines.models import ModelStore

    # Not `available`, which creates folders and links. The suffixes are read from server.py without running it.
    store = ModelStore(folder, suffixes=_model_suffixes(folder / "server.py"))
    return sorted(name for name, path in store.complete().items() if not path.is_symlink())


def _model_suffixes(server: Path) -> tuple[str, ...]:
    """Return the `model_suffixes` of the class in server.py."""
    try:
        nodes = list(ast.walk(ast.parse(server.read_text(encoding="utf-8"))))
    except (OSError, ValueError, SyntaxError):
        return ()
    for node in nodes:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "model_suffixes":
            return tuple(ast.literal_eval(node.value))
    return ()
