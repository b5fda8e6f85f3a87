"""`storyflow cast`: who speaks how much in a story."""

from pathlib import Path

import click

from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from storyflow.commands.exits import exits_for_people


@click.command()
@click.argument("story", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dialogue", metavar="VOICE", help="Voice for what is in quotation marks.")
@click.option("--model", default="auto", show_default=True, help="The model whose voices are looked up.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def cast(story: Path, dialogue: str | None, model: str, as_json: bool) -> None:
    """List who speaks how much in STORY: segments, words, and an estimate of the minutes.

    Voices that the model lacks are named.
    """
    with exits_for_people():
        from core_engine.kokoro.voice.packs import find_voices
        from core_engine.model_choice import choose_model
        from core_engine.places import models_dir
        from storyflow.narration.casting import missing_voices, shares
        from storyflow.output.cast import report_cast
        from storyflow.stories.story import read_story

        text = read_story(story, dialogue)
        listed = shares(text, text.front.voice or DEFAULT_VOICE_ID, text.front.speed or 1.0)
        voices = find_voices(choose_model(model, models_dir()).path.parent)
        report_cast(listed, missing_voices(listed, voices), as_json)
