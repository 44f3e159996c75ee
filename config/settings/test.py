"""Settings of the test suite: a fresh data folder per process, SQLite or PostgreSQL.

`TESSERA_TEST_DATABASE=postgres` runs on the server that `tests/postgres.py` starts.
"""

import atexit
import shutil
import tempfile
from pathlib import Path

from config.settings.base import *  # noqa: F403
from config.settings.base import DATABASES, STORAGES, env

SECRET_KEY = "only-for-tests"
DATA_DIR = Path(tempfile.mkdtemp(prefix="tessera-test-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)

if env.str("TESSERA_TEST_DATABASE", default="sqlite") == "postgres":
    from tests.postgres import start_postgres

    DATABASES["default"] = start_postgres()
else:
    # Files, not memory: the suite tests locks and crashes as they are in production.
    DATABASES["default"]["NAME"] = DATA_DIR / "tessera.sqlite3"
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
    # Nothing here must survive a power cut.
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    )

STORAGES["blobs"]["OPTIONS"]["location"] = DATA_DIR / "blobs"
STORAGES["default"]["OPTIONS"]["location"] = DATA_DIR / "files"
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# whitenoise warns of a folder that is not there.
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir()
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}
# Tests of the process pool ask for more.
TESSERA_WORKERS = 1
# Tests of rate limits set some.
TESSERA_RATE_LIMITS: dict[str, str] = {}
# Tests of /metrics allow some: the test client's address is this machine's.
TESSERA_METRICS_ALLOW: list[object] = []
