"""One pass over a COCO file: images and their annotations, grouped through a spool on disk.

Annotations come in any order, categories often last, and a file may be larger than memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.formats.base import WARNING, Problem, ProblemList, Source, list_some
from panoptic.formats.coco_categories import kinds_are_missing, read_categories
from panoptic.formats.coco_fields import SCHEME, id_key
from panoptic.formats.json_stream import encode_json, iter_arrays
from panoptic.formats.paths import InvalidName, normal_name
from panoptic.formats.spool import Spool

_SCHEMA = """
CREATE TABLE images (
    seq INTEGER PRIMARY KEY, key TEXT, name TEXT, raw BLOB);
CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY, image TEXT, key TEXT, raw BLOB);
"""

# An image whose name is '' was refused and is no item. Where two claim one id or one name the
# first keeps it: items must have distinct names.
_FIRST_OF = "SELECT min(seq) FROM images WHERE name > '' GROUP BY {column}"


class CocoItem(NamedTuple):
    """An image with its raw annotations, as JSON text; `folder` is that of the label files."""

    name: str
    file: str
    image: bytes
    annotations: tuple[bytes, ...]
    folder: str = ""


CheckScan = Callable[[Spool, str, ProblemList], None]


class CocoSource(Source):
    """A scanned COCO file.

    folder : of the label files, handed to every item
    name_of_image : the image's `file_name`, or another name for an entry without one
    check : what a format demands of all annotations together
    """

    scheme = SCHEME

    def __init__(
        self,
        path: Path,
        *,
        folder: Path | None = None,
        needs_kinds: bool = False,
        name_from_annotation: bool = False,
        check: CheckScan | None = None,
    ) -> None:
        self._path, self._folder = path, folder
        self._found = ProblemList()
        self._spool = Spool(_SCHEMA)
        if folder is not None and not folder.is_dir():
            message = f"there is no folder {folder} of label files; name it by the option labels"
            self._error("missing_folder", message)
        try:
            categories = self._scan(name_from_annotation)
            self.classes = read_categories(categories, path.name, self._found)
            if needs_kinds and self.classes and kinds_are_missing(categories):
                message = "no category says isthing; all are read as things"
                self._warn("missing_isthing", message)
            self._check_images()
            if check is not None:
                check(self._spool, path.name, self._found)
        except BaseException:
            self._spool.close()
            raise
        self.count = self._spool.value("SELECT count(*) FROM images WHERE name > ''")
        self.problems = self._found.as_tuple()

    def iter_items(self) -> Iterator[CocoItem]:
        rows = self._spool.iter_rows(
            "SELECT i.seq, i.name, i.raw, a.raw FROM images i"
            " LEFT JOIN annotations a ON a.image = i.key"
            " WHERE i.name > '' ORDER BY i.seq, a.seq"
        )
        folder = "" if self._folder is None else str(self._folder)
        for _, group in groupby(rows, key=itemgetter(0)):
            of_image = list(group)
            _, name, image, _ = of_image[0]
            annotations = tuple(raw for *_, raw in of_image if raw is not None)
            yield CocoItem(name, self._path.name, image, annotations, folder)

    def close(self) -> None:
        self._spool.close()

    def _scan(self, name_from_annotation: bool) -> list[Any]:
        categories = []
        numbers = {"images": 0, "annotations": 0, "categories": 0}
        for array, entry in iter_arrays(self._path, tuple(numbers)):
            numbers[array] += 1
            if array == "images":
                self._add_image(numbers[array], entry, name_from_annotation)
            elif array == "annotations":
                self._add_annotation(numbers[array], entry)
            else:
                categories.append(entry)
        self._spool.execute("CREATE INDEX by_image ON annotations (image, seq)")
        if name_from_annotation:
            self._name_by_annotations()
        return categories

    def _add_image(self, number: int, entry: Any, name_from_annotation: bool) -> None:
        key = id_key(entry.get("id")) if isinstance(entry, dict) else None
        if key is None:
            self._error("invalid_image", f"image {number} of the file has no id, a number or text")
            return
        name = None
        if entry.get("file_name") is not None or not name_from_annotation:
            name = self._checked_name(entry.get("file_name"), entry["id"])
        self._spool.insert("images", (number, key, name, encode_json(entry)))

    def _checked_name(self, text: Any, image_id: Any) -> str:
        if text is None:
            self._error("invalid_name", f"image {image_id!r} has no file_name")
            return ""
        try:
            return normal_name(text)
        except InvalidName as error:
            self._error(error.code, f"image {image_id!r}: {error.reason}")
            return ""

    def _add_annotation(self, number: int, entry: Any) -> None:
        image = id_key(entry.get("image_id")) if isinstance(entry, dict) else None
        if image is None:
            message = f"annotation {number} of the file has no image_id, a number or text"
            self._error("invalid_annotation", message)
            return
        key = id_key(entry.get("id"))
        self._spool.insert("annotations", (number, image, key, encode_json(entry)))

    def _name_by_annotations(self) -> None:
        """Images without a file_name take the one of their label file."""
        unnamed = (
            "SELECT i.seq, i.key, a.raw FROM images i LEFT JOIN annotations a ON a.image = i.key"
            " WHERE i.name IS NULL AND i.seq > ? ORDER BY i.seq, a.seq LIMIT 1"
        )
        last = 0
        while row := next(self._spool.iter_rows(unnamed, [last]), None):
            last, key, raw = row
            text = json.loads(raw).get("file_name") if raw else None
            name = self._checked_name(text, key[1:])
            self._spool.execute("UPDATE images SET name = ? WHERE seq = ?", (name, last))

    def _check_images(self) -> None:
        for column, code, what in (
            ("key", "duplicate_image_id", "image id"),
            ("name", "duplicate_name", "file_name"),
        ):
            twice = self._spool.iter_rows(
                f"SELECT {column}, count(*) FROM images WHERE name > ''"
                f" GROUP BY {column} HAVING count(*) > 1 ORDER BY min(seq)"
            )
            for value, times in twice:
                shown = repr(value[1:] if column == "key" else value)
                message = f"{times} images have the {what} {shown}"
                name = value if column == "name" else ""
                self._found.add(Problem(code, message, self._path.name, name))
            self._spool.execute(
                f"UPDATE images SET name = '' WHERE seq NOT IN ({_FIRST_OF.format(column=column)})"
            )
        self._check_strangers()
        if not self._spool.value("SELECT count(*) FROM images"):
            self._error("no_images", "the file names no images")

    def _check_strangers(self) -> None:
        strangers = "FROM annotations WHERE image NOT IN (SELECT key FROM images)"
        count = self._spool.value(f"SELECT count(DISTINCT image) {strangers}")
        if not count:
            return
        rows = self._spool.iter_rows(f"SELECT DISTINCT image {strangers} ORDER BY seq LIMIT 11")
        keys = [row[0] for row in rows]
        shown = [repr(key[1:]) if key[0] == "s" else key[1:] for key in keys]
        message = f"annotations of {count} images that are not in images: {list_some(shown)}"
        other = [f"{'i' if key[0] == 's' else 's'}{key[1:]}" for key in keys]
        places = ",".join("?" * len(other))
        if self._spool.value(f"SELECT count(*) FROM images WHERE key IN ({places})", other):
            message += " (the ids are text in one place and numbers in the other)"
        self._error("unknown_image", message)

    def _error(self, code: str, message: str) -> None:
        self._found.add(Problem(code, message, self._path.name))

    def _warn(self, code: str, message: str) -> None:
        self._found.add(Problem(code, message, self._path.name, severity=WARNING))
