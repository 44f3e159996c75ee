"""Ids that a COCO file needs to be unique, decided when all images are known (in the spool).

Images: the id they came with, else the number that their file name is, else a free number.
Annotations: the id they came with or that of the segment, else a free number.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from panoptic.formats.spool import Spool

SCHEMA = """
CREATE TABLE images (
    seq INTEGER PRIMARY KEY, source TEXT, stem INTEGER, raw BLOB);
CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY, image INTEGER, wanted INTEGER, segment INTEGER, source BLOB, raw BLOB);
CREATE TABLE image_ids (seq INTEGER PRIMARY KEY, key TEXT);
CREATE TABLE annotation_ids (seq INTEGER PRIMARY KEY, id INTEGER);
"""

_MAX_STEM_DIGITS = 15


def stem_number(name: str) -> int | None:
    """142238 for `val/000000142238.jpg`; None where the stem is no number."""
    stem = PurePosixPath(name).stem
    if stem.isascii() and stem.isdigit() and len(stem) <= _MAX_STEM_DIGITS:
        return int(stem)
    return None


def number_images(spool: Spool) -> None:
    """Fill `image_ids`; keys are those of `coco_fields.id_key`."""
    once = "SELECT source FROM images GROUP BY source HAVING count(*) = 1"
    spool.execute(f"INSERT INTO image_ids SELECT seq, source FROM images WHERE source IN ({once})")
    spool.execute("CREATE INDEX by_key ON image_ids (key)")
    rest = "FROM images WHERE seq NOT IN (SELECT seq FROM image_ids)"
    unfit = spool.value(f"SELECT count(*) - count(DISTINCT stem) {rest}")
    taken = spool.value(f"SELECT count(*) {rest} AND 'i' || stem IN (SELECT key FROM image_ids)")
    if unfit or taken:
        _number_rest(
            spool,
            "images",
            "image_ids",
            "SELECT CAST(substr(key, 2) AS INTEGER) AS n FROM image_ids WHERE key LIKE 'i%'",
        )
        spool.execute("INSERT INTO image_ids SELECT seq, 'i' || n FROM renumbered")
    else:
        spool.execute(f"INSERT INTO image_ids SELECT seq, 'i' || stem {rest}")


def number_annotations(spool: Spool) -> None:
    """Fill `annotation_ids`: what is wanted once is kept, the others get free numbers.

    Annotations that want none (NULL) get none.
    """
    once = "SELECT wanted FROM annotations GROUP BY wanted HAVING count(*) = 1"
    spool.execute(
        f"INSERT INTO annotation_ids SELECT seq, wanted FROM annotations WHERE wanted IN ({once})"
    )
    taken = "SELECT id AS n FROM annotation_ids"
    _number_rest(spool, "annotations", "annotation_ids", taken, "wanted IS NOT NULL")
    spool.execute("INSERT INTO annotation_ids SELECT seq, n FROM renumbered")


def _number_rest(spool: Spool, table: str, ids: str, taken: str, condition: str = "TRUE") -> None:
    """Give every row of `table` that is not in `ids` a number that is not taken."""
    spool.execute("DROP TABLE IF EXISTS renumbered")
    spool.execute("CREATE TABLE renumbered (seq INTEGER PRIMARY KEY, n INTEGER)")
    rest = spool.iter_rows(
        f"SELECT seq FROM {table} WHERE {condition} AND seq NOT IN (SELECT seq FROM {ids})"
        " ORDER BY seq"
    )
    free = _free_numbers(row[0] for row in spool.iter_rows(f"{taken} ORDER BY n"))
    for (seq,), number in zip(rest, free, strict=False):
        spool.insert("renumbered", (seq, number))


def _free_numbers(taken: Iterator[int]) -> Iterator[int]:
    """The numbers from 1 on that are not among the ascending `taken`."""
    number = 1
    for next_taken in taken:
        while number < next_taken:
            yield number
            number += 1
        number = max(number, next_taken + 1)
    while True:
        yield number
        number += 1
