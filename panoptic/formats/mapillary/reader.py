"""Mapillary Vistas, read: from `instances`, from `labels` alone, or from `panoptic`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from panoptic.errors import MalformedFile, PanopticError
from panoptic.formats.base import Binding, FileClass, LabelledImage, ReadOptions
from panoptic.formats.coco.panoptic_reader import open_panoptic, read_panoptic_item
from panoptic.formats.coco.source import CocoItem, CocoSource
from panoptic.formats.coded_maps import (
    VOID,
    join_stuff,
    label_from_numbers,
    numbers_of,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.mapillary.labels import VOID_NAME, file_classes, scheme_of
from panoptic.formats.mapillary.tree import (
    INSTANCES,
    LABELS,
    PANOPTIC,
    VistasSplit,
    VistasTree,
    find_tree,
    read_labels,
)
from panoptic.formats.paths import InvalidName, find_photo, find_photo_of_stem, iter_files
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, problem_of
from panoptic.label import Segment
from panoptic.value_maps import read_number_runs

# The id of the segment whose number is 0, which is no id: the number is the id modulo 65,536.
ID_OF_ZERO = 2**16


def open_mapillary(path: Path, options: ReadOptions) -> TreeSource:
    """List the label files; of `panoptic` the JSON files are scanned, too."""
    source = options.values.get("source", INSTANCES)
    version = options.values.get("version", "auto")
    try:
        tree = find_tree(path, "" if version == "auto" else version)
        if source == PANOPTIC:
            return _open_panoptic(path, tree)
        labels = tree.labels() if tree.splits else ()
        names = ((number, label.name) for number, label in enumerate(labels))
        return TreeSource(
            path,
            classes=file_classes(labels),
            scheme=scheme_of(names, tree.version),
            items=(item for split in tree.splits for item in _iter_maps(split, source, tree)),
            wanted=f"{source}/*.png of a split",
        )
    except PanopticError as error:
        problem = problem_of(error, file=path.name)
        return TreeSource(path, classes=(), scheme="", items=(), problems=(problem,))


def read_mapillary_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    if PANOPTIC in item.files:
        return _read_panoptic(item, binding, options)
    return read_tree_item(item, options, partial(_read_map, item, binding))


def _iter_maps(split: VistasSplit, source: str, tree: VistasTree) -> Iterator[TreeItem]:
    """An item per stem of the maps; one without the map of `source` is an error when it is read."""
    facts = {"config": str(tree.config or ""), "version": tree.version}
    maps = {
        map_ for part in (INSTANCES, LABELS) for map_ in iter_files(split.parts / part, (".png",))
    }
    for map_ in sorted(maps):
        stem = map_[: -len(".png")]
        photo = _find_photo(split.images, stem, find_photo_of_stem)
        name = photo.relative_to(split.images).as_posix() if photo else f"{stem}.jpg"
        files = {source: str(split.parts / source / map_)}
        yield TreeItem(name, files, str(photo or ""), split.name, facts)


def _find_photo(
    folder: Path, name: str, find: Callable[[Path, str], Path | None] = find_photo
) -> Path | None:
    try:
        return find(folder, name)
    except InvalidName:
        return None  # the item has the same name, which is told


def _read_map(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    ((source, file),) = item.files.items()
    path = Path(file)
    if not path.is_file():
        message = f"there is no {source}/{path.name}"
        return Reading(None, (Problem("missing_file", message, path.name, item.name),))
    has_numbers = source == INSTANCES
    runs = read_number_runs(path, bits=(16,) if has_numbers else (8,))
    config = item.facts["config"]
    labels = read_labels(Path(config) if config else None, item.facts["version"])
    found = numbers_of(runs)
    values = found if has_numbers else [number << 8 for number in found]
    if strange := [n for n, value in zip(found, values, strict=True) if value >> 8 >= len(labels)]:
        raise_unknown_numbers(runs, strange, file=path.name)
    meanings: dict[int, Segment | None] = {}
    unknown: Counter[int] = Counter()
    for number, value in zip(found, values, strict=True):
        label = labels[value >> 8]
        bound = binding.get(value >> 8)
        if bound is None:
            meanings[number] = VOID
            unknown[value >> 8] += label.name != VOID_NAME
        else:
            is_crowd = bound.kind == "thing" and (label.is_crowd or not has_numbers)
            meanings[number] = Segment(value or ID_OF_ZERO, bound.class_id, is_crowd)
    meanings, joined = join_stuff(meanings, binding, path.name, item.name)
    problems = [
        unbound_class(labels[number].name, count)._replace(file=path.name)
        for number, count in unknown.items()
        if count
    ]
    return Reading(label_from_numbers(runs, meanings), (*problems, *joined))


def _open_panoptic(path: Path, tree: VistasTree) -> TreeSource:
    with ExitStack() as stack:
        problems: list[Problem] = []
        scanned: list[tuple[VistasSplit, CocoSource]] = []
        lists: dict[tuple[FileClass, ...], str] = {}
        for split in tree.splits:
            file = _panoptic_file(split)
            coco = open_panoptic(file, ReadOptions(labels=file.parent))
            stack.enter_context(coco)
            problems += coco.problems
            scanned.append((split, coco))
            lists.setdefault(coco.classes, split.parts.name)
        if len(lists) > 1:
            message = "the splits have different categories"
            problems.append(Problem("class_conflict", message, path.name))
        # A category is the number of a label, and one.
        classes = [
            each._replace(external_id=int(each.external_id) - 1) for each in next(iter(lists), ())
        ]
        names = ((int(each.external_id), each.name) for each in classes)
        return TreeSource(
            path,
            classes=classes,
            scheme=scheme_of(names, tree.version),
            items=(item for split, coco in scanned for item in _iter_panoptic(split, coco)),
            problems=problems,
            wanted="images in panoptic/*.json of a split",
        )


def _panoptic_file(split: VistasSplit) -> Path:
    files = sorted((split.parts / PANOPTIC).glob("panoptic*.json"))
    if len(files) != 1:
        reason = f"one panoptic*.json is needed there, there are {len(files)}"
        raise MalformedFile(reason, file=f"{split.name or '.'}/{PANOPTIC}")
    return files[0]


def _iter_panoptic(split: VistasSplit, source: CocoSource) -> Iterator[TreeItem]:
    for item in source.iter_items():
        photo = _find_photo(split.images, item.name)
        facts = {
            "file": item.file,
            "image": item.image.decode(),
            "annotations": [raw.decode() for raw in item.annotations],
            "images": str(split.images),
        }
        yield TreeItem(item.name, {PANOPTIC: item.folder}, str(photo or ""), split.name, facts)


def _read_panoptic(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    facts = item.facts
    entry = CocoItem(
        item.name,
        facts["file"],
        facts["image"].encode(),
        tuple(raw.encode() for raw in facts["annotations"]),
        item.files[PANOPTIC],
    )
    categories: Binding = {int(number) + 1: bound for number, bound in binding.items()}
    if options.images is None and item.photo:
        options = replace(options, images=Path(facts["images"]))
    return read_panoptic_item(entry, categories, options)._replace(split=item.split)
