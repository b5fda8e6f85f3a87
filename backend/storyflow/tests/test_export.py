"""One file of a project: what it sounds like, and what players show of it."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import mutagen
import numpy as np
import pytest

from core_engine.audio_utils import AudioWriteError
from storyflow.audiobook import ffmpeg
from storyflow.audiobook.book import Wishes, export
from storyflow.audiobook.errors import ExportError
from storyflow.audiobook.formats import FORMATS
from storyflow.audiobook.pauses import PAUSES
from storyflow.audiobook.project import Project
from storyflow.tests.audiobooks import (
    RATE,
    decoded,
    entry,
    ffprobe,
    heading,
    project_of,
    read_wav,
    similarity,
    tags_in,
)
from storyflow.tests.test_loudness import ffmpeg_says

BACKEND = Path(__file__).resolve().parents[2]
LISTED = [ending for ending, form in FORMATS.items() if form.chapters]
PLAIN = [ending for ending, form in FORMATS.items() if form.libsndfile]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A book of two chapters, with a scene break."""
    entries = [heading(0, "The Title"), heading(1, "Chapter Ünü"), entry(2), entry(3, "* * *", "break"), entry(4)]
    return project_of(tmp_path_factory.mktemp("project"), [*entries, heading(5, "Chapter Two"), entry(6)], seconds=3.0)


