"""The WSGI application."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from api.metrics_folder import share_counts

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Before anything counts; commands and tests count for themselves.
share_counts(settings.TESSERA_METRICS_DIR)
application = get_wsgi_application()
# What is loaded now lives as long as the process: a full collection need not walk through it.
# A collection of 300,000 objects costs 80 ms, as much as planning a pull of 5,000 labels.
gc.collect()
gc.freeze()
