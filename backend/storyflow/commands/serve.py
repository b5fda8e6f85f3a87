"""`storyflow serve`: OpenAI's audio API, or one engine."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from core_engine.places import media_root
from engines.environment import python_of
from storyflow.commands.engine_folders import engine_folder, need_engine_packages, serving_folder
from storyflow.commands.log import level_asked_for

API_PORT = 8880
ENGINE_PORT = 8766
_SPEAKS = "kokoro"
"""The engine that is served with OpenAI's API and the page."""


_Function = Callable[..., None]


def opening_options(command: _Function) -> _Function:
    """Add the options of the server of OpenAI's API and of the page."""
    for option in (
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
    engine: str | None, port: int | None, host: str, projects: Path | None, api_key: str | None, insecure: bool
) -> None:
    """Serve OpenAI's audio API and a page to listen on, or ENGINE, e.g. debug-tts or kokoro, until Ctrl-C."""
    folder = serving_folder(engine_folder(engine or _SPEAKS))
    python = python_of(folder) if engine else Path(sys.executable)
    if python == Path(sys.executable):
        need_engine_packages()
    if not engine:
        check_open(host, api_key, insecure)
    set_environment(projects, api_key)
    program = [str(folder / "server.py")] if engine else ["-m", "storyflow.serving"]
    command = [str(python), *program, "--port", str(port or (ENGINE_PORT if engine else API_PORT)), "--host", host]
    os.chdir(folder)
    os.execv(command[0], command)  # noqa: S606 - the server is this process, so signals reach it


def check_open(host: str, api_key: str | None, insecure: bool) -> None:
    """Raise click's usage error if the server would be open to everyone by accident."""
    from engines.serving.guards import is_loopback

    if not (is_loopback(host) or api_key or insecure):
        raise click.UsageError(
            f"--host {host} opens the server to everyone who reaches this machine. Give an --api-key as well, or "
            f"--insecure if that is what you want."
        )


def set_environment(projects: Path | None, api_key: str | None) -> None:
    """Tell the server what is not in its arguments, before the working folder becomes that of the engine."""
    os.environ["MEDIA_ROOT"] = str(projects.absolute() if projects else media_root())
    if asked := level_asked_for():
        os.environ.setdefault("LOG_LEVEL", asked)
    if api_key:  # not an argument, which every user of the machine could read
        os.environ["ENGINE_TOKEN"] = api_key