@pytest.fixture(params=["jpg", "png"])
def cover(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A picture made by FFmpeg."""
    import av

    path = tmp_path / f"cover.{request.param}"
    with av.open(str(path), "w", format="image2") as container:
        stream: Any = container.add_stream("mjpeg" if request.param == "jpg" else "png", rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p" if request.param == "jpg" else "rgb24"
        pixels = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@contextlib.contextmanager
def without_pyav() -> Iterator[None]:
    with patch.object(ffmpeg, "is_installed", lambda: False):
        yield


@pytest.mark.parametrize("with_pyav", [True, False], ids=["pyav", "libsndfile"])
@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_sounds_like_the_wavs_at_their_places(
    project: Project, tmp_path: Path, ending: str, with_pyav: bool
) -> None:
    if not with_pyav and ending not in PLAIN:
        pytest.skip("only PyAV writes this format")
    with contextlib.nullcontext() if with_pyav else without_pyav():
        book = export(project, Wishes(tmp_path / f"book{ending}"))
    assert os.listdir(tmp_path) == [f"book{ending}"]
    assert book.size == book.output.stat().st_size
    samples = decoded(book.output)
    # MP3 and Opus may end with what is left of the last frame.
    assert book.duration_s - 0.001 <= len(samples) / RATE <= book.duration_s + 0.06
    assert float(ffprobe(book.output)["format"]["duration"]) == pytest.approx(book.duration_s, abs=0.1)
    for place in book.placed:
        if place.entry.kind != "break":
            wav = read_wav(project.wav(place.entry))
            start = round(place.start_s * RATE)
            assert similarity(samples[start : start + len(wav)], wav) > 0.97, place


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("loudness", [-19.0, -16.0])
def test_loudness_is_as_wished_and_peaks_are_below_three_decibels(
    project: Project, tmp_path: Path, ending: str, loudness: float
) -> None:
    book = export(project, Wishes(tmp_path / f"book{ending}", loudness=loudness))
    said, peak = ffmpeg_says(book.output)
    assert said == pytest.approx(loudness, abs=1.0)
    assert peak <= -3.0


@pytest.mark.parametrize("ending", LISTED)
def test_ffprobe_sees_chapters_tags_and_cover(project: Project, tmp_path: Path, cover: Path, ending: str) -> None:
    book = export(project, Wishes(tmp_path / f"book{ending}", cover=cover))
    found = ffprobe(book.output)
    tags = tags_in(found)
    assert (tags["title"], tags["artist"], tags["genre"]) == ("The Title", "An Author", "Audiobook")
    assert tags["language"] == ("eng" if ending in (".m4b", ".m4a", ".mp3") else "en-GB")
    chapters = [(each["tags"]["title"], float(each["start_time"])) for each in found["chapters"]]
    assert [name for name, _ in chapters] == ["Chapter Ünü", "Chapter Two"]
    second = next(place.start_s for place in book.placed if place.entry.text == "Chapter Two")
    assert [start for _, start in chapters] == pytest.approx([0.0, second], abs=0.001)
    pictures = [stream for stream in found["streams"] if stream["codec_type"] == "video"]
    assert [(each["width"], each["height"], each["disposition"]["attached_pic"]) for each in pictures] == [(64, 64, 1)]


def test_mutagen_sees_an_m4b_as_an_audiobook(project: Project, tmp_path: Path, cover: Path) -> None:
    book = export(project, Wishes(tmp_path / "book.m4b", cover=cover))
    found: Any = mutagen.File(book.output)
    assert found.info.length == pytest.approx(book.duration_s, abs=0.05)
    assert [found.tags[key][0] for key in ("©nam", "©ART", "©alb", "stik")] == [
        "The Title",
        "An Author",
        "The Title",
        2,
    ]
    assert [(each.title, each.start) for each in found.chapters] == [
        (chapter.title, pytest.approx(chapter.start_s, abs=0.001)) for chapter in book.chapters
    ]
    assert bytes(found.tags["covr"][0]) == cover.read_bytes()
    data = book.output.read_bytes()
    assert data[4:12] == b"ftypM4B "
    assert data.index(b"moov") < data.index(b"mdat")  # plays while it is downloaded


def test_mutagen_sees_the_chapters_of_an_mp3(project: Project, tmp_path: Path, cover: Path) -> None:
    book = export(project, Wishes(tmp_path / "book.mp3", cover=cover, kilobits=192))
    found: Any = mutagen.File(book.output)
    assert (found.info.sample_rate, found.info.bitrate, found.info.channels) == (44_100, 192_000, 1)
    assert [str(found.tags[key]) for key in ("TIT2", "TPE1", "TALB", "TLAN")] == [
        "The Title",
        "An Author",
        "The Title",
        "eng",
    ]
    assert [(str(each.sub_frames["TIT2"]), each.start_time, each.end_time) for each in found.tags.getall("CHAP")] == [
        (chapter.title, round(chapter.start_s * 1000), round(chapter.end_s * 1000)) for chapter in book.chapters
    ]
    assert found.tags.getall("CTOC")[0].child_element_ids == ["ch0", "ch1"]
    assert found.tags.getall("APIC")[0].data == cover.read_bytes()


@pytest.mark.parametrize("ending", [".opus", ".flac"])
def test_mutagen_sees_the_cover_of_opus_and_flac(project: Project, tmp_path: Path, cover: Path, ending: str) -> None:
    import base64

    from mutagen import flac

    as_picture: Any = flac.Picture
    book = export(project, Wishes(tmp_path / f"book{ending}", cover=cover))
    found: Any = mutagen.File(book.output)
    picture = (
        found.pictures[0] if ending == ".flac" else as_picture(base64.b64decode(found["metadata_block_picture"][0]))
    )
    assert picture.data == cover.read_bytes()
    assert (picture.mime, picture.width) == (f"image/{'jpeg' if cover.suffix == '.jpg' else 'png'}", 64)


@pytest.mark.parametrize("ending", [ending for ending in PLAIN if ending != ".wav"])
def test_without_pyav_title_and_author_are_there_and_chapters_are_not(
    project: Project, tmp_path: Path, ending: str
) -> None:
    with without_pyav():
        book = export(project, Wishes(tmp_path / f"book{ending}"))
    assert not book.has_chapters
    tags = tags_in(ffprobe(book.output))
    assert (tags["title"], tags["artist"], tags["album"]) == ("The Title", "An Author", "The Title")


def test_pauses_are_adjustable(project: Project, tmp_path: Path) -> None:
    longer = {**PAUSES, "break": PAUSES["break"] + 3}
    lengths = [export(project, Wishes(tmp_path / "a.wav", pauses=pauses)).duration_s for pauses in (PAUSES, longer)]
    assert lengths[1] - lengths[0] == pytest.approx(3)


@pytest.mark.parametrize(
    ("name", "wishes", "message"),
    [
        ("a.aac", {}, r"does not end in one of the known formats: \.m4b"),
        ("a", {}, "does not end in"),
        (".", {}, "does not end in"),
        ("a.mp3", {"kilobits": 999}, "from 32 to 320 kbit/s"),
        ("a.flac", {"kilobits": 64}, "loses nothing"),
        ("a.wav", {"cover": "cover.png"}, "no place for a cover"),
        ("a.mp3", {"cover": "none.png"}, "cannot be read: No such file"),
        ("a.mp3", {"cover": "text.png"}, "neither a JPEG nor a PNG"),
        ("a.mp3", {"cover": "half.png"}, "damaged"),
        ("a.m4b", {"cover": "half.jpg"}, "damaged"),
        ("folder.m4b", {}, "is a folder"),
    ],
)
def test_wishes_that_cannot_be_met_say_so_and_write_nothing(
    project: Project, tmp_path: Path, name: str, wishes: dict[str, Any], message: str
) -> None:
    (tmp_path / "text.png").write_text("Not a picture.")
    (tmp_path / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "half.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "half.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    (tmp_path / "folder.m4b").mkdir()
    before = sorted(os.listdir(tmp_path))
    if "cover" in wishes:
        wishes = {**wishes, "cover": tmp_path / wishes["cover"]}
    with pytest.raises(ExportError, match=message):
        export(project, Wishes(tmp_path / name, **wishes))
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("name", "wishes", "what"),
    [
        ("a.m4b", {}, "M4B"),
        ("a.mp3", {"cover": "c.png"}, "--cover"),
        ("a.opus", {"kilobits": 32}, "--bitrate"),
    ],
)
def test_what_needs_pyav_says_how_to_get_it(tmp_path: Path, name: str, wishes: dict[str, Any], what: str) -> None:
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    if "cover" in wishes:
        wishes = {**wishes, "cover": tmp_path / "c.png"}
    with without_pyav(), pytest.raises(ExportError, match=rf"{what} needs PyAV.*pip install.*audiobook"):
        Wishes(tmp_path / name, **wishes).check()


LIMITED = """
import resource, signal, sys
from pathlib import Path
from storyflow.audiobook import ffmpeg
from storyflow.audiobook.book import Wishes, export
from storyflow.audiobook.project import find_project
if sys.argv[3] == "libsndfile":
    ffmpeg.is_installed = lambda: False
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
try:
    export(find_project(sys.argv[1], Path()), Wishes(Path(sys.argv[2])))
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.parametrize("limit", [1, 5_000, 60_000])
@pytest.mark.parametrize(
    ("ending", "encoder"),
    [
        (".m4b", "pyav"),
        (".mp3", "pyav"),
        (".opus", "pyav"),
        (".flac", "pyav"),
        *[(each, "libsndfile") for each in PLAIN],
    ],
)
def test_full_disk_is_reported_and_leaves_the_old_file(
    project: Project, tmp_path: Path, ending: str, encoder: str, limit: int
) -> None:
    output = tmp_path / f"book{ending}"
    output.write_bytes(b"old")
    arguments = [sys.executable, "-c", LIMITED, str(project.folder), str(output), encoder, str(limit)]
    done = subprocess.run(arguments, cwd=BACKEND, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.startswith("AudioWriteError could not write"), done.stdout
    assert output.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [output.name]


@pytest.mark.parametrize("ending", [".m4b", ".mp3", ".wav"])
def test_interrupt_leaves_the_old_file(project: Project, tmp_path: Path, ending: str) -> None:
    output = tmp_path / f"book{ending}"
    output.write_bytes(b"old")

    def interrupted(done: float, total: float) -> None:
        if done > 0.9 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(project, Wishes(output), interrupted)
    assert output.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [output.name]


def test_folder_of_the_output_is_made_and_one_that_cannot_be_says_so(project: Project, tmp_path: Path) -> None:
    assert export(project, Wishes(tmp_path / "new" / "folder" / "a.wav")).output.is_file()
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioWriteError, match="could not write"):
        export(project, Wishes(tmp_path / "file" / "a.wav"))


def test_silent_book_is_written_as_it_is(tmp_path: Path) -> None:
    silent = project_of(tmp_path / "p", [entry(0)])
    silent.wav(entry(0)).write_bytes(_wav(np.zeros(RATE)))
    assert export(silent, Wishes(tmp_path / "a.wav")).gain_db == 0.0


def _wav(samples: Any) -> bytes:
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="WAV")
    return buffer.getvalue()
