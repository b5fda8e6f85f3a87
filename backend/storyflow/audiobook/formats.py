"""The formats of an audiobook, by the ending of its name."""

from dataclasses import dataclass
from pathlib import Path

from storyflow.audiobook.errors import ExportError


@dataclass(frozen=True)
class Format:
    """How a file with a certain ending is written."""

    name: str
    container: str
    """FFmpeg's name."""
    codec: str
    """FFmpeg's name."""
    libsndfile: tuple[str, str] | None
    """libsndfile's names of container and codec; None if it cannot write this format."""
    sample_rate: int = 24_000
    """Hz, as FFmpeg writes it. libsndfile keeps the voice's 24 kHz."""
    kilobits: int | None = None
    """Default bitrate; None for formats without loss."""
    bitrates: tuple[int, int] = (0, 0)
    """Lowest and highest bitrate."""
    headroom_db: float = 0.0
    """How much lower the limiter stays, since lossy codecs raise peaks."""
    chapters: bool = True


_AAC = Format("M4B", "mp4", "aac", None, kilobits=64, bitrates=(24, 144), headroom_db=0.8)
_MP3 = Format("MP3", "mp3", "libmp3lame", ("MP3", "MPEG_LAYER_III"), 44_100, 128, (32, 320), 0.8)
_OPUS = Format("Opus", "ogg", "libopus", ("OGG", "OPUS"), kilobits=48, bitrates=(12, 256), headroom_db=1.2)
_FLAC = Format("FLAC", "flac", "flac", ("FLAC", "PCM_16"))
_WAV = Format("WAV", "wav", "pcm_s16le", ("WAV", "PCM_16"), chapters=False)

FORMATS = {
    ".m4b": _AAC, ".m4a": _AAC, ".mp3": _MP3, ".opus": _OPUS, ".ogg": _OPUS, ".flac": _FLAC, ".wav": _WAV,
}  # fmt: skip


def format_of(output: Path) -> Format:
    """Return the format of a file by its ending; raise ExportError for an unknown one."""
    try:
        return FORMATS[output.suffix.lower()]
    except KeyError:
        raise ExportError(
            f"'{output}' does not end in one of the known formats: {', '.join(FORMATS)}. Give it one of these endings."
        ) from None
