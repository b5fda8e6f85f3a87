"""The WSGI application, for any server that runs Django."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storyflow_backend.settings")
application = get_wsgi_application()
