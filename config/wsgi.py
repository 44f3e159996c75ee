"""The WSGI application."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from api.metrics_folder import share_counts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Before anything counts; commands and tests count for themselves.
share_counts(settings.TESSERA_METRICS_DIR)
application = get_wsgi_application()
