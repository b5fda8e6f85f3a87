"""`storyflow export`: a narrated project becomes one file."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storyflow.commands.exits import Exit, exits_for_people, interrupts_wait

if TYPE_CHECKING:
    from storyflow.audiobook.book import Wishes
    from storyflow.audiobook.project import Project

CAPTIONS = ("srt", "vtt", "lrc")
"""The formats of `storyflow.captions.formats`, which is imported later."""


@click.command()
@click.argument("project")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--cover", type=click.Path(path_type=Path), help="Picture for the cover: JPEG or PNG.")
@click.option("--pause", "pauses", multiple=True, metavar="KIND=SECONDS", help="Change a pause, such as paragraph=0.6.")
@click.option("--loudness", type=click.FloatRange(-40, -10), help="Loudness in LUFS.  [default: -19]")
@click.option("--bitrate", type=click.IntRange(min=1), help="Kilobits per second.  [default: by format]")
@click.option("--captions", multiple=True, type=click.Choice(CAPTIONS), help="Also write captions; may be repeated.")
@click.option("--check-acx", is_flag=True, help="Compare RMS, peak and noise floor with the limits of ACX.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def export(
    project: str,
    output: Path,
    cover: Path | None,
    pauses: tuple[str, ...],
    loudness: float | None,
    bitrate: int | None,
    captions: tuple[str, ...],
    check_acx: bool,
    as_json: bool,
) -> None:
    """Make one file of PROJECT, the name or folder of a narration.

    The ending of the output chooses the format: .m4b or .m4a (AAC), .mp3, .opus or .ogg (Opus), .flac or .wav. Headings
    become chapters.
    """
    with exits_for_people():
        with interrupts_wait():
            from core_engine.places import media_root
            from storyflow.audiobook.acx import levels_of
            from storyflow.audiobook.book import LOUDNESS, Wishes
            from storyflow.audiobook.project import find_project
            from storyflow.output.audiobook import report_levels
            from storyflow.output.tables import echo_json

        level = LOUDNESS if loudness is None else loudness
        wishes = Wishes(output, cover, level, _changed(pauses), bitrate)
        document = exported(find_project(project, media_root()), wishes, captions, as_json)
        levels = levels_of(output) if check_acx else ()
        if as_json:
            acx = {"acx": [{**vars(level), "passes": level.passes} for level in levels]} if check_acx else {}
            echo_json({**document, **acx})
        elif check_acx:
            report_levels(levels)
        sys.exit(Exit.OK if all(level.passes for level in levels) else Exit.FAILED)


def check_output(output: Path) -> None:
    """Raise ExportError if a file of this name could not be written here."""
    from storyflow.audiobook.book import Wishes

    Wishes(output).check()


def exported(project: "Project", wishes: "Wishes", captions: Sequence[str], as_json: bool) -> dict[str, Any]:
    """Export a project with captions next to the file, print the result for people, and return it for programs."""
    from storyflow.audiobook.book import export as write
    from storyflow.captions.files import check_times, spoken_segments, write_captions
    from storyflow.output.audiobook import audiobook_document, report_audiobook
    from storyflow.output.progress import export_shown

    timings = check_times(project.folder, project.record) if captions else None
    with export_shown(quiet=as_json) as report:
        book = write(project, wishes, report)
    paths = [book.output.with_suffix(f".{kind}") for kind in dict.fromkeys(captions)]
    if timings:
        places = {place.entry.id: place.start_s for place in book.placed}
        starts = [places[entry.id] for entry in project.record.segments]
        for path in paths:
            write_captions(path, spoken_segments(timings, project.record, starts), project.record.language)
    if not as_json:
        report_audiobook(book, paths)
    return {**audiobook_document(book), "captions": [str(path) for path in paths]}


def _changed(given: tuple[str, ...]) -> dict[str, float]:
    """Return the pauses with those given on the command line."""
    from storyflow.audiobook.pauses import LONGEST_S, PAUSES

    pauses = dict(PAUSES)
    for pair in given:
        kind, _, value = pair.partition("=")
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if kind not in PAUSES or not 0 <= seconds <= LONGEST_S:
            raise click.UsageError(
                f"--pause {pair} is not one of {', '.join(PAUSES)} with seconds from 0 to {LONGEST_S:.0f}, such as "
                f"paragraph=0.6."
            )
        pauses[kind] = seconds
    return pauses
