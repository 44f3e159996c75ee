"""The service as it runs in production, on SQLite files of a temporary folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command
from django.db import connections


class Service:
    """Sets up Django and makes databases that are migrated and hold one user and taxonomy.

    Every database is a file with a connection that stays open: several of them can take turns
    without one's size being felt in another's indexes.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._open: list[Any] = []
        os.environ["TESSERA_DATA_DIR"] = str(folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        for name in ("DATABASE_URL", "TESSERA_STORAGE_URL"):
            os.environ.pop(name, None)  # never somebody's own data
        django.setup()
        call_command("migrate", verbosity=0)
        _make_basics()
        with connections["default"].cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connections["default"].close()

    def new_database(self, name: str) -> Any:
        """Return the connection of a new database; see `using`."""
        wrapper = connections["default"]
        path = self._folder / f"{name}.sqlite3"
        shutil.copyfile(self._folder / "tessera.sqlite3", path)
        settings = {**wrapper.settings_dict, "NAME": path, "CONN_MAX_AGE": None}
        new = type(wrapper)(settings, "default")
        self._open.append(new)
        return new

    @contextmanager
    def using(self, database: Any) -> Iterator[None]:
        """Let all queries go to a database within the block."""
        before = connections["default"]
        connections["default"] = database
        try:
            yield
        finally:
            connections["default"] = before

    def close(self) -> None:
        """Close all databases; their folder can be removed then."""
        for database in self._open:
            database.close()
        connections.close_all()


def the_user() -> Any:
    """Return the one user of every database."""
    from people_app.models import User

    return User.objects.get(username="bench")


def the_taxonomy() -> Any:
    """Return the version of the sample's taxonomy; COCO ids are the class ids."""
    from labels_app.models import TaxonomyVersion

    return TaxonomyVersion.objects.select_related("taxonomy").get(number=1)


def _make_basics() -> None:
    from datasets_app.sample.taxonomy import sample_classes
    from labels_app.actions.taxonomies import create_taxonomy
    from labels_app.classes import ClassSpec
    from people_app.models import User

    classes = [
        ClassSpec(
            name=sample.name,
            kind=sample.kind,
            class_id=sample.class_id,
            color=sample.color,
            external={"coco": sample.class_id},
        )
        for sample in sample_classes()
    ]
    user = User.objects.create(username="bench")
    create_taxonomy(slug="scenes", title="Scenes", classes=classes, actor=user, message="")
