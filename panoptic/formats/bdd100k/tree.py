"""Where the files of BDD100K lie: `labels/<task>/bitmasks/<split>/x.png`, `images/10k/<split>`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.file_trees import TreeItem
from panoptic.formats.paths import InvalidName, find_photo_of_stem, iter_files

SPLITS = ("train", "val", "test")


class MaskFolder(NamedTuple):
    """A folder of PNGs, or of splits of them.

    split : of all of them; None: the folders in it say
    images : where the photographs of the splits lie; None: nobody says
    is_task : every folder in it is a split, whatever its name
    """

    path: Path
    split: str | None = None
    images: Path | None = None
    is_task: bool = False


def find_masks(path: Path, tasks: Mapping[str, str], leaf: str) -> list[MaskFolder]:
    """The folders `<task>/<leaf>` that a path is, lies in, or leads to.

    tasks : the folder of photographs of each
    """
    found = []
    path = path.absolute()
    for task, images in tasks.items():
        for folder in (path, path / leaf, path / task / leaf, path / "labels" / task / leaf):
            split = None
            if folder.parent.name == leaf and folder.name in SPLITS:
                folder, split = folder.parent, folder.name
            if folder.name == leaf and folder.parent.name == task and folder.is_dir():
                root = folder.parent.parent
                photos = root.parent / "images" / images if root.name == "labels" else None
                masks = folder / split if split else folder
                found.append(MaskFolder(masks, split, photos, split is None))
    return found


def iter_masks(masks: MaskFolder) -> Iterator[TreeItem]:
    """An item for every PNG, named after its photograph."""
    for file in iter_files(masks.path, (".png",)):
        split, name = masks.split, file
        first, _, rest = file.partition("/")
        if rest and (masks.is_task or (split is None and first in SPLITS)):
            split, name = first, rest
        stem = name[: -len(".png")]
        folder = masks.images and masks.images / (split or "")
        photo = _find_photo(folder, stem)
        if folder and photo:
            name = photo.relative_to(folder).as_posix()
        else:
            name = f"{stem}.jpg"
        yield TreeItem(name, {"mask": str(masks.path / file)}, str(photo or ""), split)


def _find_photo(folder: Path | None, stem: str) -> Path | None:
    try:
        return find_photo_of_stem(folder, stem) if folder else None
    except InvalidName:
        return None  # the item has the same name, which is told
