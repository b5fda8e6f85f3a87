"""`storyflow cast`: who speaks how much in a story."""

from pathlib import Path

import click

from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from storyflow.commands.exits import exits_for_people


@click.command()
@click.argument("story", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dialogue", metavar="VOICE", help="Voice for what is in quotation marks.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def cast(story: Path, dialogue: str | None, as_json: bool) -> None:
    """List who speaks how much in STORY: segments, words, and an estimate of the minutes."""
    with exits_for_people():
        from storyflow.narration.casting import shares
        from storyflow.output.cast import report_cast
        from storyflow.stories.story import read_story

        text = read_story(story, dialogue)
        report_cast(shares(text, text.front.voice or DEFAULT_VOICE_ID, text.front.speed or 1.0), as_json)
