"""`storyflow narrate`: stories become folders of WAV files."""

import hashlib
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engines.store.names import checked_name, is_name
from storyflow.commands.exits import EXPECTED, Exit, exit_code_of, interrupts_wait, report_error, sentence_of
from storyflow.commands.export import check_output, exported
from storyflow.commands.manner import Manner, how_to_speak

if TYPE_CHECKING:
    from storyflow.narration.speaking import LoadedModel
    from storyflow.stories.segments import Segment

logger = logging.getLogger(__name__)


@click.command()
@click.argument("stories", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--project", help="Name of the project's folder; by default made from the file's name.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; by default the media root.")
@click.option("--to", type=click.Path(path_type=Path), help="Also make one file; see `storyflow export`.")
@how_to_speak
def narrate(stories: tuple[Path, ...], project: str | None, out: Path | None, to: Path | None, manner: Manner) -> None:
    """Narrate STORIES (text, Markdown, HTML or StoryFlow's JSON): one WAV per paragraph.

    A second run generates only what changed; an interrupted run resumes where it stopped.
    """
    if project and len(stories) > 1:
        raise click.UsageError("--project names one folder, but there are several stories. Narrate them one by one.")
    if to and len(stories) > 1:
        raise click.UsageError("--to names one file, but there are several stories. Narrate them one by one.")
    with interrupts_wait():
        from storyflow.output.narration import echo_narrations

    if to:
        check_output(to)  # before hours of work
    if manner.dry_run:
        _rehearse(stories, manner)
        return
    root = out.absolute() if out else _announced_media_root()
    narrator = _Narrator(manner, root)
    names = [checked_name(project, "project") if project else project_of(story) for story in stories]
    if len(stories) == 1:
        told = [narrator.narrate(stories[0], names[0])]
        if to:
            told = [_with_audiobook(*told[0], root, to, manner)]
    else:
        told = [narrator.attempt(story, name) for story, name in zip(stories, names, strict=True)]
    if manner.as_json:
        echo_narrations([document for document, _ in told])
    sys.exit(next((code for _, code in told if code), Exit.OK))


class _Narrator:
    """Narrates stories one after another with one model."""

    def __init__(self, manner: Manner, root: Path) -> None:
        self._manner, self._root = manner, root
        self._loaded: LoadedModel | None = None

    def attempt(self, story: Path, project: str) -> tuple[dict[str, Any], Exit]:
        """Narrate one of several stories; its failure does not stop the others."""
        if not self._manner.as_json:
            click.echo(f"{story}:")
        try:
            return self.narrate(story, project)
        except EXPECTED as error:
            logger.debug("The story failed", exc_info=True)
            code, sentence = exit_code_of(error), sentence_of(error)
            if not self._manner.as_json:
                report_error(sentence)
            return {"success": False, "story": str(story), "error": sentence}, code

    def narrate(self, story: Path, project: str) -> tuple[dict[str, Any], Exit]:
        """Narrate a story, print the result for people, and return it for programs with the exit code."""
        with interrupts_wait():
            from core_engine.kokoro.model.cores import allowed_cores
            from engines.store.file_state import sampled_digest
            from storyflow.narration.lock import alone_in
            from storyflow.narration.narration import Narration
            from storyflow.narration.planning import Task
            from storyflow.narration.speaking import load_model
            from storyflow.output.narration import narration_document, report_narration, warn_of_language
            from storyflow.output.progress import narration_shown
            from storyflow.stories.story import StoryError, read_story

        manner = self._manner
        text = read_story(story)
        mismatch = warn_of_language(_lines(text.segments, manner), manner.as_json)
        task = Task(text, story.absolute(), project, self._root, manner.voice, manner.speed, manner.as_written)
        self._loaded = self._loaded or load_model(manner.model, threads=1)
        model = self._loaded.model
        with alone_in(task.folder, lambda: _say_waiting(task.folder)):
            narration = Narration(task, self._loaded.kokoro, sampled_digest(model.path), workers=allowed_cores())
            with narration_shown(text.segments, quiet=manner.as_json) as after_each:
                outcome = narration.run(after_each)
        if not outcome.entries and not outcome.errors:
            raise StoryError(f"The story '{story}' has nothing to speak: it has no words or numbers. Write some text.")
        if not manner.as_json:
            report_narration(outcome, text.left_out, model.name)
        code = Exit.FAILED if outcome.errors else Exit.OK
        return narration_document(story, outcome, text.left_out, model.name, mismatch), code


def _with_audiobook(
    document: dict[str, Any], code: Exit, root: Path, to: Path, manner: Manner
) -> tuple[dict[str, Any], Exit]:
    """Make one file of a narration in which everything was spoken; return its results with it."""
    from storyflow.audiobook.book import Wishes
    from storyflow.audiobook.project import find_project

    if code:
        if not manner.as_json:  # there the errors are in the document, and "audiobook" is not
            report_error(f"'{to}' was not written, because some segments could not be spoken. See `storyflow export`.")
        return document, code
    folder = str(Path(document["manifest"]).parent)
    return {**document, "audiobook": exported(find_project(folder, root), Wishes(to), manner.as_json)}, code


def _rehearse(stories: Sequence[Path], manner: Manner) -> None:
    from storyflow.output.narration import report_rehearsal, warn_of_language
    from storyflow.stories.story import read_story

    segments = [segment for story in stories for segment in read_story(story).segments]
    mismatch = warn_of_language(_lines(segments, manner), manner.as_json)
    report_rehearsal(manner.rehearsal().of_segments(segments), mismatch, manner.as_json)


def _lines(segments: Iterable["Segment"], manner: Manner) -> Iterator[tuple[str, str]]:
    """Yield the text of each segment and the voice that speaks it."""
    return ((segment.text, segment.voice or manner.voice) for segment in segments)


def _say_waiting(folder: Path) -> None:
    click.echo(f"Another `storyflow narrate` is running in '{folder}'. Waiting for it to finish.", err=True)


def _announced_media_root() -> Path:
    """Return the media root; print it unless MEDIA_ROOT is set."""
    from core_engine.places import given_folder, media_root

    if not given_folder("MEDIA_ROOT"):
        click.echo(f"Writing to '{media_root()}'. Choose another folder with --out or MEDIA_ROOT.", err=True)
    return media_root()


def project_of(story: Path) -> str:
    """Return a project name made from a story's file name; a digest if the name has no usable letters."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", story.stem).strip("-").lower()[:64]
    return name if is_name(name) else hashlib.sha256(story.stem.encode("utf-8", "surrogatepass")).hexdigest()[:12]
