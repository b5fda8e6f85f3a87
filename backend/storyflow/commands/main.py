"""The command line: `storyflow say | narrate | voices | doctor | bench | models | engines | serve`.

What a command needs is imported when it runs, so that `--help` and the first word come at once.
"""

import hashlib
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import storyflow
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from engines.store.names import checked_name, is_name
from storyflow.commands.engines import engines, serve
from storyflow.commands.exits import Exit, exits_for_people, interrupts_wait
from storyflow.commands.models import models

if TYPE_CHECKING:
    from storyflow.narration.rehearsal import Rehearsal

_STORY = click.Path(path_type=Path, dir_okay=False, exists=True)


class _Speed(click.FloatRange):
    """A speed in range; NaN, which is in no order, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


def _how_to_speak(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say and narrate share."""
    for option in (
        click.option("--as-written", is_flag=True, help="Leave numbers, dates and other written forms as they are."),
        click.option("--phonemes", is_flag=True, help="With --dry-run: print the phonemes instead of the words."),
        click.option("--dry-run", is_flag=True, help="Print what would be spoken, one segment a line; speak nothing."),
        click.option("--model", default="auto", show_default=True, help="auto, a name, default or an ONNX file."),
        click.option("--speed", type=_Speed(0.5, 2.0), default=1.0, show_default=True, help="1.0 is normal."),
        click.option("--voice", default=DEFAULT_VOICE_ID, show_default=True, help="See `storyflow voices`."),
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(storyflow.__version__, prog_name="storyflow")
def main() -> None:
    """Turn written stories into narrated audio, on your own machine."""


@main.command()
@click.argument("text")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The WAV file to write.")
@_how_to_speak
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def say(
    text: str,
    output: Path | None,
    voice: str,
    speed: float,
    model: str,
    dry_run: bool,
    phonemes: bool,
    as_written: bool,
    as_json: bool,
) -> None:
    """Say TEXT (or standard input, for -) into a WAV file."""
    with exits_for_people(as_json):
        with interrupts_wait():
            from storyflow.narration.speaking import load_model, save_speech, spoken_by
            from storyflow.output.reports import report_rehearsal, report_speech, warn_of_language

        _check_rehearsal(dry_run, phonemes)
        written = sys.stdin.read() if text == "-" else text
        mismatch = warn_of_language([written], voice, as_json)
        if dry_run:
            report_rehearsal(_rehearsal(model, voice, phonemes, as_written).of_text(written), mismatch, as_json)
            return
        if output is None:
            raise click.UsageError("Missing option '-o' / '--output': the WAV file to write. Or give --dry-run.")
        if output.suffix.lower() != ".wav":
            raise click.UsageError(f"'{output}' would hold a WAV file; give it a name that ends in .wav.")
        kokoro = load_model(model).kokoro
        speech = kokoro.speak(written if as_written else spoken_by(kokoro, written, voice), voice, speed)
        report_speech(output, speech, save_speech(speech, output), mismatch, as_json)


@main.command()
@click.argument("story", type=_STORY)
@_how_to_speak
@click.option("--project", help="Name of the project's folder; made from the file's name unless given.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; the media root unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def narrate(
    story: Path,
    voice: str,
    speed: float,
    model: str,
    project: str | None,
    out: Path | None,
    dry_run: bool,
    phonemes: bool,
    as_written: bool,
    as_json: bool,
) -> None:
    """Narrate STORY (.txt, .md or StoryFlow's .json): one WAV for each paragraph.

    A second run makes only what changed; an interrupted one goes on where it stopped.
    """
    with exits_for_people(as_json):
        with interrupts_wait():
            from core_engine.kokoro.model.cores import allowed_cores
            from engines.store.file_state import sampled_digest
            from storyflow.narration.narration import Narration, Task
            from storyflow.narration.speaking import load_model
            from storyflow.output.progress import shown
            from storyflow.output.reports import report_narration, report_rehearsal, warn_of_language
            from storyflow.stories.story import read_story

        _check_rehearsal(dry_run, phonemes)
        text = read_story(story)
        mismatch = warn_of_language([segment.text for segment in text.segments], voice, as_json)
        if dry_run:
            segments = _rehearsal(model, voice, phonemes, as_written).of_segments(text.segments)
            report_rehearsal(segments, mismatch, as_json)
            return
        name = checked_name(project, "project") if project else _project_of(story)
        root = out.absolute() if out else _announced_media_root()
        task = Task(text, story.absolute(), name, root, voice, speed, as_written)
        loaded = load_model(model, threads=1)
        narration = Narration(task, loaded.kokoro, sampled_digest(loaded.model.path), workers=allowed_cores())
        with shown(text.segments, quiet=as_json) as after_each:
            outcome = narration.run(after_each)
        report_narration(outcome, loaded.model.name, as_json, mismatch)
        sys.exit(Exit.FAILED if outcome.errors else Exit.OK)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def voices(as_json: bool) -> None:
    """List the voices by language, and which installed model has them."""
    with exits_for_people():
        from core_engine.kokoro.voice.packs import find_voices
        from core_engine.model_paths import BUILT_IN, installed_models, model_path
        from core_engine.places import models_dir
        from storyflow.output.reports import report_voices

        paths = {**installed_models(models_dir()), BUILT_IN: model_path(BUILT_IN, models_dir())}
        report_voices({name: find_voices(path.parent) for name, path in paths.items() if path.is_file()}, as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Look at what is installed and what is missing; exit code 1 when narrating cannot work."""
    from storyflow.machine.doctor import findings
    from storyflow.output.reports import report_findings

    with exits_for_people():
        found = list(findings())
        report_findings(found, as_json)
        sys.exit(Exit.FAILED if any(finding.needed and not finding.ok for finding in found) else Exit.OK)


@main.command()
@click.option("--model", default="auto", show_default=True, help="auto, a name, default or an ONNX file.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def bench(model: str, as_json: bool) -> None:
    """Measure how fast this machine speaks, what the limit is, and what would help."""
    with exits_for_people(as_json):
        with interrupts_wait():
            from storyflow.machine.bench import measure
            from storyflow.output.reports import report_measurement

        report_measurement(measure(model), as_json)


main.add_command(models)
main.add_command(engines)
main.add_command(serve)


def _announced_media_root() -> Path:
    """Return the media root; say where it is unless MEDIA_ROOT named it."""
    from core_engine.places import given_folder, media_root

    if not given_folder("MEDIA_ROOT"):
        click.echo(f"Writing below '{media_root()}'; --out or MEDIA_ROOT names another folder.", err=True)
    return media_root()


def _check_rehearsal(dry_run: bool, phonemes: bool) -> None:
    if phonemes and not dry_run:
        raise click.UsageError("--phonemes prints what --dry-run would speak; give both.")


def _rehearsal(model: str, voice: str, phonemes: bool, as_written: bool) -> "Rehearsal":
    from core_engine.places import models_dir
    from storyflow.narration.rehearsal import Rehearsal, version_that_would_speak

    version = version_that_would_speak(model, voice, models_dir()) if phonemes else None
    return Rehearsal(voice, as_written, version)


def _project_of(story: Path) -> str:
    """Return a project name made from a story's file name; a digest where it holds no letters we can use."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", story.stem).strip("-").lower()[:64]
    return name if is_name(name) else hashlib.sha256(story.stem.encode("utf-8", "surrogatepass")).hexdigest()[:12]
