"""The path and URL of a segment's audio: always the same, so that generating it again replaces it."""

from numbers import Integral
from pathlib import Path
from uuid import UUID

from engines.store.names import checked_name


def audio_path(media_root: Path, project_id: object, segment_id: object) -> Path:
    """Return {media_root}/projects/{project_id}/audio/{segment_id}.wav, absolute.

    Raises InvalidNameError, a ValueError, for an invalid id.
    """
    return project_folder(media_root, project_id) / "audio" / f"{_id(segment_id, 'segment id')}.wav"


def project_folder(media_root: Path, project_id: object) -> Path:
    """Return {media_root}/projects/{project_id}, absolute; raises as `audio_path` does."""
    return media_root.absolute() / "projects" / _id(project_id, "project id")


def audio_url(media_url: str, project_id: object, segment_id: object) -> str:
    """Return {media_url}projects/{project_id}/audio/{segment_id}.wav; raises as `audio_path` does."""
    return f"{media_url}projects/{_id(project_id, 'project id')}/audio/{_id(segment_id, 'segment id')}.wav"


def _id(value: object, kind: str) -> str:
    whole = isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 1 << 64
    return checked_name(str(value) if whole or isinstance(value, UUID) else value, kind)
