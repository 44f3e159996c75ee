"""Id maps, read: one picture of numbers for each image, PNG or TIFF, and tables of what they mean.

A grey or palette PNG of 8 or 16 bits and a TIFF of 8, 16 or 32 hold the numbers themselves, an
RGB PNG holds R + 256 G + 65536 B; 0 is void. Nothing is ever squeezed into 8 bits. Real numbers,
and pictures with transparency, are refused.

`meaning` says what the numbers are. `instances`: ids of segments, whose classes
`segments.csv` tells (see `id_maps_tables`); without it every segment is a thing of the class
that `ReadOptions.class_name` names. Ids of 2^24 and more get the lowest free ones and keep what
they were as the attribute `source_id`. `classes`: ids of classes, by `classes.csv` or the table
that `ReadOptions.classes` names; a stuff class is one segment, a thing class one crowd. `auto`:
classes where there is `classes.csv` and no `segments.csv`, else instances.

Maps lie in `labels/`, `masks/` or, if there is neither, anywhere below the folder except
`images/`, where the photographs are; `ReadOptions.labels` and `images` name other folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, FileClass, Found, LabelledImage, Option, ReadOptions
from panoptic.formats.coded_maps import numbers_of
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.id_maps.labels import (
    IdRow,
    compare_ids,
    label_of_classes,
    label_of_instances,
    read_map,
)
from panoptic.formats.id_maps.tables import (
    CLASSES,
    SEGMENTS,
    has_columns,
    iter_segment_rows,
    read_classes,
)
from panoptic.formats.instance_masks.reader import DEFAULT_CLASS
from panoptic.formats.paths import InvalidName, find_photo_of_stem, iter_files
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, list_some, problem_of
from panoptic.formats.spool import Spool
from panoptic.value_maps import TIFF_SUFFIXES

MEANING = Option(
    "meaning",
    "what the numbers are: ids of segments, or of classes; auto: by the tables beside them",
    ("auto", "instances", "classes"),
)
LABELS, PHOTOS = "labels", "images"
MAP_SUFFIXES = (".png", *TIFF_SUFFIXES)


class _Folders(NamedTuple):
    """Where maps, photographs and tables are; a table that is not there is None."""

    maps: Path
    photos: Path
    segments: Path | None
    classes: Path | None


def recognise_ids(path: Path) -> Iterator[Found]:
    """A folder of maps with one of the two tables."""
    for folder in [path, *sorted(path.glob("*/"))]:
        where = _find_folders(folder, ReadOptions())
        is_segments = where.segments and has_columns(where.segments, ("file", "id", "class"))
        is_classes = where.classes and has_columns(where.classes, ("id", "name"))
        table = where.segments if is_segments else where.classes if is_classes else None
        if table and (first := next(_iter_maps(where), "")):
            maps = (where.maps / first).relative_to(folder).as_posix()
            yield Found(folder, f"{maps} beside {table.name}")
            return


def open_ids(path: Path, options: ReadOptions) -> TreeSource:
    """List the maps of a folder, or the one map that is a file; only tables are opened."""
    where = _find_folders(path, options)
    problems: list[Problem] = []
    classes: tuple[FileClass, ...] = ()
    if not path.exists():
        problems.append(Problem("missing_folder", f"there is no {path.name}", path.name))
    rows = Spool("CREATE TABLE rows (file TEXT, number INTEGER, class TEXT, crowd INTEGER);")
    try:
        try:
            classes = _scan_tables(where, options, rows)
        except MalformedFile as error:
            problems.append(problem_of(error))
        problems += _check_rows(where, rows)
        return TreeSource(
            path,
            classes=classes,
            scheme="",
            items=_iter_items(where, options, rows),
            problems=problems,
            wanted="id maps (PNG or TIFF)",
        )
    finally:
        rows.close()


def read_ids_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one map; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def _find_folders(path: Path, options: ReadOptions) -> _Folders:
    root = path.parent if path.is_file() else path
    inner = (root / name for name in (LABELS, "masks"))
    maps = path if path.is_file() else next(filter(Path.is_dir, inner), root)
    segments, classes = root / SEGMENTS, root / CLASSES
    return _Folders(
        options.labels or maps,
        options.images or root / PHOTOS,
        segments if segments.is_file() else None,
        options.classes or (classes if classes.is_file() else None),
    )


def _iter_maps(where: _Folders) -> Iterator[str]:
    """The paths of the maps below their folder."""
    if where.maps.is_file():
        yield where.maps.name
        return
    is_among_maps = where.photos.parent == where.maps
    for name in iter_files(where.maps, MAP_SUFFIXES):
        if not (is_among_maps and name.startswith(f"{where.photos.name}/")):
            yield name


def _scan_tables(where: _Folders, options: ReadOptions, rows: Spool) -> tuple[FileClass, ...]:
    """Keep the rows of the segments; returns the classes there are."""
    numbered = read_classes(where.classes) if where.classes else ()
    known = {each.name: each.as_file_class() for each in numbered if each.kind is not None}
    if _meaning(where, options) == "classes":
        if not where.classes:
            reason = f"there is no {CLASSES} that says which numbers are classes; name such a table"
            raise MalformedFile(f"{reason} as the file of classes", file=CLASSES)
        return tuple(known.values())
    if where.segments is None:
        name = options.class_name or DEFAULT_CLASS
        return (known.get(name, FileClass(name, name, "thing")),)
    names: set[str] = set()
    for row in iter_segment_rows(where.segments):
        names.add(row.class_name)
        rows.insert("rows", row)
    rows.execute("CREATE INDEX by_file ON rows (file, number)")
    return tuple(known.get(name, FileClass(name, name, "thing")) for name in sorted(names))


def _meaning(where: _Folders, options: ReadOptions) -> str:
    """`instances` or `classes`."""
    meaning = MEANING.value_in(options.values)
    if meaning == "auto":
        return "classes" if where.classes is not None and where.segments is None else "instances"
    return meaning


def _check_rows(where: _Folders, rows: Spool) -> list[Problem]:
    """Errors for maps that the table of segments names and that are not there, and for ids that
    come twice."""
    if where.maps.is_file() or not rows.value("SELECT 1 FROM rows"):
        return []
    problems = []
    maps = set(_iter_maps(where))
    named = rows.iter_rows("SELECT DISTINCT file FROM rows ORDER BY file")
    if missing := [name for (name,) in named if name not in maps]:
        message = f"it names {len(missing)} maps that are not there: {list_some(missing)}"
        problems.append(Problem("missing_file", message, SEGMENTS))
    twice = "SELECT file, number FROM rows GROUP BY file, number HAVING count(*) > 1"
    if found := [f"{number} of {file}" for file, number in rows.iter_rows(twice)]:
        message = f"ids that it names more than once: {list_some(found)}"
        problems.append(Problem("duplicate_id", message, SEGMENTS))
    return problems


def _iter_items(where: _Folders, options: ReadOptions, rows: Spool) -> Iterator[TreeItem]:
    meaning = _meaning(where, options)
    facts: dict[str, Any] = {"class": options.class_name or DEFAULT_CLASS}
    if meaning == "classes":
        facts = {"classes": str(where.classes or "")}
    root = where.maps.parent if where.maps.is_file() else where.maps
    for path in _iter_maps(where):
        stem = path[: path.rindex(".")]
        photo = None
        # A name that is refused goes on without a look at anything; the source reports it.
        with suppress(InvalidName):
            photo = find_photo_of_stem(where.photos, stem)
            if meaning == "instances" and where.segments is not None:
                query = "SELECT number, class, crowd FROM rows WHERE file = ? ORDER BY number"
                facts = {"rows": list(rows.iter_rows(query, (path,)))}
        yield TreeItem(
            photo.relative_to(where.photos).as_posix() if photo else f"{stem}.png",
            {"map": str(root / path)},
            str(photo) if photo and options.images is None else "",
            None,
            facts,
        )


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    path = Path(item.files["map"])
    runs = read_map(path)
    if "classes" in item.facts:
        return label_of_classes(runs, Path(item.facts["classes"]), path.name, binding)
    ids = [number for number in numbers_of(runs) if number]
    if "class" in item.facts:
        rows = {number: IdRow(item.facts["class"], False) for number in ids}
    else:
        rows = {number: IdRow(name, bool(crowd)) for number, name, crowd in item.facts["rows"]}
        if problems := compare_ids(set(ids), rows, path.name):
            return Reading(None, tuple(problems))
    return label_of_instances(runs, rows, binding)
