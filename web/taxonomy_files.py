"""Classes out of what somebody uploads: a list of classes, or a label file that declares some."""

from __future__ import annotations

from typing import Any, BinaryIO

import ijson

from labels_app.binding import specs_from_file
from labels_app.class_json import class_to_plain
from labels_app.errors import InvalidTaxonomy
from panoptic.formats.coco.categories import read_categories
from panoptic.formats.problems import ProblemList

# As many as a taxonomy has in its life; nobody means a longer list.
_MOST_CLASSES = 65_535
_PLACES = (("item", False), ("classes.item", False), ("categories.item", True))


def read_classes(file: BinaryIO, name: str) -> list[Any]:
    """Return the classes of a JSON file, as JSON has them.

    It is a list of classes, an object with `classes`, or a COCO file: of that one only the
    `categories` are kept, however long it is.

    Raises
    ------
    InvalidTaxonomy
        It is no JSON, or holds no classes.
    """
    for prefix, is_coco in _PLACES:
        file.seek(0)
        rows = _items(file, prefix, name)
        if rows:
            return _of_categories(rows, name) if is_coco else rows
    raise InvalidTaxonomy([f"{name} holds neither classes nor categories"])


def _items(file: BinaryIO, prefix: str, name: str) -> list[Any]:
    rows: list[Any] = []
    try:
        for row in ijson.items(file, prefix, use_float=True):
            rows.append(row)
            if len(rows) > _MOST_CLASSES:
                raise InvalidTaxonomy([f"{name} holds more than {_MOST_CLASSES:,} classes"])
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise InvalidTaxonomy([f"{name} is no JSON file: {error}"]) from error
    return rows


def _of_categories(rows: list[Any], name: str) -> list[Any]:
    problems = ProblemList()
    found = read_categories(rows, name, problems)
    errors = [problem.message for problem in problems.as_tuple() if problem.severity == "error"]
    if errors:
        raise InvalidTaxonomy(errors)
    plain = [class_to_plain(spec) for spec in specs_from_file(found, "coco")]
    return [{key: value for key, value in row.items() if key != "id"} for row in plain]
