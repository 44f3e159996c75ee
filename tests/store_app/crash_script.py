"""A process of its own that puts blobs, or checks what another one left behind.

Run as `python -m tests.store_app.crash_script put|check` with TESSERA_DATA_DIR set.
"""

import io
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone


def configure(folder: Path) -> None:
    settings.configure(
        SECRET_KEY="for a test",
        USE_TZ=True,
        INSTALLED_APPS=["store_app"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "store.sqlite3",
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
                },
            }
        },
        STORAGES={
            "blobs": {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": str(folder / "blobs")},
            }
        },
    )
    django.setup()


def main(verb: str, folder: Path) -> None:
    configure(folder)
    from store_app import writing
    from store_app.blobs import get_blobs, put_blobs, put_file
    from store_app.garbage import collect_garbage
    from store_app.models import Blob
    from store_app.roots import Reference, register_roots
    from store_app.verification import verify
    from tests.store_app.builders import many_blobs

    writing.MAX_PACK_OBJECTS = 10
    call_command("migrate", verbosity=0)
    blobs = many_blobs(25)

    def put() -> int:
        put_file(io.BytesIO(b"photograph"))
        return put_blobs(blobs).new

    if verb == "put":
        put()
        return
    left = list(Blob.objects.values_list("digest", flat=True))
    report = {"left": len(left), "readable": len(get_blobs(left))}
    report["findings"] = [finding.code for finding in verify("data")]
    report["new"] = put()
    register_roots("all", lambda: [Reference(blob.digest, "", "") for blob in blobs])
    collected = collect_garbage(dry_run=False, now=timezone.now() + timedelta(days=2))
    report["orphans"] = len(collected.orphans)
    report["findings"] += [finding.code for finding in verify("data")]
    report["finally"] = len(get_blobs(blob.digest for blob in blobs))
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(os.environ["TESSERA_DATA_DIR"]))
