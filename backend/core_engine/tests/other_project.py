"""A Django project that uses `core_engine`, run as a program: stories in a database, a page, and any model or none.

Prints the results as JSON. Arguments: the models folder, the media folder, the model.
"""

import json
import sys
from typing import Any

import django
import onnxruntime as ort
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

sessions_made: list[str] = []


def story(request: HttpRequest, number: int) -> JsonResponse:
    """Respond with the text of a segment and the URL of its audio."""
    from core_engine.tts_wrapper import construct_audio_url

    segment: Any = apps.all_models["stories"]["segment"]
    return JsonResponse({"text": segment.objects.get(pk=number).text, "audio": construct_audio_url("p", number)})


urlpatterns = [path("segments/<int:number>/", story)]


def count_sessions() -> None:
    """Count every session that the runtime creates from now on."""
    make = ort.InferenceSession

    def counted(model: Any, *options: Any, **more: Any) -> Any:
        sessions_made.append(str(model))
        return make(model, *options, **more)

    ort.InferenceSession = counted


def start(models_dir: str, media_root: str, model: str) -> None:
    """Start Django like a server: settings, apps, checks, routes."""
    count_sessions()
    settings.configure(
        SECRET_KEY="of a test",
        ALLOWED_HOSTS=["testserver"],
        BASE_DIR=media_root,
        MEDIA_ROOT=media_root,
        MEDIA_URL="/media/",
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["core_engine"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        STORYFLOW_MODELS_DIR=models_dir,
        STORYFLOW_TTS_MODEL=model,
    )
    django.setup()
    call_command("check")
    get_wsgi_application()


def add_table() -> Any:
    """Create the project's table of segments in its database and return its model class."""
    meta = type("Meta", (), {"app_label": "stories"})
    fields = {"text": models.TextField(), "Meta": meta, "__module__": __name__}
    table = type("Segment", (models.Model,), fields)
    with connection.schema_editor() as editor:
        editor.create_model(table)
    return table


def change_stories(table: Any) -> list[Any]:
    """Create, show, change and delete a segment; return what was shown."""
    made = table.objects.create(pk=1, text="The lamp is lit.")
    page = Client().get("/segments/1/").json()
    table.objects.filter(pk=1).update(text="The lamp is out.")
    changed = table.objects.get(pk=1).text
    made.delete()
    return [page["text"], page["audio"], changed, table.objects.count()]


def main() -> None:
    """Run the project once."""
    start(*sys.argv[1:])
    from core_engine.tts_wrapper import construct_audio_path, generate_audio

    table = add_table()
    before = change_stories(table)
    sessions_before_speech = len(sessions_made)
    speech = generate_audio("Hello", output_path=construct_audio_path("p", "s"))
    after = change_stories(table)
    sessions = [sessions_before_speech, len(sessions_made)]
    print(json.dumps({"stories": [before, after], "sessions": sessions, "speech": speech}))


if __name__ == "__main__":
    main()
