"""A Django project that speaks in the background, run as a program: `enqueue` or a command of Django.

Its database and its audio are in the folder of the variable PROJECT.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import django
from django.conf import settings
from django.core.management import execute_from_command_line

FOLDER = Path(os.environ["PROJECT"])


def start() -> None:
    """Start Django with a database in a file and tasks in that database."""
    framework = [] if find_spec("django.tasks") else ["django_tasks"]
    settings.configure(
        SECRET_KEY="of a test",
        INSTALLED_APPS=[*framework, "django_tasks_db", "core_engine"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
        USE_TZ=True,
        MEDIA_ROOT=str(FOLDER / "media"),
        MEDIA_URL="/media/",
        STORYFLOW_MODELS_DIR=FOLDER,
        STORYFLOW_TTS_MODEL="default",
    )
    django.setup()


def enqueue(*texts: str) -> list[str]:
    """Enqueue a segment for each text; return the ids of the tasks."""
    from core_engine.background import enqueue_audio
    from core_engine.tts_wrapper import construct_audio_path

    return [
        str(enqueue_audio(text, "bm_george", 1.1, construct_audio_path("p", number)).id)
        for number, text in enumerate(texts)
    ]


def results(*ids: str) -> list[dict[str, object]]:
    """Return the status and the return value of each task."""
    from core_engine.background import speak_in_background

    found = [speak_in_background.get_result(task_id) for task_id in ids]
    return [{"status": each.status, "value": each.return_value if each.is_finished else None} for each in found]


if __name__ == "__main__":
    start()
    work = {"enqueue": enqueue, "results": results}.get(sys.argv[1])
    if work:
        print(json.dumps(work(*sys.argv[2:])))
    else:
        execute_from_command_line(sys.argv)
