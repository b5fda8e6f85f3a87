"""No routes yet: speech is made by `core_engine.tts_wrapper`, and the pages that offer it come from elsewhere."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
