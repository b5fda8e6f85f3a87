"""Make one file of a project: measure its loudness, then write it at the loudness wanted."""

import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from core_engine.audio_utils import AudioWriteError
from core_engine.kokoro.dimensions import SAMPLE_RATE
from engines.store.publishing import publishing
from storyflow.audiobook import ffmpeg
from storyflow.audiobook.chapters import Chapter, chapters_of
from storyflow.audiobook.errors import ExportError
from storyflow.audiobook.ffmpeg import FfmpegEncoder
from storyflow.audiobook.formats import Format, format_of
from storyflow.audiobook.libsndfile import LibsndfileEncoder
from storyflow.audiobook.loudness import LoudnessMeter
from storyflow.audiobook.pauses import PAUSES
from storyflow.audiobook.peaks import Limiter
from storyflow.audiobook.project import Project
from storyflow.audiobook.tags import Cover, Tags, read_cover
from storyflow.audiobook.timeline import Placed, Samples, Timeline, timeline_of

LOUDNESS = -19.0
"""LUFS that audiobook shops ask for in mono."""
CEILING_DB = -3.0
"""True peak that they allow."""

_MARGIN_DB = 0.1
_LARGEST_WAV = (1 << 32) - (1 << 16)  # bytes; the header of a WAV has 32 bits for its size

Report = Callable[[float, float], None]
"""Called regularly with the seconds done and the seconds in all."""


@dataclass(frozen=True)
class Wishes:
    """What the one file should be."""

    output: Path
    cover: Path | None = None
    loudness: float = LOUDNESS
    """LUFS."""
    pauses: Mapping[str, float] = field(default_factory=lambda: PAUSES)
    kilobits: int | None = None
    """Kilobits per second; None for the format's default."""

    def check(self) -> tuple[Format, Cover | None]:
        """Return the format and the cover; raise ExportError if the file could not be written as wished here."""
        form = format_of(self.output)
        cover = read_cover(self.cover) if self.cover else None
        if self.output.exists() and not self.output.is_file():  # never replace a device such as /dev/null
            raise ExportError(f"'{self.output}' is a folder, a device or a pipe. Give the name of a file.")
        if self.kilobits and not form.bitrates[0] <= self.kilobits <= form.bitrates[1]:
            lowest, highest = form.bitrates
            allowed = f"from {lowest} to {highest} kbit/s" if highest else "no bitrate: it loses nothing"
            raise ExportError(f"{form.name} has {allowed}. Change --bitrate or leave it out.")
        if cover and not form.chapters:
            raise ExportError(f"{form.name} has no place for a cover. Choose another format or leave out --cover.")
        self._check_encoder(form)
        return form, cover

    def _check_encoder(self, form: Format) -> None:
        if ffmpeg.is_installed():
            return
        needing = {form.name: form.libsndfile is None, "--cover": self.cover, "--bitrate": self.kilobits}
        what = next((what for what, is_needed in needing.items() if is_needed), None)
        if what:
            raise ExportError(f"{what} needs PyAV, which is not installed here. {ffmpeg.how_to_install()}")


@dataclass(frozen=True)
class Audiobook:
    """A written file."""

    output: Path
    form: Format
    duration_s: float
    size: int
    """Bytes."""
    gain_db: float
    """How much louder the WAVs were made."""
    placed: tuple[Placed, ...]
    """Where each segment starts."""
    chapters: tuple[Chapter, ...]
    has_chapters: bool
    """Whether the file lists them."""


def export(project: Project, wishes: Wishes, report: Report = lambda _done, _all: None) -> Audiobook:
    """Write the audiobook of a project atomically, in two passes over its WAVs; create missing parent folders.

    Raises:
        ExportError: the project or the wishes do not allow it.
        AudioWriteError: an OSError; the file could not be written, and what was there before is unchanged.
    """
    form, cover = wishes.check()
    timeline = timeline_of(project, wishes.pauses)
    if form.container == "wav" and timeline.frames * 2 > _LARGEST_WAV:
        raise ExportError("A WAV of this book would be larger than 4 GiB, which the format cannot be. Choose .flac.")
    record = project.record
    chapters = chapters_of(timeline, record.title)
    tags = Tags(record.title, record.author, record.language, chapters, cover)
    gain_db = _gain_db(timeline, wishes.loudness, report)
    mastered = _mastered(timeline, gain_db, form, report)
    size = _write(wishes, form, tags, mastered)
    has_chapters = form.chapters and ffmpeg.is_installed()
    return Audiobook(wishes.output, form, timeline.duration_s, size, gain_db, timeline.placed, chapters, has_chapters)


def _gain_db(timeline: Timeline, loudness: float, report: Report) -> float:
    """Return the gain that brings the whole to `loudness`, 0 for silence."""
    meter = LoudnessMeter(SAMPLE_RATE)
    for block in _counted(timeline, report, 0):
        meter.add(block)
    measured = meter.loudness()
    return 0.0 if measured is None else loudness - measured


def _mastered(timeline: Timeline, gain_db: float, form: Format, report: Report) -> Iterator[Samples]:
    """Yield the whole at its final level, with true peaks below the ceiling."""
    gain = 10 ** (gain_db / 20)
    limiter = Limiter(SAMPLE_RATE, 10 ** ((CEILING_DB - _MARGIN_DB - form.headroom_db) / 20))
    for block in _counted(timeline, report, 1):
        yield limiter.add(block * gain)
    yield limiter.rest()


def _counted(timeline: Timeline, report: Report, before: int) -> Iterator[Samples]:
    """Yield the blocks of a timeline; `before` is the number of passes that are done."""
    done = before * timeline.frames
    for block in timeline.blocks():
        yield block
        done += len(block)
        report(done / SAMPLE_RATE, 2 * timeline.duration_s)


def _write(wishes: Wishes, form: Format, tags: Tags, blocks: Iterator[Samples]) -> int:
    """Encode the blocks into the file; return its size."""
    output = wishes.output
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with publishing(output) as file:
            encoder = _encoder(file, form, tags, wishes.kilobits or form.kilobits)
            try:
                for block in blocks:
                    if len(block):
                        encoder.write(block)
                encoder.finish()
            except BaseException:
                encoder.abandon()
                raise
            return file.seek(0, 2)
    except OSError as error:
        if isinstance(error, AudioWriteError):
            raise
        raise AudioWriteError(
            f"could not write '{output}': {error.strerror or error}. Nothing was changed there. "
            f"{_ADVICE.get(error.errno or 0, 'Choose a folder that is writable and has free space.')}"
        ) from error


_ADVICE = {errno.ENOSPC: "Free some space, or choose another disk with --output."}


def _encoder(file: FileIO, form: Format, tags: Tags, kilobits: int | None) -> FfmpegEncoder | LibsndfileEncoder:
    if ffmpeg.is_installed() and form.chapters:
        return FfmpegEncoder(file, form, tags, kilobits)
    return LibsndfileEncoder(file, form, tags)
