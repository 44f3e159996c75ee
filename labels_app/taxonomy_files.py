"""Read classes out of a file: a taxonomy as the API gives it, or a label file with classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Never

from labels_app.binding import specs_from_file
from labels_app.class_json import class_from_plain
from labels_app.classes import HIGHEST_CLASS_ID, ClassSpec
from labels_app.errors import InvalidTaxonomy
from labels_app.rules import MOST_RULES
from panoptic.errors import MalformedFile, TooLarge
from panoptic.formats.base import FileClass, ReadOptions
from panoptic.formats.coco.categories import read_categories
from panoptic.formats.coco.fields import SCHEME as COCO
from panoptic.formats.json_stream import iter_arrays
from panoptic.formats.problems import ERROR
from panoptic.formats.problems import ProblemList as Problems
from panoptic.formats.registry import FORMATS, get_format

# The instances of COCO's training photographs take 448 MB.
LARGEST_FILE_BYTES = 512 * 2**20
# A bare list is read at once: 65,535 classes with their texts.
LARGEST_LIST_BYTES = 32 * 2**20
# Formats that can be named where a file does not tell by itself what it is; of those that are
# folders no file has all classes in it.
CLASS_FORMATS = tuple(
    sorted(
        name
        for name, one in FORMATS.items()
        if one.has_classes and one.is_read and one.file_name is not None
    )
)

_MOST = {"classes": HIGHEST_CLASS_ID, "categories": HIGHEST_CLASS_ID, "rules": MOST_RULES}


class TaxonomyFile(NamedTuple):
    """What a file says: classes that are not settled yet, and label rules as JSON has them."""

    classes: tuple[ClassSpec, ...]
    rules: tuple[Any, ...] = ()


def read_taxonomy_file(path: Path, format_name: str = "") -> TaxonomyFile:
    """Return the classes of a file, in its order; labels in it are passed over.

    Without a format it is `{"classes": […], "rules": […]}`, a list of classes, or a COCO file,
    which has `categories`. Files of any size are read in one pass and in constant memory.

    Raises
    ------
    MalformedFile
        It is no JSON, or declares no classes, or declares them in a way that cannot be read.
    InvalidTaxonomy
        A class has a field that is unknown or of another type; every problem is told.
    TooLarge
        The file, or the number of its classes.
    UnknownFormat
        No format has this name.
    """
    size = path.stat().st_size
    if size > LARGEST_FILE_BYTES:
        raise TooLarge("bytes", actual=size, limit=LARGEST_FILE_BYTES)
    if format_name:
        return _read_by_format(path, format_name)
    if _first_byte(path) == b"[":
        return TaxonomyFile(classes_from_plain(_read_list(path, size)))
    found = _read_arrays(path)
    if found["classes"]:
        return TaxonomyFile(classes_from_plain(found["classes"]), tuple(found["rules"]))
    if found["categories"]:
        return TaxonomyFile(_classes_of_categories(found["categories"], path))
    raise MalformedFile("it declares neither classes nor categories", file=path.name)


def classes_from_plain(rows: list[Any]) -> tuple[ClassSpec, ...]:
    """Return the classes that a list of JSON objects describes.

    Raises
    ------
    InvalidTaxonomy
        With a problem for each class that is none.
    """
    classes, problems = [], []
    for position, row in enumerate(rows, 1):
        try:
            classes.append(class_from_plain(row))
        except ValueError as error:
            problems.append(f"class {position}: {error}")
    if problems:
        raise InvalidTaxonomy(problems)
    return tuple(classes)


def _read_by_format(path: Path, name: str) -> TaxonomyFile:
    found = get_format(name)
    if not found.has_classes:
        raise MalformedFile(f"files of the format {name} declare no classes", file=path.name)
    with found.open(path, ReadOptions()) as source:
        # That label files or photographs are missing does not matter here.
        if not source.classes:
            _refuse(source.problems, path, "it declares no classes")
        return TaxonomyFile(_specs(source.classes, source.scheme, path))


def _classes_of_categories(entries: list[Any], path: Path) -> tuple[ClassSpec, ...]:
    problems = Problems()
    classes = read_categories(entries, path.name, problems)
    if any(problem.severity == ERROR for problem in problems.as_tuple()):
        _refuse(problems.as_tuple(), path, "its categories cannot be read")
    return _specs(classes, COCO, path)


def _specs(classes: tuple[FileClass, ...], scheme: str, path: Path) -> tuple[ClassSpec, ...]:
    for file_class in classes:
        _check_texts(file_class, path)
    return specs_from_file(classes, scheme)


def _refuse(problems: tuple[Any, ...], path: Path, reason: str) -> Never:
    errors = [problem.message for problem in problems if problem.severity == ERROR]
    raise MalformedFile(errors[0] if errors else reason, file=path.name)


def _read_arrays(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {name: [] for name in _MOST}
    for name, element in iter_arrays(path, tuple(_MOST)):
        found[name].append(element)
        if len(found[name]) > _MOST[name]:
            raise TooLarge(name, actual=len(found[name]), limit=_MOST[name])
    _check_texts(found, path)
    return found


def _read_list(path: Path, size: int) -> list[Any]:
    if size > LARGEST_LIST_BYTES:
        raise TooLarge("bytes of a list", actual=size, limit=LARGEST_LIST_BYTES)
    try:
        rows = json.loads(path.read_bytes())
    except RecursionError:
        raise MalformedFile("it is nested too deeply", file=path.name) from None
    except ValueError as error:
        raise MalformedFile(f"it is no JSON: {error}", file=path.name) from error
    if len(rows) > HIGHEST_CLASS_ID:
        raise TooLarge("classes", actual=len(rows), limit=HIGHEST_CLASS_ID)
    _check_texts(rows, path)
    return list(rows)


def _first_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1024).lstrip()[:1]


def _check_texts(value: Any, path: Path) -> None:
    """Refuse half of a surrogate pair: no database and no answer could hold it."""
    for text in _iter_texts(value):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise MalformedFile(f"{text!a} is no Unicode text", file=path.name) from None


def _iter_texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
