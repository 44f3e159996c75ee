"""Pixel maps, read: PNGs of 8 or 16 bits at any depth of a folder, and `pixelmaps.json`.

The table is trusted where there is one; without it the options must say the convention and the
categories: nothing is guessed. A stuff class is one segment; what a thing class covers is one
crowd. An image is called by the path of its map with the suffix of the photograph, where one is
found in the folder of the option `images`, else with `.jpg`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from panoptic.errors import PanopticError
from panoptic.formats.base import (
    Binding,
    BoundClass,
    FileClass,
    Found,
    LabelledImage,
    Option,
    ReadOptions,
)
from panoptic.formats.coco.fields import SCHEME
from panoptic.formats.coded_maps import (
    VOID,
    label_from_classes,
    numbers_of,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.paths import find_photo_of_stem, iter_files, photo_stem
from panoptic.formats.photos import Photo
from panoptic.formats.pixelmaps.table import (
    READ_CONVENTION,
    TABLE,
    THINGS,
    PixelTable,
    load_table,
)
from panoptic.formats.problems import Problem, problem_of, warn
from panoptic.png_read import read_index_runs

MAP_SUFFIX, USUAL_SUFFIX = ".png", ".jpg"
THINGS_ARE = Option(
    "things",
    "what 0 is in the convention detectron2, which does not say which thing: a class `things`, or"
    " void",
    ("class", "void"),
)


def recognise_pixelmaps(path: Path) -> Iterator[Found]:
    """Folders with `pixelmaps.json`: without it nothing tells a pixel map from other PNGs."""
    if path.name == TABLE:
        path = path.parent
    for table in sorted([*path.glob(TABLE), *path.glob(f"*/{TABLE}")]):
        if table.is_file():
            yield Found(table.parent, f"{TABLE} says what the values of pixels are")


def open_pixelmaps(path: Path, options: ReadOptions) -> TreeSource:
    """List the maps; the table is the only file that is opened."""
    table = _find_table(path)
    problems: list[Problem] = []
    try:
        loaded = load_table(table, options)
    except PanopticError as error:
        problems.append(problem_of(error, file=path.name))
        return TreeSource(path, classes=(), scheme=SCHEME, items=(), problems=problems)
    chosen = READ_CONVENTION.value_in(options.values)
    if chosen not in ("table", loaded.convention):
        message = f"the table says {loaded.convention}: that is read, not {chosen} as chosen"
        problems.append(warn("ignored_option", message, file=TABLE))
    classes: dict[FileClass, None] = dict.fromkeys(loaded.values.values())
    if THINGS_ARE.value_in(options.values) == "void":
        classes.pop(THINGS, None)
    return TreeSource(
        path,
        classes=classes,
        scheme=loaded.scheme,
        items=_iter_items(path, table, loaded, options.images),
        problems=problems,
        wanted=f"files *{MAP_SUFFIX}",
    )


def read_pixelmap(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding, options))


def _read(item: TreeItem, binding: Binding, options: ReadOptions, photo: Photo) -> Reading:
    path = Path(item.files["map"])
    table = load_table(Path(item.files["table"]) if "table" in item.files else None, options)
    runs = read_index_runs(path, bits=(8, 16))
    found = [value for value in numbers_of(runs) if value != table.void]
    if strange := [value for value in found if value not in table.values]:
        raise_unknown_numbers(runs, strange, file=path.name)
    classes: dict[int, BoundClass | None] = {table.void: VOID}
    problems = []
    for value in found:
        meant = table.values[value]
        classes[value] = binding.get(meant.external_id)
        if meant == THINGS and THINGS_ARE.value_in(options.values) == "void":
            classes[value] = VOID
        elif classes[value] is None:
            problems.append(unbound_class(f"{meant.external_id} ({meant.name})", 1))
    if problems:
        return Reading(None, tuple(problems))
    return Reading(label_from_classes(runs, classes))


def _iter_items(
    root: Path, table: Path | None, loaded: PixelTable, images: Path | None
) -> Iterator[TreeItem]:
    for file in iter_files(root, (MAP_SUFFIX,)):
        stem = photo_stem(file)
        split = next((each for each in loaded.splits if stem.startswith(f"{each}/")), None)
        stem = stem.removeprefix(f"{split}/")
        photo = find_photo_of_stem(images, stem) if images else None
        files = {"map": str(root / file)} | ({"table": str(table)} if table else {})
        yield TreeItem(f"{stem}{photo.suffix if photo else USUAL_SUFFIX}", files, split=split)


def _find_table(root: Path) -> Path | None:
    table = root / TABLE
    return table if table.is_file() else None
