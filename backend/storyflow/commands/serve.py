"""`storyflow serve`: OpenAI's audio API and a page to listen on, or one engine."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from core_engine.places import media_root, models_dir
from engines.downloading.policy import DownloadError
from engines.environment import python_of
from storyflow.commands.exits import exits_for_people
from storyflow.commands.log import level_asked_for
from storyflow.hosting.engine_folders import engine_folder, need_engine_packages, serving_folder

API_PORT = 8880
ENGINE_PORT = 8766
SPEAKS = "kokoro"
"""The engine that is served with OpenAI's API and the page."""

_Function = Callable[..., None]


def opening_options(command: _Function) -> _Function:
    """Add the options of the server of OpenAI's API and of the page."""
    for option in (
        click.option(
            "--pull", "wanted", envvar="STORYFLOW_PULL", metavar="MODEL", help="Install MODEL first if it is missing."
        ),
        click.option("--insecure", is_flag=True, help="Open the server to the network without a key."),
        click.option(
            "--api-key", envvar="STORYFLOW_API_KEY", help="Key that every request must have as its bearer token."
        ),
        click.option(
            "--projects",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of the page's projects, as --out of narrate; by default the media root.",
        ),
        click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 opens the server to the network."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("engine", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="8880 without ENGINE, otherwise 8766.")
@opening_options
def serve(
    engine: str | None,
    port: int | None,
    host: str,
    projects: Path | None,
    api_key: str | None,
    insecure: bool,
    wanted: str | None,
) -> None:
    """Serve OpenAI's audio API and a page to listen on, or ENGINE, e.g. debug-tts or kokoro, until Ctrl-C."""
    set_environment(projects, api_key, insecure)
    if not engine:
        prepare(host, api_key, wanted)
    folder = serving_folder(engine_folder(engine or SPEAKS))
    python = python_of(folder) if engine else Path(sys.executable)
    if python == Path(sys.executable):
        need_engine_packages()
    program = [str(folder / "server.py")] if engine else ["-m", "storyflow.serving"]
    command = [str(python), *program, "--port", str(port or (ENGINE_PORT if engine else API_PORT)), "--host", host]
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - the server is this process, so signals reach it


def set_environment(projects: Path | None, api_key: str | None, insecure: bool) -> None:
    """Tell the server what is not in its arguments, before the working folder becomes that of the engine."""
    os.environ["MEDIA_ROOT"] = str(projects.absolute() if projects else media_root())
    if asked := level_asked_for():
        os.environ.setdefault("LOG_LEVEL", asked)
    if insecure:
        os.environ["STORYFLOW_INSECURE"] = "1"
    if api_key:  # not an argument, which every user of the machine could read
        os.environ["ENGINE_TOKEN"] = api_key


def prepare(host: str, api_key: str | None, wanted: str | None) -> None:
    """Check what the server of OpenAI's API needs; install the wanted model if it is missing."""
    need_engine_packages()
    _check_open(host, api_key)
    _prepare_models(wanted)


def _prepare_models(wanted: str | None) -> None:
    """Install the wanted model if it is missing; say so if only the built-in voice can speak."""
    from core_engine.model_choice import best_model
    from core_engine.model_paths import RECOMMENDED, installed_models

    if wanted and wanted not in installed_models(models_dir()):
        _install(wanted)
    if best_model(models_dir()) is None:
        click.echo(
            f"No model is installed in '{models_dir()}', so the small built-in voice speaks. Kokoro comes with: "
            f"storyflow models pull {RECOMMENDED}",
            err=True,
        )


def _install(name: str) -> None:
    from storyflow.commands.models import known_model
    from storyflow.models.pulling import pull
    from storyflow.output.progress import transfer_shown

    with exits_for_people():
        try:
            with transfer_shown(name) as report:
                pull(known_model(name), models_dir(), report)
        except DownloadError as error:
            click.echo(f"{error}\nThe server starts with what is installed.", err=True)


def _check_open(host: str, api_key: str | None) -> None:
    from engines.contract.errors import StartError
    from storyflow.hosting.opening import exposure_at

    try:
        exposure_at(host, api_key)
    except StartError as error:
        raise click.UsageError(str(error)) from error
