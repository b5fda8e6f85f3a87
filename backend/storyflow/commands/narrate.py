"""`storyflow narrate`: stories become folders of WAV files."""

import hashlib
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engines.store.names import checked_name, is_name
from storyflow.commands.exits import EXPECTED, Exit, exit_code_of, interrupts_wait, report_error, sentence_of
from storyflow.commands.export import CAPTIONS, check_output, exported
from storyflow.commands.manner import Manner, how_to_speak

if TYPE_CHECKING:
    from storyflow.narration.speaking import LoadedModel
    from storyflow.output.playing import Queue
    from storyflow.stories.segments import Segment

logger = logging.getLogger(__name__)


@click.command()
@click.argument("stories", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--project", help="Name of the project's folder; by default made from the file's name.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; by default the media root.")
@click.option("--to", type=click.Path(path_type=Path), help="Also make one file; see `storyflow export`.")
@click.option("--dialogue", metavar="VOICE", help="Voice for what is in quotation marks.")
@click.option("--captions", multiple=True, type=click.Choice(CAPTIONS), help="Also write captions; may be repeated.")
@click.option(
    "--play", is_flag=True, help="Play the WAVs while the others are made, with ffplay, mpv or another player."
)
@how_to_speak
def narrate(
    stories: tuple[Path, ...],
    project: str | None,
    out: Path | None,
    to: Path | None,
    captions: tuple[str, ...],
    dialogue: str | None,
    play: bool,
    manner: Manner,
) -> None:
    """Narrate STORIES (text, Markdown, HTML or StoryFlow's JSON): one WAV per paragraph.

    A second run generates only what changed; an interrupted run resumes where it stopped.
    """
    if project and len(stories) > 1:
        raise click.UsageError("--project names one folder, but there are several stories. Narrate them one by one.")
    if to and len(stories) > 1:
        raise click.UsageError("--to names one file, but there are several stories. Narrate them one by one.")
    with interrupts_wait():
        from storyflow.output.narration import echo_narrations
        from storyflow.output.playing import played

    if to:
        check_output(to)  # before hours of work
    if manner.dry_run:
        _rehearse(stories, dialogue, manner)
        return
    root = out.absolute() if out else _announced_media_root()
    names = [checked_name(project, "project") if project else project_of(story) for story in stories]
    with played(play) as queue:
        narrator = _Narrator(manner, root, captions, dialogue, queue)
        if len(stories) == 1:
            told = [narrator.narrate(stories[0], names[0])]
            if to:
                told = [_with_audiobook(*told[0], root, to, captions, manner)]
        else:
            told = [narrator.attempt(story, name) for story, name in zip(stories, names, strict=True)]
        if manner.as_json:
            echo_narrations([document for document, _ in told])
    sys.exit(next((code for _, code in told if code), Exit.OK))


class _Narrator:
    """Narrates stories one after another with one model."""

    def __init__(
        self, manner: Manner, root: Path, captions: Sequence[str], dialogue: str | None, queue: "Queue | None"
    ) -> None:
        self._manner, self._root, self._captions = manner, root, captions
        self._dialogue, self._queue = dialogue, queue
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
            from storyflow.captions.files import captions_wanted, write_project_captions
            from storyflow.narration.lock import alone_in
            from storyflow.narration.narration import Narration
            from storyflow.narration.planning import Task
            from storyflow.narration.speaking import load_model
            from storyflow.narration.spoken import speakers_here
            from storyflow.output.narration import narration_document, report_narration, warn_of_language
            from storyflow.output.progress import narration_shown
            from storyflow.stories.story import StoryError, read_story

        text = read_story(story, self._dialogue)
        manner = self._manner.for_story(story, text.front)
        lexicon = manner.pronunciations()
        mismatch = warn_of_language(_lines(text.segments, manner), manner.as_json)
        task = Task(text, story.absolute(), project, self._root, manner.voice, manner.speed, manner.as_written, lexicon)
        kinds = captions_wanted(task.folder, self._captions)
        task = replace(task, needs_times=bool(kinds))
        self._loaded = self._loaded or load_model(manner.model, threads=1)
        model = self._loaded.model
        with alone_in(task.folder, lambda: _say_waiting(task.folder)):
            speakers = speakers_here(self._loaded.kokoro, allowed_cores())
            narration = Narration(task, self._loaded.kokoro, sampled_digest(model.path), speakers)
            with narration_shown(text.segments, quiet=manner.as_json) as after_each:
                outcome = narration.run(self._queue.playing(after_each, task) if self._queue else after_each)
            captions = write_project_captions(task.folder, kinds)
        if not outcome.entries and not outcome.errors:
            raise StoryError(f"The story '{story}' has nothing to speak: it has no words or numbers. Write some text.")
        if not manner.as_json:
            report_narration(outcome, text.left_out, model.name, captions)
        code = Exit.FAILED if outcome.errors else Exit.OK
        return narration_document(story, outcome, text.left_out, model.name, mismatch, captions), code


def _with_audiobook(
    document: dict[str, Any], code: Exit, root: Path, to: Path, captions: Sequence[str], manner: Manner
) -> tuple[dict[str, Any], Exit]:
    """Make one file of a narration in which everything was spoken; return its results with it."""
    from storyflow.audiobook.book import Wishes
    from storyflow.audiobook.project import find_project

    if code:
        if not manner.as_json:  # there the errors are in the document, and "audiobook" is not
            report_error(f"'{to}' was not written, because some segments could not be spoken. See `storyflow export`.")
        return document, code
    folder = str(Path(document["manifest"]).parent)
    book = exported(find_project(folder, root), Wishes(to), captions, manner.as_json)
    return {**document, "audiobook": book}, code


def _rehearse(stories: Sequence[Path], dialogue: str | None, manner: Manner) -> None:
    from storyflow.output.narration import report_rehearsal, warn_of_language
    from storyflow.stories.story import read_story

    texts = [read_story(story, dialogue) for story in stories]
    manners = [manner.for_story(story, text.front) for story, text in zip(stories, texts, strict=True)]
    each = list(zip(texts, manners, strict=True))
    mismatch = warn_of_language((line for text, own in each for line in _lines(text.segments, own)), manner.as_json)
    rehearsed = (segment for text, own in each for segment in own.rehearsal().of_story(text))
    report_rehearsal(rehearsed, mismatch, manner.as_json)


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
