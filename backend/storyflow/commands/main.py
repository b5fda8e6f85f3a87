"""The top-level command, `storyflow`, and the list of its commands."""

from importlib import import_module

import click

import storyflow
from storyflow.commands.exits import interrupts_wait
from storyflow.commands.log import offer_verbosity

COMMANDS = {
    "say": "say",
    "narrate": "narrate",
    "cast": "cast",
    "export": "export",
    "voices": "say",
    "doctor": "machine",
    "bench": "machine",
    "models": "models",
    "engines": "engines",
    "serve": "serve",
    "studio": "studio",
}
"""Command → the file here that has it, which is imported when the command is asked for."""


class _Commands(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            with interrupts_wait():
                command = getattr(import_module(f"storyflow.commands.{COMMANDS[cmd_name]}"), cmd_name)
            offer_verbosity(command)
            self.add_command(command)
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(storyflow.__version__, prog_name="storyflow")
def main() -> None:
    """Turn written stories into narrated audio, on your own machine."""


offer_verbosity(main)
