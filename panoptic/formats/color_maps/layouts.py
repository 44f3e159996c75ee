"""Where colour maps lie: CamVid's folders, folders of maps beside folders of photographs, or any.

| layout | maps | photographs | table |
|---|---|---|---|
| CamVid | `trainannot/` for the split train | `train/` | `label_colors.txt`, else CamVid's own |
| Datumaro's semantic segmentation | `masks/` | `images/` | `dataset_meta.json` |
| SYNTHIA | `GT/`, `SemSeg/`, `GTLeft/` | `RGB/`, `RGBLeft/` | either of them |
| any | the folder itself, or `ReadOptions.labels` | `ReadOptions.images` | either of them |

The folders of the second and third may also lie in folders called train, val, test and the like,
each with a table of its own.
A table beside the folders is found; `ReadOptions.classes` names any other, a labelmap, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.base import ReadOptions
from panoptic.formats.color_maps.tables import DATASET_META, LABEL_COLORS

MAP_SUFFIXES = (".png",)
# What follows a split in the name of CamVid's folder of maps.
ANNOT = "annot"
# The name of the split of images that have none, as Datumaro writes it.
NO_SPLIT = "default"
# The table is that of CamVid itself.
CAMVID = "camvid"

_PAIRS = (("masks", "images"), ("GT", "RGB"), ("SemSeg", "RGB"), ("GTLeft", "RGBLeft"))
_SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")
_TABLES = (LABEL_COLORS, DATASET_META)


class Tree(NamedTuple):
    """A folder of colour maps. `table`: the path of the table, `CAMVID`, or "" for none."""

    maps: Path
    photos: Path | None
    split: str | None
    table: str


def find_trees(root: Path, options: ReadOptions) -> list[Tree]:
    """The folders of maps of a dataset; none if `root` is no folder."""
    if not root.is_dir():
        return []
    named = str(options.classes or "")
    table = named or _find_table(root)
    if options.labels is not None:
        return [Tree(options.labels, None, None, table or _find_table(options.labels))]
    trees = [
        Tree(folder, root / split, None if split == NO_SPLIT else split, table or CAMVID)
        for folder, split in _iter_annot(root)
    ]
    trees = trees or list(_iter_pairs(root, None, table))
    for split in _SPLITS if not trees else ():
        trees += _iter_pairs(root / split, split, named or _find_table(root / split) or table)
    return trees or [Tree(root, None, None, table)]


def _iter_annot(root: Path) -> Iterator[tuple[Path, str]]:
    for folder in sorted(root.glob(f"?*{ANNOT}/")):
        yield folder, folder.name.removesuffix(ANNOT)


def _iter_pairs(root: Path, split: str | None, table: str) -> Iterator[Tree]:
    for maps, photos in _PAIRS:
        if (root / maps).is_dir():
            yield Tree(root / maps, root / photos, split, table)


def _find_table(folder: Path) -> str:
    return next((str(folder / name) for name in _TABLES if (folder / name).is_file()), "")
