"""`storyflow serve`: OpenAI's audio API, or one engine."""

import os
import sys
from pathlib import Path

import click

from core_engine.places import models_dir
from engines.downloading.policy import DownloadError
from engines.environment import python_of
from storyflow.commands.exits import exits_for_people
from storyflow.commands.log import level_asked_for
from storyflow.hosting.engine_folders import engine_folder, need_engine_packages, serving_folder

API_PORT = 8880
ENGINE_PORT = 8766
_SPEAKS = "kokoro"


@click.command()
@click.argument("engine", required=False)
@click.option("--port", type=click.IntRange(1, 65535), help="8880 without ENGINE, otherwise 8766.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 opens the server to the network.")
@click.option("--api-key", envvar="STORYFLOW_API_KEY", help="Key that every request must have as its bearer token.")
@click.option("--insecure", is_flag=True, help="Open the server to the network without a key.")
@click.option(
    "--pull", "wanted", envvar="STORYFLOW_PULL", metavar="MODEL", help="Install MODEL first if it is missing."
)
def serve(
    engine: str | None, port: int | None, host: str, api_key: str | None, insecure: bool, wanted: str | None
) -> None:
    """Serve OpenAI's audio API, or ENGINE, e.g. debug-tts or kokoro, until Ctrl-C."""
    if insecure:
        os.environ["STORYFLOW_INSECURE"] = "1"
    if not engine:
        need_engine_packages()
        _check_open(host, api_key)
        _prepare_models(wanted)
    folder = serving_folder(engine_folder(engine or _SPEAKS))
    python = python_of(folder) if engine else Path(sys.executable)
    if python == Path(sys.executable):
        need_engine_packages()
    if asked := level_asked_for():
        os.environ.setdefault("LOG_LEVEL", asked)
    if api_key:  # not an argument, which every user of the machine could read
        os.environ["ENGINE_TOKEN"] = api_key
    program = [str(folder / "server.py")] if engine else ["-m", "storyflow.serving"]
    command = [str(python), *program, "--port", str(port or (ENGINE_PORT if engine else API_PORT)), "--host", host]
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - the server is this process, so signals reach it


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
