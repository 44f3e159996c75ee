"""Which tables a backup has, and how a row is written as a line of JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models
from django.db.migrations.recorder import MigrationRecorder

from datasets_app.bulk import insert_rows
from store_app.fields import DigestField
from store_app.models import Pack

# What is only good where and while it was made.
_LEFT_OUT = frozenset(
    {
        "sessions.session",
        "people_app.browsersession",
        "people_app.signincount",
        "store_app.lease",
        "store_app.upload",
        "store_app.uploadpart",
        "store_app.condemnedrow",
        "store_app.verification",
        "datasets_app.worker",
        "datasets_app.jobline",
    }
)
# Filled by `migrate` itself; a restore replaces them.
MADE_BY_MIGRATE = ("contenttypes.contenttype", "auth.permission")

_ROWS_AT_ONCE = 2_000


def backed_up_models() -> list[type[models.Model]]:
    """Return all models with a table, of all apps, each after those that it refers to."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and label_of(model) not in _LEFT_OUT
    ]
    ordered: dict[type[models.Model], None] = {}
    for model in sorted(found, key=label_of):
        _place(model, frozenset(found), ordered, set())
    return list(ordered)


def label_of(model: type[models.Model]) -> str:
    """Return how a backup calls the table of a model: `datasets_app.version`."""
    return model._meta.label_lower


def applied_migrations() -> list[str]:
    """Return the migrations of this database, as `app.name`, sorted."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied)


def columns_of(model: type[models.Model]) -> list[str]:
    """Return the names of the columns as a backup has them."""
    return [field.attname for field in _fields(model)]


def rows_of(model: type[models.Model]) -> models.QuerySet[Any]:
    """Return the rows of a table that go into a backup, by primary key."""
    rows = model._base_manager.order_by("pk")
    # Tombstones of deleted files mean something to the writers of this storage alone.
    return rows.filter(state=Pack.State.ACTIVE) if model is Pack else rows


def encode_rows(model: type[models.Model]) -> Iterator[bytes]:
    """Yield the lines of a table: each row a JSON array of its columns."""
    fields = _fields(model)
    rows = rows_of(model).values_list(*columns_of(model))
    for row in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        values = [_encode(field, value) for field, value in zip(fields, row, strict=True)]
        yield json.dumps(values, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_row(model: type[models.Model], line: bytes) -> list[Any]:
    """Return the values of a line as Python has them; ValueError where it is no such row."""
    fields = _fields(model)
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != len(fields):
        raise ValueError(f"not a row of {len(fields)} columns")
    return [_decode(field, value) for field, value in zip(fields, values, strict=True)]


def insert_decoded(model: type[models.Model], rows: Iterable[list[Any]]) -> None:
    """Insert rows as they are: no default, no automatic time and no signal changes them."""
    fields = _fields(model)
    prepared = (
        tuple(_prepare(field, value) for field, value in zip(fields, row, strict=True))
        for row in rows
    )
    insert_rows(model, columns_of(model), prepared)


def _fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return list(model._meta.local_concrete_fields)


def _place(
    model: type[models.Model],
    among: frozenset[type[models.Model]],
    ordered: dict[type[models.Model], None],
    above: set[type[models.Model]],
) -> None:
    """Put a model behind those that it refers to; constraints are deferred, so circles may be."""
    if model in ordered or model in above:
        return
    for field in _fields(model):
        if field.related_model in among:
            _place(field.related_model, among, ordered, above | {model})
    ordered[model] = None


def _encode(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        is_digest = isinstance(_target(field), DigestField)
        return data.hex() if is_digest else base64.b64encode(data).decode()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, (UUID, Decimal)) else value


def _decode(field: models.Field[Any, Any], value: Any) -> Any:
    target = _target(field)
    if value is None or isinstance(target, models.JSONField):
        return value
    if isinstance(target, DigestField):
        return bytes.fromhex(value)
    if isinstance(target, models.BinaryField):
        return base64.b64decode(value, validate=True)
    return target.to_python(value)


def _prepare(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(field, models.JSONField) and value is None and not field.null:
        value = models.Value(None, models.JSONField())  # the null of JSON, not that of SQL
    return field.get_db_prep_save(value, connection)


def _target(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    """Return the field whose values a foreign key holds."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field
