"""What happened: the versions of a line, and those that changed one image.

A line is a version, its first parent, that one's first parent and so on. A merge stands in
it as one version with all that it brought (RULES 6.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db import connection

from datasets_app.entries import EntryChange, decode_entry
from datasets_app.models import Change, Dataset, Version, VersionParent
from datasets_app.models.version import VersionQuerySet

_LINE = (
    "WITH RECURSIVE line(id, step) AS (SELECT CAST(%s AS bigint), 0 UNION ALL"
    " SELECT p.parent_id, line.step + 1 FROM {links} p"
    " JOIN line ON p.version_id = line.id AND p.position = 0{stop})"
)


class ImageHistory(NamedTuple):
    """A version that changed an image, and how: the change is against its first parent."""

    version: Version
    change: EntryChange


def log(version: Version, *, limit: int, skip_first: bool = False) -> list[Version]:
    """Return up to `limit` versions of the line that ends at `version`, newest first.

    To go on, ask for the log of the last one with `skip_first`. Three queries, and rows in
    proportion to `limit`, however long the history is.
    """
    last_step = limit if skip_first else limit - 1
    with connection.cursor() as cursor:
        cursor.execute(
            _line(" WHERE line.step < %s") + " SELECT id FROM line ORDER BY step",
            [version.pk, last_step],
        )
        keys = [key for (key,) in cursor.fetchall()][int(skip_first) :]
    found = {row.pk: row for row in Version.objects.with_parents().filter(pk__in=keys)}
    return [found[key] for key in keys]


def history(
    dataset: Dataset,
    version: Version,
    image_no: int,
    *,
    limit: int = 100,
    before: int | None = None,
    versions: VersionQuerySet | None = None,
) -> list[ImageHistory]:
    """Return the versions of the line of `version` that changed an image, newest first.

    `before` is the number of the last version seen, to go on; `versions` says what comes with
    each, None is all that `with_parents` brings. Two or three queries: the image's changes come
    from an index, and the line is walked in SQL down to the oldest one.
    """
    if versions is None:
        versions = Version.objects.with_parents()
    changes = connection.ops.quote_name(Change._meta.db_table)
    table = connection.ops.quote_name(Version._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            _line("") + f" SELECT v.id, c.old_entry, c.new_entry FROM {changes} c"
            f" JOIN {table} v ON v.change_set_id = c.change_set_id"
            " JOIN line ON line.id = v.id"
            " WHERE c.dataset_id = %s AND c.image_no = %s AND v.number < %s"
            " ORDER BY v.number DESC LIMIT %s",
            [version.pk, dataset.pk, image_no, before or version.number + 1, limit],
        )
        rows = cursor.fetchall()
    found = {row.pk: row for row in versions.filter(pk__in=[row[0] for row in rows])}
    return [ImageHistory(found[pk], _change(image_no, old, new)) for pk, old, new in rows]


def iter_changes(version: Version, *, after: int = -1, batch: int = 5_000) -> Iterator[EntryChange]:
    """Yield what a version changed against its first parent, by image number; one query a batch.

    For a first version everything is added.
    """
    while True:
        rows = get_changes(version, after=after, limit=batch)
        yield from rows
        if len(rows) < batch:
            return
        after = rows[-1].image_no


def get_changes(version: Version, *, after: int = -1, limit: int) -> Sequence[EntryChange]:
    """Return up to `limit` changes of images above `after`; one query."""
    rows = (
        Change.objects.filter(change_set=version.change_set_id, image_no__gt=after)
        .order_by("image_no")
        .values_list("image_no", "old_entry", "new_entry")[:limit]
    )
    return [_change(*row) for row in rows]


def _line(stop: str) -> str:
    links = connection.ops.quote_name(VersionParent._meta.db_table)
    return _LINE.format(links=links, stop=stop)


def _change(image_no: int, old: bytes | None, new: bytes | None) -> EntryChange:
    return EntryChange(
        image_no,
        None if old is None else decode_entry(bytes(old)),
        None if new is None else decode_entry(bytes(new)),
    )
