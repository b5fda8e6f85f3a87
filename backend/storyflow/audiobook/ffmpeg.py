"""Write audio with FFmpeg's libraries, through PyAV: M4B, and chapters and covers in every format that has them."""

import base64
import contextlib
import io
import struct
from fractions import Fraction
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.installation import install_command
from storyflow.audiobook.errors import ExportError
from storyflow.audiobook.formats import Format
from storyflow.audiobook.tags import GENRE, Cover, Tags
from storyflow.audiobook.timeline import Samples
from storyflow.audiobook.writing import Sink

if TYPE_CHECKING:
    import av

EXTRA = "audiobook"

_MILLISECONDS = Fraction(1, 1000)


def is_installed() -> bool:
    """Return whether PyAV is installed, in a version that writes chapters."""
    try:
        from av.container import OutputContainer
    except ImportError:
        return False
    return hasattr(OutputContainer, "set_chapters")


def how_to_install() -> str:
    """Return a sentence on how to get PyAV."""
    return f"Install PyAV with: {install_command(EXTRA)}"


class FfmpegEncoder:
    """Encodes one file."""

    def __init__(self, file: FileIO, form: Format, tags: Tags, kilobits: int | None) -> None:
        import av

        options = {"movflags": "+faststart", "brand": "M4B "} if form.container == "mp4" else {}
        self._sink = Sink(file)
        # The index of an MP4 moves to the front at the end, for which FFmpeg opens the file once more.
        self._container = av.open(
            self._sink,
            "w",
            format=form.container,
            options=options,
            io_open=lambda *_: Path(file.name).open("rb"),  # noqa: SIM115 (FFmpeg closes it)
        )
        self._stream: Any = self._container.add_stream(form.codec, rate=form.sample_rate, layout="mono")
        if kilobits:
            self._stream.codec_context.bit_rate = kilobits * 1000
        self._written = 0
        try:
            self._note(form, tags)
        except BaseException:
            self.abandon()
            raise

    def write(self, samples: Samples) -> None:
        """Encode samples, 1-D at 24 kHz; raises OSError if the disk fails."""
        import av

        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), self._written
        self._written += len(samples)
        self._encode(frame)

    def finish(self) -> None:
        """Complete the file; raises OSError if the disk fails."""
        self._encode(None)
        self._container.close()
        self._sink.check()

    def abandon(self) -> None:
        """Free what the encoder holds, after a failure."""
        with contextlib.suppress(Exception):
            self._container.close()

    def _encode(self, frame: "av.AudioFrame | None") -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        finally:
            self._sink.check()

    def _note(self, form: Format, tags: Tags) -> None:
        noted = self._container.metadata
        noted.update({"title": tags.title, "album": tags.title, "genre": GENRE})
        if tags.author:
            noted.update({"artist": tags.author, "album_artist": tags.author})
        language = tags.three_letters if form.container in ("mp4", "mp3") else tags.language
        if language:
            (self._stream.metadata if form.container == "mp4" else noted)["language"] = language
        if form.container == "mp4":
            noted["media_type"] = "2"  # how Apple's players know an audiobook
        if form.container == "flac":  # for which FFmpeg has no chapters; players read these tags, as in Opus
            noted.update(_chapter_tags(tags))
        else:
            self._container.set_chapters(_chapters(tags))
        if tags.cover:
            self._add_cover(form, tags.cover)

    def _add_cover(self, form: Format, cover: Cover) -> None:
        import av
        from av.stream import Disposition

        try:
            with av.open(io.BytesIO(cover.data)) as picture:
                next(picture.decode(video=0))
            picture = av.open(io.BytesIO(cover.data), "r")
            source = picture.streams.video[0]
            packet = next(picture.demux(source))
        except (av.error.FFmpegError, StopIteration, IndexError) as error:
            raise ExportError("The cover is damaged and cannot be shown. Save the picture again.") from error
        if form.container == "ogg":
            size = source.codec_context.width, source.codec_context.height
            self._container.metadata["METADATA_BLOCK_PICTURE"] = _picture_block(cover, *size)
            return
        stream: Any = self._container.add_stream_from_template(source)
        stream.disposition = Disposition.attached_pic.value  # PyAV 16 takes nothing but an int
        packet.stream, packet.pts, packet.dts = stream, 0, 0
        self._container.start_encoding()
        self._container.mux(packet)


def _chapters(tags: Tags) -> "list[Any]":
    return [
        {
            "id": number,
            "start": round(chapter.start_s * 1000),
            "end": round(chapter.end_s * 1000),
            "time_base": _MILLISECONDS,
            "metadata": {"title": chapter.title},
        }
        for number, chapter in enumerate(tags.chapters)
    ]


def _chapter_tags(tags: Tags) -> dict[str, str]:
    """Return chapters as Vorbis comments: CHAPTER000=00:00:00.000 and CHAPTER000NAME=…"""
    noted: dict[str, str] = {}
    for number, chapter in enumerate(tags.chapters):
        minutes, milliseconds = divmod(round(chapter.start_s * 1000), 60_000)
        clock = f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds / 1000:06.3f}"
        noted |= {f"CHAPTER{number:03}": clock, f"CHAPTER{number:03}NAME": chapter.title}
    return noted


def _picture_block(cover: Cover, width: int, height: int) -> str:
    """Return a front cover as a FLAC picture block in base64, as Ogg files keep it (RFC 9639, section 8.8)."""
    kind = cover.kind.encode("ascii")
    head = struct.pack(f">II{len(kind)}sI", 3, len(kind), kind, 0)
    block = head + struct.pack(">IIIII", width, height, 24, 0, len(cover.data)) + cover.data
    return base64.b64encode(block).decode("ascii")
