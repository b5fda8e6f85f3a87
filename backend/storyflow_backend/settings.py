"""Django settings: safe by default, everything that differs between machines from the environment."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from core_engine.places import given_folder
from storyflow_backend import environment

BASE_DIR = Path(__file__).resolve().parent.parent

# Without a key of its own a process makes one up: safe, and sessions end with the process.
SECRET_KEY = os.environ.get("SECRET_KEY") or get_random_secret_key()
DEBUG = environment.flag("DEBUG")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS", default="localhost,127.0.0.1,[::1]")

INSTALLED_APPS = ["core_engine"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "storyflow_backend.urls"
WSGI_APPLICATION = "storyflow_backend.wsgi.application"

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR.parent / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

MEDIA_ROOT = str(given_folder("MEDIA_ROOT") or BASE_DIR.parent / "media")
MEDIA_URL = "/media/"

STORYFLOW_MODELS_DIR = given_folder("STORYFLOW_MODELS_DIR")
STORYFLOW_TTS_MODEL = environment.tts_model()
