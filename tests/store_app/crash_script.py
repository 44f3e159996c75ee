"""Processes that put blobs, are killed, or check what another one left behind.

Run as `python -m tests.store_app.crash_script`. Each line that it reads is a JSON object of
`verb`, `folder` and `crash_at`, done in a fork, since starting Python and Django for each would
take most of a minute; each line that it writes has `status` (as of `subprocess`) and `output`.
Verbs: `put`, `check`, and after a `put` also `compact`, `collect`, `erase`; every fifth blob is
needed then.
"""

import io
import json
import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone


def configure() -> None:
    settings.configure(
        SECRET_KEY="for a test",
        USE_TZ=True,
        INSTALLED_APPS=["store_app"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "none",
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
                },
            }
        },
        STORAGES={"blobs": {"BACKEND": "django.core.files.storage.FileSystemStorage"}},
    )
    django.setup()


def move_into(folder: Path) -> None:
    """Let this process work in a folder; nothing may have been opened before."""
    connections.databases["default"]["NAME"] = folder / "store.sqlite3"
    settings.STORAGES["blobs"]["OPTIONS"] = {"location": str(folder / "blobs")}
    if not (folder / "store.sqlite3").exists():
        call_command("migrate", verbosity=0)


def upkeep(verb: str, blobs: list[Any]) -> str:
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
    return json.dumps(report)


def act(verb: str) -> str:
    """Do what a verb says; return a report where there is one."""
    from store_app import writing
    from store_app.blobs import get_blobs, put_blobs, put_file
    from store_app.garbage import collect_garbage
    from store_app.models import Blob
    from store_app.roots import Reference, register_roots
    from store_app.verification import verify
    from tests.store_app.builders import many_blobs

    writing.MAX_PACK_OBJECTS = 10
    blobs = many_blobs(25)

    def put() -> int:
        put_file(io.BytesIO(b"photograph"))
        return put_blobs(blobs).new

    if verb == "put":
        put()
        return ""
    if verb != "check":
        register_roots("some", lambda: [Reference(b.digest, "", "") for b in blobs[::5]])
        return upkeep(verb, blobs)
    left = list(Blob.objects.values_list("digest", flat=True))
    report = {"left": len(left), "readable": len(get_blobs(left))}
    report["findings"] = [finding.code for finding in verify("data")]
    report["new"] = put()
    register_roots("all", lambda: [Reference(blob.digest, "", "") for blob in blobs])
    collected = collect_garbage(dry_run=False, now=timezone.now() + timedelta(days=2))
    report["orphans"] = collected.orphans.files
    report["findings"] += [finding.code for finding in verify("data")]
    report["finally"] = len(get_blobs(blob.digest for blob in blobs))
    return json.dumps(report)


def act_in_fork(verb: str, folder: Path, crash_at: str) -> dict[str, Any]:
    """Do what a verb says in a fork, which may be killed at a point."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.environ["TESSERA_CRASH_AT"] = crash_at
        _act_and_exit(verb, folder, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        output = pipe.read()
    return {"status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "output": output}


def _act_and_exit(verb: str, folder: Path, pipe: int) -> NoReturn:
    status = 1
    try:
        move_into(folder)
        os.write(pipe, act(verb).encode())
        status = 0
    except Exception:  # noqa: BLE001  the fork ends here: nobody above would tell of it
        os.write(pipe, traceback.format_exc().encode())
    finally:
        os._exit(status)


def main() -> None:
    configure()
    from store_app import blobs, compaction, erasure, garbage, verification  # noqa: F401  (once)

    for line in sys.stdin:
        order = json.loads(line)
        report = act_in_fork(order["verb"], Path(order["folder"]), order["crash_at"])
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
