"""`storyflow say | voices`: speak one text, and list the voices.

The commands import what they need only when they run, so that `--help` is fast.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyflow.commands.exits import exits_for_people, interrupts_wait
from storyflow.commands.manner import Manner, how_to_speak
from storyflow.commands.quick_start import import_numpy_without_threads, keep_to_the_end

if TYPE_CHECKING:
    from storyflow.stories.pauses import Part


@click.command()
@click.argument("text")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="WAV file to write.")
@how_to_speak
def say(text: str, output: Path | None, manner: Manner) -> None:
    """Speak TEXT (- reads standard input) into a WAV file."""
    written = _standard_input() if text == "-" else text
    if manner.dry_run:
        _rehearse(written, manner)
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output': the WAV file to write. Give it, or --dry-run.")
    if output.suffix.lower() != ".wav":
        raise click.UsageError(f"The output '{output}' is not named like a WAV file. Give it a name that ends in .wav.")
    with interrupts_wait():
        import_numpy_without_threads()
        from storyflow.narration.loading import Loading
    parts, lexicon = _parts(written), manner.pronunciations()
    loading = Loading(manner.model, parts=True)
    with interrupts_wait():
        from core_engine.kokoro.voice.packs import check_installed
        from storyflow.narration.speaking import Delivery, save_speech, speak_parts
        from storyflow.output.narration import report_speech, warn_of_language

    mismatch = warn_of_language([(written, manner.voice)], manner.as_json)
    kokoro = loading.loaded().kokoro
    keep_to_the_end(kokoro)
    check_installed(manner.voice, kokoro.voices)
    kokoro.check(manner.voice, lexicon)
    speech = speak_parts(kokoro, parts, Delivery(manner.voice, manner.speed, manner.as_written, lexicon))
    report_speech(output, speech.voice, save_speech(speech, output), mismatch, manner.as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def voices(as_json: bool) -> None:
    """List the voices by language, and the installed models that have them."""
    with exits_for_people():
        from core_engine.kokoro.voice.packs import find_voices
        from core_engine.model_paths import BUILT_IN, installed_models, model_path
        from core_engine.places import models_dir
        from storyflow.output.voices import report_voices

        paths = {**installed_models(models_dir()), BUILT_IN: model_path(BUILT_IN, models_dir())}
        report_voices({name: find_voices(path.parent) for name, path in paths.items() if path.is_file()}, as_json)


def _rehearse(written: str, manner: Manner) -> None:
    """Print what would be spoken."""
    with interrupts_wait():
        from storyflow.narration.further_processes import read_in_order
        from storyflow.output.narration import report_rehearsal, warn_of_language

    mismatch = warn_of_language([(written, manner.voice)], manner.as_json)
    _parts(written)  # says which line is wrong
    report_rehearsal(read_in_order(manner.rehearsal().of_text(written)), mismatch, manner.as_json)


def _parts(text: str) -> "list[Part]":
    """Return the parts of a text between its pauses."""
    from storyflow.stories.errors import StoryError
    from storyflow.stories.pauses import PauseError, cut_at_pauses, line_of

    try:
        return cut_at_pauses(text)
    except PauseError as error:
        raise StoryError(f"The text, line {line_of(error.tag, text)}, {error}") from error


def _standard_input() -> str:
    """Return the text on standard input, decoded like a story."""
    from storyflow.stories.decoding import NotTextError, decode_text

    try:
        return decode_text(sys.stdin.buffer.read())
    except NotTextError as error:
        raise click.UsageError(f"Standard input cannot be spoken: {error}.") from error
