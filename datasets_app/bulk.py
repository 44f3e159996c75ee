"""Many rows at once, past the ORM (5 to 10 times faster), on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import connection, models, transaction
from psycopg2.extras import execute_values

ROWS_AT_ONCE = 2_000
KEYS_AT_ONCE = 5_000  # parameters of one statement: SQLite and PostgreSQL take 32,766

T = TypeVar("T")


def insert_rows(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    known: str = "refuse",
) -> None:
    """Insert rows given as tuples of column values, in bounded batches.

    `fields` are attribute names (`dataset_id`). Rows whose key exists are an
    `IntegrityError`; with `known="keep"` they stay as they are, with `known="replace"` the
    other columns are overwritten. Values are as the database takes them: bytes, int, str, None.
    """
    columns = ", ".join(_column(model, field) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    ending = _on_conflict(model, fields, known)
    for batch in batched(rows, ROWS_AT_ONCE):
        # Outside of a transaction SQLite would sync after every row.
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # The wrapper's executemany would send one statement per row.
                execute_values(
                    cursor.cursor,
                    f"INSERT INTO {table} ({columns}) VALUES %s{ending}",
                    batch,
                    page_size=ROWS_AT_ONCE,
                )
            else:
                places = ", ".join(["%s"] * len(fields))
                cursor.executemany(
                    f"INSERT INTO {table} ({columns}) VALUES ({places}){ending}", batch
                )


def select_in(
    model: type[models.Model],
    fields: Sequence[str],
    key: str,
    values: Collection[Any],
    *,
    where: str = "",
    parameters: Sequence[Any] = (),
) -> Iterator[tuple[Any, ...]]:
    """Yield the columns `fields` of the rows whose `key` is among `values`.

    One query per 5,000 values. Binary columns come as the driver gives them: wrap in
    `bytes()`. `where` is SQL that must hold too, with its `parameters`.
    """
    columns = ", ".join(_column(model, field) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    condition = f"{where} AND " if where else ""
    for batch in batched(values, KEYS_AT_ONCE):
        places = ", ".join(["%s"] * len(batch))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM {table} "
                f"WHERE {condition}{_column(model, key)} IN ({places})",
                [*parameters, *batch],
            )
            yield from cursor.fetchall()


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items."""
    stream = iter(items)
    while batch := list(itertools.islice(stream, size)):
        yield batch


def _on_conflict(model: type[models.Model], fields: Sequence[str], known: str) -> str:
    if known == "refuse":
        return ""
    if known == "keep":
        return " ON CONFLICT DO NOTHING"
    keys = [connection.ops.quote_name(field.column) for field in model._meta.pk_fields]
    others = [column for field in fields if (column := _column(model, field)) not in keys]
    updates = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
    return f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {updates}"


def _column(model: type[models.Model], field: str) -> str:
    return connection.ops.quote_name(model._meta.get_field(field).column)
