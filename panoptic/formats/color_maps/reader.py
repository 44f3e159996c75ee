"""Colour maps, read: a PNG for each image whose colours are classes, and the table of them.

Any PNG of 8 bits is read as the colours that it shows, also one with a palette; a transparent
one is refused. Black is void, whatever the table calls it, and so is the class that a
`dataset_meta.json` calls its background. A colour that no class has is an error: smoothed edges
and scaled maps are full of them, and the nearest class would be a guess.

Nothing tells instances apart: what a stuff class covers is one segment, what a thing class
covers is one crowd. The table does not say which is which; all classes are stuff until a
taxonomy says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from panoptic.colors import parse_color
from panoptic.errors import MalformedFile, PanopticError
from panoptic.formats.base import (
    Binding,
    BoundClass,
    FileClass,
    Found,
    LabelledImage,
    Option,
    ReadOptions,
)
from panoptic.formats.class_lists.camvid import ROWS
from panoptic.formats.coded_maps import label_from_classes, numbers_of, unbound_class
from panoptic.formats.color_maps.layouts import CAMVID, MAP_SUFFIXES, Tree, find_trees
from panoptic.formats.color_maps.tables import (
    LABEL_COLORS,
    ColorTable,
    NamedColor,
    color_word,
    raise_unknown_colors,
    read_color_table,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.paths import InvalidName, find_photo_of_stem, iter_files
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, problem_of
from panoptic.images import read_header
from panoptic.png_read import read_value_runs

MAP_PREFIX = Option("map_prefix", "what the names of maps begin with, such as gt_")
MAP_SUFFIX = Option("map_suffix", "what the stems of maps end with, such as _L")
PHOTO_PREFIX = Option("photo_prefix", "what the names of photographs begin with, such as image_")

VOID_COLOR = (0, 0, 0)

_CAMVID_TABLE = ColorTable(tuple(NamedColor(name, parse_color(color)) for name, color in ROWS))


def recognise_colors(path: Path) -> Iterator[Found]:
    """The first folder with a table of colours beside maps, or in the layout of CamVid."""
    for folder in [path, *sorted(path.glob("*/"))]:
        trees = find_trees(folder, ReadOptions())
        reason = next(filter(None, (_reason(folder, tree) for tree in trees)), "")
        if reason:
            yield Found(folder, reason)
            return


def _reason(folder: Path, tree: Tree) -> str:
    """Why a tree looks like one of colour maps; "" if it does not."""
    beside = Path(tree.table).name
    if tree.table == CAMVID:
        beside = f"{tree.photos.name}/" if tree.photos and tree.photos.is_dir() else ""
    # Tables lie above the folders of other formats, too, so a bare folder must hold the maps.
    first = next(iter_files(tree.maps, MAP_SUFFIXES), "") if beside else ""
    if not first or (tree.maps == folder and ("/" in first or beside != LABEL_COLORS)):
        return ""
    try:
        shows_colors = read_header(tree.maps / first).mode in ("RGB", "RGBA", "P")
    except PanopticError:
        return ""
    where = (tree.maps / first).relative_to(folder).as_posix()
    return f"{where} beside {beside}" if shows_colors else ""


def open_colors(path: Path, options: ReadOptions) -> TreeSource:
    """List the maps; only tables are opened."""
    problems: list[Problem] = []
    trees = find_trees(path, options)
    classes: dict[str, FileClass] = {}
    if not trees:
        problems.append(Problem("missing_folder", f"there is no folder {path.name}", path.name))
    for table in dict.fromkeys(tree.table for tree in trees):
        try:
            for each in _classes_of(table):
                classes.setdefault(each.name, each)
        except MalformedFile as error:
            problems.append(problem_of(error, file=path.name))
    return TreeSource(
        path,
        classes=classes.values(),
        scheme="",
        items=(item for tree in trees for item in _iter_items(tree, options)),
        problems=problems,
        wanted="colour maps (PNG)",
    )


def read_colors_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one map; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def _read_table(table: str) -> ColorTable:
    if table == CAMVID:
        return _CAMVID_TABLE
    if not table:
        reason = "there is no table of colours; name a label_colors.txt or dataset_meta.json"
        raise MalformedFile(f"{reason} as the file of classes")
    return read_color_table(Path(table))


def _classes_of(table: str) -> list[FileClass]:
    rows, background = _read_table(table)
    return [
        FileClass(name, name, "stuff", color)
        for name, color in rows
        if color != VOID_COLOR and name != background
    ]


def _iter_items(tree: Tree, options: ReadOptions) -> Iterator[TreeItem]:
    prefix, suffix, photo_prefix = (
        option.value_in(options.values) for option in (MAP_PREFIX, MAP_SUFFIX, PHOTO_PREFIX)
    )
    photos = options.images or tree.photos
    for path in iter_files(tree.maps, MAP_SUFFIXES):
        folder, slash, name = path.rpartition("/")
        stem = name[:-4]
        if not (stem.startswith(prefix) and stem.endswith(suffix)):
            continue
        stem = f"{folder}{slash}{photo_prefix}{stem[len(prefix) : len(stem) - len(suffix)]}"
        try:
            photo = find_photo_of_stem(photos, stem) if photos is not None else None
        except InvalidName:
            photo = None  # and the source refuses the name
        yield TreeItem(
            photo.relative_to(photos).as_posix() if photo and photos else f"{stem}.png",
            {"map": str(tree.maps / path)},
            str(photo) if photo and options.images is None else "",
            tree.split,
            {"table": tree.table},
        )


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    rows, background = _read_table(item.facts["table"])
    names = {color_word(row.color): row.name for row in rows if row.color is not None}
    void = {color_word(VOID_COLOR)} | {word for word, name in names.items() if name == background}
    path = Path(item.files["map"])
    runs = read_value_runs(path, "color")
    found = numbers_of(runs)
    if strange := [word for word in found if word not in names and word not in void]:
        raise_unknown_colors(runs, strange, path.name)
    bound: dict[int, BoundClass | None] = dict.fromkeys(void)
    problems = []
    for word in found:
        if word not in void:
            bound[word] = binding.get(names[word])
            if bound[word] is None:
                problems.append(unbound_class(names[word], 1))
    return Reading(None if problems else label_from_classes(runs, bound), tuple(problems))
