"""`storyflow say | narrate | voices`: the commands that speak, and what they can speak with.

What a command needs is imported when it runs, so that `--help` and the first word come at once.
"""

import hashlib
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from core_engine.model_paths import BUILT_IN, installed_models, model_path
from core_engine.places import given_folder, media_root, models_dir
from engines.store.names import checked_name, is_name
from storyflow.commands.exits import Exit, exits_for_people, interrupts_wait

if TYPE_CHECKING:
    from storyflow.narration.rehearsal import Rehearsal


class _Speed(click.FloatRange):
    """A speed in range; NaN, which is in no order, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


@dataclass(frozen=True)
class Manner:
    """How to speak: the options that say and narrate share."""

    voice: str
    speed: float
    model: str
    dry_run: bool
    phonemes: bool
    as_written: bool
    as_json: bool

    def rehearsal(self) -> "Rehearsal":
        """Return what `--dry-run` prints from; raises as `version_that_would_speak` does."""
        from storyflow.narration.rehearsal import Rehearsal, version_that_would_speak

        version = version_that_would_speak(self.model, self.voice, models_dir()) if self.phonemes else None
        return Rehearsal(self.voice, self.as_written, version)


def _how_to_speak(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Manner` to a command, which is given them as one."""

    @wraps(command)
    def with_manner(**values: Any) -> None:
        manner = Manner(**{field.name: values.pop(field.name) for field in fields(Manner)})
        with exits_for_people(manner.as_json):
            if manner.phonemes and not manner.dry_run:
                raise click.UsageError("--phonemes prints what --dry-run would speak; give both.")
            command(manner=manner, **values)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON."),
        click.option("--as-written", is_flag=True, help="Leave numbers, dates and other written forms as they are."),
        click.option("--phonemes", is_flag=True, help="With --dry-run: print the phonemes instead of the words."),
        click.option("--dry-run", is_flag=True, help="Print what would be spoken, one segment a line; speak nothing."),
        click.option("--model", default="auto", show_default=True, help="auto, a name, default or an ONNX file."),
        click.option("--speed", type=_Speed(0.5, 2.0), default=1.0, show_default=True, help="1.0 is normal."),
        click.option("--voice", default=DEFAULT_VOICE_ID, show_default=True, help="See `storyflow voices`."),
    ):
        with_manner = option(with_manner)
    return with_manner


@click.command()
@click.argument("text")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The WAV file to write.")
@_how_to_speak
def say(text: str, output: Path | None, manner: Manner) -> None:
    """Say TEXT (or standard input, for -) into a WAV file."""
    with interrupts_wait():
        from storyflow.narration.speaking import load_model, save_speech, spoken_by
        from storyflow.output.narration import report_rehearsal, report_speech, warn_of_language

    written = sys.stdin.read() if text == "-" else text
    mismatch = warn_of_language([written], manner.voice, manner.as_json)
    if manner.dry_run:
        report_rehearsal(manner.rehearsal().of_text(written), mismatch, manner.as_json)
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output': the WAV file to write. Or give --dry-run.")
    if output.suffix.lower() != ".wav":
        raise click.UsageError(f"'{output}' would hold a WAV file; give it a name that ends in .wav.")
    kokoro = load_model(manner.model).kokoro
    spoken = written if manner.as_written else spoken_by(kokoro, written, manner.voice)
    speech = kokoro.speak(spoken, manner.voice, manner.speed)
    report_speech(output, speech.voice, save_speech(speech, output), mismatch, manner.as_json)


@click.command()
@click.argument("story", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--project", help="Name of the project's folder; made from the file's name unless given.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; the media root unless given.")
@_how_to_speak
def narrate(story: Path, project: str | None, out: Path | None, manner: Manner) -> None:
    """Narrate STORY (.txt, .md or StoryFlow's .json): one WAV for each paragraph.

    A second run makes only what changed; an interrupted one goes on where it stopped.
    """
    with interrupts_wait():
        from core_engine.kokoro.model.cores import allowed_cores
        from storyflow.narration.narration import Narration
        from storyflow.narration.planning import Task, digest_of_model
        from storyflow.narration.speaking import load_model
        from storyflow.output.narration import report_narration, report_rehearsal, warn_of_language
        from storyflow.output.progress import narration_shown
        from storyflow.stories.story import read_story

    text = read_story(story)
    mismatch = warn_of_language([segment.text for segment in text.segments], manner.voice, manner.as_json)
    if manner.dry_run:
        report_rehearsal(manner.rehearsal().of_segments(text.segments), mismatch, manner.as_json)
        return
    name = checked_name(project, "project") if project else _project_of(story)
    root = out.absolute() if out else _announced_media_root()
    task = Task(text, story.absolute(), name, root, manner.voice, manner.speed, manner.as_written)
    loaded = load_model(manner.model, threads=1)
    narration = Narration(task, loaded.kokoro, digest_of_model(loaded.model.path), workers=allowed_cores())
    with narration_shown(text.segments, quiet=manner.as_json) as after_each:
        outcome = narration.run(after_each)
    report_narration(outcome, loaded.model.name, manner.as_json, mismatch)
    sys.exit(Exit.FAILED if outcome.errors else Exit.OK)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def voices(as_json: bool) -> None:
    """List the voices by language, and which installed model has them."""
    with exits_for_people():
        from core_engine.kokoro.voice.packs import find_voices
        from storyflow.output.voices import report_voices

        paths = {**installed_models(models_dir()), BUILT_IN: model_path(BUILT_IN, models_dir())}
        report_voices({name: find_voices(path.parent) for name, path in paths.items() if path.is_file()}, as_json)


def _announced_media_root() -> Path:
    """Return the media root; say where it is unless MEDIA_ROOT named it."""
    if not given_folder("MEDIA_ROOT"):
        click.echo(f"Writing below '{media_root()}'; --out or MEDIA_ROOT names another folder.", err=True)
    return media_root()


def _project_of(story: Path) -> str:
    """Return a project name made from a story's file name; a digest where it holds no letters we can use."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", story.stem).strip("-").lower()[:64]
    return name if is_name(name) else hashlib.sha256(story.stem.encode("utf-8", "surrogatepass")).hexdigest()[:12]
