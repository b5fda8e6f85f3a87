"""`storyflow studio`: the server of `storyflow serve`, and the browser on its page."""

import os
import sys
import threading
import webbrowser
from pathlib import Path

import click

from storyflow.commands.exits import interrupts_wait
from storyflow.commands.serve import API_PORT, SPEAKS, opening_options, prepare, set_environment
from storyflow.hosting.engine_folders import engine_folder, serving_folder

_ANY_ADDRESS = frozenset(["0.0.0.0", "::"])  # noqa: S104 - compared, not listened on


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=API_PORT, show_default=True)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@opening_options
def studio(
    port: int,
    no_browser: bool,
    host: str,
    projects: Path | None,
    api_key: str | None,
    insecure: bool,
    wanted: str | None,
) -> None:
    """Listen to stories in the browser: paste a text, choose voices, hear it word by word."""
    set_environment(projects, api_key, insecure)
    prepare(host, api_key, wanted)
    folder = serving_folder(engine_folder(SPEAKS))
    address = address_of(host, port)
    with interrupts_wait():
        from storyflow.serving import __main__ as program
        from storyflow.serving.server import NarrationServer

    class Studio(NarrationServer):
        """Says where it is once its port is open."""

        def announce(self) -> None:
            """Print the address, and open it."""
            click.echo(f"The studio is at {address}. Ctrl-C ends it. Stories are kept in '{os.environ['MEDIA_ROOT']}'.")
            if not no_browser:  # a browser may take its time, and so waits for the server
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    os.chdir(folder)
    sys.argv = [str(program.__file__), "--port", str(port), "--host", host]
    Studio.main()


def address_of(host: str, port: int) -> str:
    """Return the address of the page for a browser on this machine."""
    name = "127.0.0.1" if host in _ANY_ADDRESS else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}/"
