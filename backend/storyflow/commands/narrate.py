"""`storyflow narrate`: stories become folders of WAV files."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from engines.store.names import checked_name
from storyflow.commands.exits import Exit, interrupts_wait, report_error
from storyflow.commands.export import CAPTIONS, check_output, exported
from storyflow.commands.manner import Manner, how_to_speak
from storyflow.commands.narrator import Narrator, Wishes, lines_of
from storyflow.narration.naming import project_named


@click.command()
@click.argument("stories", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--project", help="Name of the project's folder; by default made from the file's name.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; by default the media root.")
@click.option("--to", type=click.Path(path_type=Path), help="Also make one file; see `storyflow export`.")
@click.option("--dialogue", metavar="VOICE", help="Voice for what is in quotation marks.")
@click.option("--captions", multiple=True, type=click.Choice(CAPTIONS), help="Also write captions; may be repeated.")
@click.option(
    "--play", is_flag=True, help="Play the WAVs while the others are made, with ffplay, mpv or another player."
)
@click.option("--cluster", metavar="ADDRESS", help="Speak on a Ray cluster: HOST:PORT, auto or local.")
@click.option(
    "--cpus-per-speaker", type=click.IntRange(1), default=1, show_default=True, help="Cores of a speaker of a cluster."
)
@click.option(
    "--gpus-per-speaker",
    type=click.FloatRange(0),
    default=0,
    show_default=True,
    help="On a cluster: GPUs of a speaker.",
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
    cluster: str | None,
    cpus_per_speaker: int,
    gpus_per_speaker: float,
    manner: Manner,
) -> None:
    """Narrate STORIES (text, Markdown, HTML, EPUB or StoryFlow's JSON, or folders of them): one WAV per paragraph.

    A second run generates only what changed; an interrupted run resumes where it stopped.
    """
    stories = _all_of(stories)
    if project and len(stories) > 1:
        raise click.UsageError("--project names one folder, but there are several stories. Narrate them one by one.")
    if to and len(stories) > 1:
        raise click.UsageError("--to names one file, but there are several stories. Narrate them one by one.")
    with interrupts_wait():
        from storyflow.output.playing import played

    if to:
        check_output(to)  # before hours of work
    if manner.dry_run:
        _rehearse(stories, dialogue, manner)
        return
    root = out.absolute() if out else _announced_media_root()
    names = [checked_name(project, "project") if project else project_named(story.stem) for story in stories]
    with played(play) as queue:
        narrator = Narrator(manner, Wishes(root, captions, dialogue), queue)
        with _on(cluster, (cpus_per_speaker, gpus_per_speaker), narrator, manner) as nodes:
            told = _narrate(narrator, stories, names, manner)
        if to:
            told = [_with_audiobook(*told[0], root, to, captions, manner)]
        _report(told, nodes, manner)
    sys.exit(next((code for _, code in told if code), Exit.OK))


def _narrate(
    narrator: Narrator, stories: Sequence[Path], names: Sequence[str], manner: Manner
) -> list[tuple[dict[str, Any], Exit]]:
    """Narrate stories, print the results for people, and return them for programs, with the exit codes."""
    done = []
    for told in [narrator.narrate(stories[0], names[0])] if len(stories) == 1 else narrator.attempt_all(stories, names):
        if not manner.as_json:
            with narrator.aside():
                told.report()
        done.append((told.document if manner.as_json or len(stories) == 1 else {}, told.code))
    return done


@contextlib.contextmanager
def _on(
    address: str | None, resources: tuple[int, float], narrator: Narrator, manner: Manner
) -> Iterator[Callable[[], list[Any]]]:
    """Let the narrator speak on the cluster at `address`, if there is one; yield what its nodes did."""
    if address is None:
        yield list
        return
    with interrupts_wait():
        from storyflow.cluster.pool import speakers_on
        from storyflow.cluster.stations import Placement
        from storyflow.output.progress import narrations_shown

    say = (lambda _line: None) if manner.as_json else (lambda line: click.echo(line, err=True))
    loaded = narrator.model
    with (
        speakers_on(address, loaded.model, loaded.kokoro, Placement(*resources), say) as cluster,
        narrations_shown(manner.as_json, lambda: cluster.places) as shown,
    ):
        narrator.on_cluster(cluster, shown)
        yield lambda: cluster.nodes


def _report(told: list[tuple[dict[str, Any], Exit]], nodes: Callable[[], list[Any]], manner: Manner) -> None:
    from storyflow.output.narration import echo_narrations, report_nodes

    if manner.as_json:
        echo_narrations([document for document, _ in told], nodes())
    else:
        report_nodes(nodes())


def _all_of(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the stories among paths, and those in folders."""
    from storyflow.stories.story import stories_in

    return tuple(story for path in paths for story in (stories_in(path) if path.is_dir() else (path,)))


def _with_audiobook(
    document: dict[str, Any], code: Exit, root: Path, to: Path, captions: Sequence[str], manner: Manner
) -> tuple[dict[str, Any], Exit]:
    """Make one file of a narration in which everything was spoken; return its results with it."""
    from storyflow.audiobook.book import Wishes as BookWishes
    from storyflow.audiobook.project import find_project

    if code:
        if not manner.as_json:  # there the errors are in the document, and "audiobook" is not
            report_error(f"'{to}' was not written, because some segments could not be spoken. See `storyflow export`.")
        return document, code
    folder = str(Path(document["manifest"]).parent)
    book = exported(find_project(folder, root), BookWishes(to), captions, manner.as_json)
    return {**document, "audiobook": book}, code


def _rehearse(stories: Sequence[Path], dialogue: str | None, manner: Manner) -> None:
    from storyflow.narration.further_processes import read_in_order
    from storyflow.output.narration import report_rehearsal, warn_of_language
    from storyflow.stories.story import read_story

    texts = [read_story(story, dialogue) for story in stories]
    manners = [manner.for_story(story, text.front) for story, text in zip(stories, texts, strict=True)]
    each = list(zip(texts, manners, strict=True))
    mismatch = warn_of_language((line for text, own in each for line in lines_of(text, own)), manner.as_json)
    segments = (segment for text, own in each for segment in own.rehearsal().of_story(text))
    report_rehearsal(read_in_order(segments), mismatch, manner.as_json)


def _announced_media_root() -> Path:
    """Return the media root; print it unless MEDIA_ROOT is set."""
    from core_engine.places import given_folder, media_root

    if not given_folder("MEDIA_ROOT"):
        click.echo(f"Writing to '{media_root()}'. Choose another folder with --out or MEDIA_ROOT.", err=True)
    return media_root()
