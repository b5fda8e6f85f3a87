"""The top-level command, `storyflow`, and the list of its commands."""

import click

import storyflow
from storyflow.commands.cast import cast
from storyflow.commands.engines import engines
from storyflow.commands.export import export
from storyflow.commands.log import offer_verbosity
from storyflow.commands.machine import bench, doctor
from storyflow.commands.models import models
from storyflow.commands.narrate import narrate
from storyflow.commands.say import say, voices
from storyflow.commands.serve import serve
from storyflow.commands.studio import studio


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(storyflow.__version__, prog_name="storyflow")
def main() -> None:
    """Turn written stories into narrated audio, on your own machine."""


for command in (say, narrate, cast, export, voices, doctor, bench, models, engines, serve, studio):
    main.add_command(command)
offer_verbosity(main)
