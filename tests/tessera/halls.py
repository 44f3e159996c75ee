"""A service for all tests of a module, whose rows and bytes its tests can reach, too.

Unlike `copies.room` it lives in the process of the tests, so that they can erase bytes, end leases
and commit without a command. Each test takes datasets of its own, as nothing is rolled back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import modify_settings
from django.test.utils import setup_databases, teardown_databases
from pytest_django.live_server_helper import LiveServer

from datasets_app.actions.datasets import create_dataset
from datasets_app.models import Dataset
from datasets_app.staging import ImageChange
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from people_app.actions.tokens import create_token
from tests.api.builders import CLASSES, person
from tests.api.one_world import one_storage
from tests.datasets_app.builders import commit_to
from tests.tessera.copies import Desk

_numbers = itertools.count(1)


class Hall(NamedTuple):
    """A service, a token of ada, who is the admin of all, and a folder for files."""

    url: str
    secret: str
    folder: Path

    def dataset(
        self, changes: Iterable[ImageChange] = (), classes: Iterable[ClassSpec] = CLASSES
    ) -> Dataset:
        """Make a dataset of its own; without changes it has no version."""
        slug, ada = f"place-{next(_numbers)}", person("ada")
        taxonomy = create_taxonomy(slug=f"{slug}-classes", classes=classes, actor=ada).taxonomy
        dataset = create_dataset(slug=slug, taxonomy=taxonomy, actor=ada)
        drawn = list(changes)
        if drawn:
            commit_to(dataset, drawn, author=ada)
        return dataset


class Sitting(NamedTuple):
    """The hall as one test uses it: `sit("streets")` clones a dataset and returns the desk."""

    hall: Hall
    outside: Desk
    sit: Callable[..., Desk]


@pytest.fixture(scope="module")
def hall(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Hall]:
    """A service in a thread, and the database it uses, emptied when the module is done."""
    folder = tmp_path_factory.mktemp("hall")
    with (
        one_storage(folder / "blobs"),
        modify_settings(ALLOWED_HOSTS={"append": "localhost"}),
        django_db_blocker.unblock(),
        _tables(),
    ):
        server = LiveServer("localhost")
        try:
            made = create_token(user=person("ada"), name="desk", actor=person("ada"))
            yield Hall(server.url, made.secret, folder)
        finally:
            server.stop()
            call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def sitting(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Sitting:
    """Signed in at the hall; caches are of each test alone."""
    monkeypatch.setenv("TESSERA_CONFIG_DIR", str(hall.folder / "config"))
    monkeypatch.setenv("TESSERA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TESSERA_TOKEN", "")
    monkeypatch.setenv("TESSERA_URL", "")
    outside = Desk(tmp_path, capsys, monkeypatch.chdir)
    if not (hall.folder / "config").exists():
        outside.ok("login", hall.url, "--token", hall.secret)

    def sit(slug: str, folder: str = "one", *options: str) -> Desk:
        desk = Desk(tmp_path / folder, capsys, monkeypatch.chdir)
        outside.ok("clone", slug, str(desk.folder), *options)
        return desk

    return Sitting(hall, outside, sit)


@contextmanager
def _tables() -> Iterator[None]:
    """Make the database where no test of the session asked for one by its mark."""
    if connection.introspection.table_names():
        yield
        return
    made = setup_databases(verbosity=0, interactive=False, aliases=["default"])
    try:
        yield
    finally:
        connections.close_all()
        teardown_databases(made, verbosity=0)
