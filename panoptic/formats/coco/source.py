"""One pass over a COCO file: images and their annotations, grouped through a spool on disk.

Annotations come in any order, categories often last, and a file may be larger than memory. The
spool says where in the file each entry stands, from where its text is read again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import MalformedFile
from panoptic.formats.base import Kind, Source
from panoptic.formats.coco.categories import kinds_are_missing, read_categories
from panoptic.formats.coco.fields import SCHEME, id_key
from panoptic.formats.json_stream import Element, Watch, iter_elements
from panoptic.formats.paths import InvalidName, normal_name, open_file
from panoptic.formats.problems import Problem, ProblemList, list_some, warn
from panoptic.formats.spool import Spool

_SCHEMA = """
CREATE TABLE images (
    seq INTEGER PRIMARY KEY, key TEXT, name TEXT, start INTEGER, size INTEGER);
CREATE TABLE annotations (
    seq INTEGER PRIMARY KEY, image TEXT, key TEXT, start INTEGER, size INTEGER);
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

    @property
    def size_bytes(self) -> int:
        """Of the text that it carries."""
        return len(self.image) + sum(map(len, self.annotations))


CheckScan = Callable[[Spool, str, ProblemList], None]


class CocoSource(Source):
    """A scanned COCO file.

    folder : of the label files, handed to every item
    name_of_image : the image's `file_name`, or another name for an entry without one
    check : what a format demands of all annotations together
    watch : is told how many bytes of the file were scanned
    default_kind : of classes where no category says isthing
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
        watch: Watch | None = None,
        default_kind: Kind = "thing",
    ) -> None:
        self._path, self._folder = path, folder
        # Open to the end: a file that is put in its place meanwhile changes nothing.
        self._file = open_file(path)
        self._state = self._state_of_file()
        self._found = ProblemList()
        self._spool = Spool(_SCHEMA)
        if folder is not None and not folder.is_dir():
            message = f"there is no folder {folder} of label files; name it by the option labels"
            self._error("missing_folder", message)
        try:
            categories = self._scan(name_from_annotation, watch)
            self.classes = read_categories(categories, path.name, self._found, default_kind)
            if needs_kinds and self.classes and kinds_are_missing(categories):
                message = "no category says isthing; all are read as things"
                self._warn("missing_isthing", message)
            self._check_images()
            if check is not None:
                check(self._spool, path.name, self._found)
        except BaseException:
            self.close()
            raise
        self.count = self._spool.value("SELECT count(*) FROM images WHERE name > ''")
        self.problems = self._found.as_tuple()

    def iter_items(self) -> Iterator[CocoItem]:
        rows = self._spool.iter_rows(
            "SELECT i.seq, i.name, i.start, i.size, a.start, a.size FROM images i"
            " LEFT JOIN annotations a ON a.image = i.key"
            " WHERE i.name > '' ORDER BY i.seq, a.seq"
        )
        folder = "" if self._folder is None else str(self._folder)
        for _, group in groupby(rows, key=itemgetter(0)):
            if self._state_of_file() != self._state:
                raise MalformedFile("the file was changed while it was read", file=self._path.name)
            of_image = list(group)
            _, name, *image, _, _ = of_image[0]
            annotations = tuple(
                self._text(start, size) for *_, start, size in of_image if start is not None
            )
            yield CocoItem(name, self._path.name, self._text(*image), annotations, folder)

    def close(self) -> None:
        self._file.close()
        self._spool.close()

    def _state_of_file(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns

    def _text(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)

    def _scan(self, name_from_annotation: bool, watch: Watch | None) -> list[Any]:
        categories = []
        numbers = {"images": 0, "annotations": 0, "categories": 0}
        for element in iter_elements(self._path, tuple(numbers), watch):
            array = element.array
            numbers[array] += 1
            if array == "images":
                self._add_image(numbers[array], element, name_from_annotation)
            elif array == "annotations":
                self._add_annotation(numbers[array], element)
            else:
                categories.append(element.value)
        self._spool.execute("CREATE INDEX by_image ON annotations (image, seq)")
        if name_from_annotation:
            self._name_by_annotations()
        return categories

    def _add_image(self, number: int, element: Element, name_from_annotation: bool) -> None:
        entry = element.value
        key = id_key(entry.get("id")) if isinstance(entry, dict) else None
        if key is None:
            self._error("invalid_image", f"image {number} of the file has no id, a number or text")
            return
        name = None
        if entry.get("file_name") is not None or not name_from_annotation:
            name = self._checked_name(entry.get("file_name"), entry["id"])
        self._spool.insert("images", (number, key, name, element.start, element.size))

    def _checked_name(self, text: Any, image_id: Any) -> str:
        if text is None:
            self._error("invalid_name", f"image {image_id!r} has no file_name")
            return ""
        try:
            return normal_name(text)
        except InvalidName as error:
            self._error(error.code, f"image {image_id!r}: {error.reason}")
            return ""

    def _add_annotation(self, number: int, element: Element) -> None:
        entry = element.value
        image = id_key(entry.get("image_id")) if isinstance(entry, dict) else None
        if image is None:
            message = f"annotation {number} of the file has no image_id, a number or text"
            self._error("invalid_annotation", message)
            return
        key = id_key(entry.get("id"))
        self._spool.insert("annotations", (number, image, key, element.start, element.size))

    def _name_by_annotations(self) -> None:
        """Images without a file_name take the one of their label file."""
        unnamed = (
            "SELECT i.seq, i.key, a.start, a.size FROM images i"
            " LEFT JOIN annotations a ON a.image = i.key"
            " WHERE i.name IS NULL AND i.seq > ? ORDER BY i.seq, a.seq LIMIT 1"
        )
        last = 0
        while row := next(self._spool.iter_rows(unnamed, [last]), None):
            last, key, start, size = row
            text = json.loads(self._text(start, size)).get("file_name") if size else None
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
        self._found.add(warn(code, message, file=self._path.name))
