"""Write audio with libsndfile, which is always installed: FLAC, MP3, Opus and WAV, with title and author."""

import contextlib
from io import FileIO

import soundfile as sf

from core_engine.kokoro.dimensions import SAMPLE_RATE
from storyflow.audiobook.errors import ExportError
from storyflow.audiobook.formats import Format
from storyflow.audiobook.tags import GENRE, Tags
from storyflow.audiobook.timeline import Samples
from storyflow.audiobook.writing import Sink


class LibsndfileEncoder:
    """Encodes one file."""

    def __init__(self, file: FileIO, form: Format, tags: Tags) -> None:
        container, codec = form.libsndfile or ("", "")
        if codec not in sf.available_subtypes(container):
            raise ExportError(f"The libsndfile that is installed does not write {form.name}. Update soundfile.")
        self._sink = Sink(file)
        self._file = sf.SoundFile(self._sink, "w", SAMPLE_RATE, 1, codec, format=container)
        self._file.title = self._file.album = tags.title
        self._file.genre = GENRE
        if tags.author:
            self._file.artist = tags.author

    def write(self, samples: Samples) -> None:
        """Encode samples, 1-D at 24 kHz; raises OSError if the disk fails."""
        try:
            self._file.write(samples)
        finally:
            self._sink.check()

    def finish(self) -> None:
        """Complete the file; raises OSError if the disk fails."""
        try:
            self._file.close()
        finally:
            self._sink.check()

    def abandon(self) -> None:
        """Free what the encoder holds, after a failure."""
        with contextlib.suppress(Exception):
            self._file.close()
