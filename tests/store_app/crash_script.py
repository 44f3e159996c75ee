"""A process of its own that puts blobs, or checks what another one left behind.

Run as `python -m tests.store_app.crash_script VERB` with TESSERA_DATA_DIR set, where the verb is
`put` or `check`, or `compact`, `collect`, `erase` after a `put`; every fifth blob is needed then.
"""

import io
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

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


def upkeep(verb: str, blobs: list[Any]) -> None:
    """Compact, collect or erase, and say what is left."""
    from store_app.blobs import erased_among, get_blobs
    from store_app.compaction import compact_packs
    from store_app.erasure import destroy_erased, mark_erased
    from store_app.garbage import collect_garbage
    from store_app.models import Blob, Pack
    from store_app.verification import verify

    now = timezone.now()
    Blob.objects.update(touched_at=now - timedelta(days=9))
    if verb == "compact":
        compact_packs(dry_run=False)
    elif verb == "collect":
        for days in (2, 4, 6):
            collect_garbage(dry_run=False, now=now + timedelta(days=days))
    else:
        mark_erased([blobs[0].digest], reason="asked")
        destroy_erased([blobs[0].digest])
    needed = {blob.digest for blob in blobs[::5]}
    report = {
        "findings": [f.code for f in verify("data") if f.code != "object_erased"],
        "readable": len(get_blobs(needed - erased_among(needed))),
        "packs": Pack.objects.filter(state=Pack.State.ACTIVE, condemned_at=None).count(),
    }
    sys.stdout.write(json.dumps(report))


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
    if verb != "check":
        register_roots("some", lambda: [Reference(b.digest, "", "") for b in blobs[::5]])
        upkeep(verb, blobs)
        return
    left = list(Blob.objects.values_list("digest", flat=True))
    report = {"left": len(left), "readable": len(get_blobs(left))}
    report["findings"] = [finding.code for finding in verify("data")]
    report["new"] = put()
    register_roots("all", lambda: [Reference(blob.digest, "", "") for blob in blobs])
    collected = collect_garbage(dry_run=False, now=timezone.now() + timedelta(days=2))
    report["orphans"] = collected.orphans.files
    report["findings"] += [finding.code for finding in verify("data")]
    report["finally"] = len(get_blobs(blob.digest for blob in blobs))
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1], Path(os.environ["TESSERA_DATA_DIR"]))
