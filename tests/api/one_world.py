"""One world for all tests of a module: made once, and each test is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import override_settings

from tests.api.builders import World, build_world


@contextmanager
def one_storage(folder: Path) -> Iterator[None]:
    """Keep blobs in one folder, as there is one world."""
    blobs = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(folder)},
    }
    with override_settings(STORAGES={**settings.STORAGES, "blobs": blobs}):
        yield


@contextmanager
def one_world(blocker: Any) -> Iterator[World]:
    """Give the private dataset "streets", and "parks", which is public, until the block ends."""
    with blocker.unblock(), transaction.atomic():
        world = build_world()
        build_world("parks", "public")
        yield world
        transaction.set_rollback(True)


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what the block writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def one_connection() -> Iterator[None]:
    """Let requests to the WSGI application leave the connection, and its transaction, open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
