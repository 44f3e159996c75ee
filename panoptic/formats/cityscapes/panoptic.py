"""The format `cityscapes_panoptic`: what createPanopticImgs makes of a tree, read.

`gtFine/cityscapes_panoptic_<split>.json` and a folder of that name with RGB PNGs: a COCO panoptic
file whose image ids are texts, and whose categories are label ids or, where the name ends in
`_trainId`, train ids (0 is road). Files in use leave out `images`, `categories` and boxes: the
list of classes is known, so only which ids it is by must be said where the name does not.

The classes that the evaluation ignores are void here; a tree of labels (`cityscapes`) has them.
Writing `cityscapes` makes these files, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from panoptic.formats.base import (
    Binding,
    Carries,
    FileClass,
    Format,
    Found,
    LabelledImage,
    Option,
    ReadOptions,
)
from panoptic.formats.cityscapes.labels import (
    EVALUATED,
    LABELS,
    SCHEME,
    TRAIN_SCHEME,
    file_classes,
)
from panoptic.formats.cityscapes.tree import PHOTOS, Place, recognise_tree, with_photos_of
from panoptic.formats.coco.panoptic_reader import read_panoptic_item
from panoptic.formats.coco.source import CocoItem
from panoptic.formats.file_trees import TreeItem, TreeSource
from panoptic.formats.json_stream import iter_arrays
from panoptic.formats.problems import Problem

CATEGORIES = Option(
    "categories",
    "what category ids are; auto: what the file's categories or its name say, else label ids",
    ("auto", "label_ids", "train_ids"),
)

_FILE = re.compile(r"cityscapes_panoptic_(?P<split>.+?)(?:_trainId)?\.json")


def recognise_files(path: Path) -> Iterator[Found]:
    """Files of that name, where no tree of labels lies, which says more."""
    if path.is_file() or not any(recognise_tree(path)):
        for file in _find_files(path):
            yield Found(file, f"{file.name} is what createPanopticImgs of Cityscapes writes")


def open_files(path: Path, options: ReadOptions) -> TreeSource:
    """Scan a JSON file, or all of them in a folder."""
    problems: list[Problem] = []
    files = _find_files(path) or [path] * path.is_file()
    kinds = {_is_by_train_id(file, options, problems) for file in files}
    if len(kinds) > 1:
        message = "some of the files are by label ids, others by train ids: read them one by one"
        problems.append(Problem("other_categories", message, path.name))
    by_train_id = kinds == {True}
    return TreeSource(
        path,
        classes=_classes(by_train_id),
        scheme=TRAIN_SCHEME if by_train_id else SCHEME,
        items=[] if problems else (item for file in files for item in _list_items(file, options)),
        problems=problems,
        wanted="annotations in a cityscapes_panoptic_<split>.json",
    )


def read_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    facts = item.facts
    if options.images is None and item.photo:
        options = replace(options, images=Path(item.photo))
    image, annotation = (json.dumps(facts[key]).encode() for key in ("image", "annotation"))
    coco = CocoItem(item.name, facts["file"], image, (annotation,), item.files["folder"])
    options = with_photos_of(item.split, options)
    return read_panoptic_item(coco, binding, options)._replace(split=item.split)


def _find_files(path: Path) -> list[Path]:
    """Files of that name at a path or in its folder gtFine; those of train ids only where there
    are no others."""
    if path.is_file():
        return [path] * bool(_FILE.fullmatch(path.name))
    for folder in (path, path / "gtFine"):
        found = sorted(folder.glob("cityscapes_panoptic_*.json"))
        if found:
            return [file for file in found if not _says_train_ids(file)] or found
    return []


def _classes(by_train_id: bool) -> list[FileClass]:
    return file_classes(EVALUATED if by_train_id else LABELS, by_train_id=by_train_id)


def _says_train_ids(file: Path) -> bool:
    return file.stem.endswith("_trainId")


def _is_by_train_id(file: Path, options: ReadOptions, problems: list[Problem]) -> bool:
    chosen = CATEGORIES.value_in(options.values)
    if chosen != CATEGORIES.default:
        return chosen == "train_ids"
    entries = [entry for _, entry in iter_arrays(file, ("categories",)) if isinstance(entry, dict)]
    if not entries:
        return _says_train_ids(file)
    told = [[entry.get("name"), entry.get("id")] for entry in entries]
    for by_train_id in (False, True):
        known = [[each.name, each.external_id] for each in _classes(by_train_id)]
        if all(pair in known for pair in told):
            return by_train_id
    message = "the categories are not those of Cityscapes; read the file as coco_panoptic"
    problems.append(Problem("other_categories", message, file.name))
    return False


def _list_items(file: Path, options: ReadOptions) -> Iterator[TreeItem]:
    sizes = {
        str(entry.get("id")): {key: entry.get(key) for key in ("height", "width")}
        for _, entry in iter_arrays(file, ("images",))
        if isinstance(entry, dict)
    }
    match = _FILE.fullmatch(file.name)
    split = match["split"] if match else None
    photos = file.absolute().parent.parent / PHOTOS / (split or "")
    for _, found in iter_arrays(file, ("annotations",)):
        annotation = found if isinstance(found, dict) else {}
        image_id = annotation.get("image_id")
        stem = str(image_id) if isinstance(image_id, str | int) else ""
        yield TreeItem(
            # Without a name it is refused.
            Place("", stem.partition("_")[0], stem).image_name() if stem else "",
            {"folder": str(options.labels or file.with_suffix(""))},
            str(photos) if photos.is_dir() else "",
            split,
            {
                "file": file.name,
                "image": {"id": image_id, **sizes.get(stem, {})},
                "annotation": annotation,
            },
        )


CITYSCAPES_PANOPTIC = Format(
    name="cityscapes_panoptic",
    title="Cityscapes panoptic",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_files,
    read_item=read_item,
    recognise=recognise_files,
    scheme=SCHEME,
    read_options=(CATEGORIES,),
    settings=frozenset({"labels"}),
    carries=Carries(
        void="id 0; so are the classes that the evaluation ignores",
        crowd="`iscrowd`",
        overlap="there is none",
        loses="nothing: it is only read, `cityscapes` writes these files, too",
    ),
)
