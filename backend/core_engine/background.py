"""Speech in the background, with Django's tasks framework: a worker process speaks, not the one that answers requests.

Of Django since version 6.0; before that, of the package django-tasks, which has the same interface.
"""

import os
from typing import Any

from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from core_engine.tts_wrapper import generate_audio

try:
    from django.tasks import task
except ModuleNotFoundError:
    try:
        from django_tasks import task  # type: ignore[no-redef]
    except ModuleNotFoundError as error:
        raise ImportError(
            "Background work needs Django 6.0, or django-tasks before that. Install it and a backend that keeps tasks "
            'in the database with: python -m pip install "django-tasks-db[compat]"'
        ) from error


@task()
def speak_in_background(
    text: str, voice_id: str, speed: float, output_path: str | None, as_written: bool, timings: bool
) -> dict[str, Any]:
    """Run `generate_audio` in a worker; its result, also a failure, is the return value of the task."""
    return generate_audio(text, voice_id, speed, output_path, as_written=as_written, timings=timings)


def enqueue_audio(
    text: str,
    voice_id: str = DEFAULT_VOICE_ID,
    speed: float = 1.0,
    output_path: str | os.PathLike[str] | None = None,
    *,
    as_written: bool = False,
    timings: bool = False,
) -> Any:
    """Let a worker generate a WAV file from text; same arguments as `generate_audio`.

    Returns the framework's task result at once. Keep its `id`; `refresh()` updates its `status`, and when it is
    finished, `return_value` is the dictionary of `generate_audio`. Raises the error of the backend if it cannot take
    the task.
    """
    path = None if output_path is None else os.fspath(output_path)
    return speak_in_background.enqueue(text, voice_id, speed, path, as_written, timings)
