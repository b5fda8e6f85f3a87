"""Where a segment's audio lies: the same place every time, so that making it again replaces it."""

from pathlib import Path
from uuid import UUID

from engines.names import checked_name


def audio_path(media_root: Path, project_id: object, segment_id: object) -> Path:
    """Return {media_root}/projects/{project_id}/audio/{segment_id}.wav, absolute.

    Raises InvalidNameError, a ValueError, for an id that is no plain name.
    """
    project, segment = _ids(project_id, segment_id)
    return media_root.absolute() / "projects" / project / "audio" / f"{segment}.wav"


def audio_url(media_url: str, project_id: object, segment_id: object) -> str:
    """Return {media_url}projects/{project_id}/audio/{segment_id}.wav; raises as `audio_path` does."""
    project, segment = _ids(project_id, segment_id)
    return f"{media_url}projects/{project}/audio/{segment}.wav"


def _ids(project_id: object, segment_id: object) -> tuple[str, str]:
    return _id(project_id, "project id"), _id(segment_id, "segment id")


def _id(value: object, kind: str) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64
    return checked_name(str(value) if whole or isinstance(value, UUID) else value, kind)
