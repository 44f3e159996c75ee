"""Where the files of Cityscapes lie: `gtFine/<split>/<city>/<stem>_gtFine_<kind>`, photographs
in `leftImg8bit/<split>/<city>/<stem>_leftImg8bit.png`, with a stem `<city>_<seq6>_<frame6>`.

An export gives images whose names have no such stem one of the city `other`, and lists in
`image_names.json` the names that the tree does not say; reading takes them from there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from panoptic.errors import PanopticError
from panoptic.formats.base import Found, ReadOptions
from panoptic.formats.file_trees import TreeItem
from panoptic.formats.json_stream import iter_arrays
from panoptic.formats.paths import InvalidName, find_photo
from panoptic.formats.problems import Problem, problem_of

GROUND_TRUTHS = ("gtFine", "gtCoarse")
PHOTOS = "leftImg8bit"
NAMES = "image_names.json"

INSTANCE_IDS, LABEL_IDS, POLYGONS = "instanceIds.png", "labelIds.png", "polygons.json"

_LABEL_FILE = re.compile(
    rf"(?P<stem>.+)_(?:{'|'.join(GROUND_TRUTHS)})_(?P<kind>{INSTANCE_IDS}|{LABEL_IDS}|{POLYGONS})"
)
_STEM = re.compile(r"(?P<stem>(?P<city>[A-Za-z][A-Za-z0-9-]*)_\d{6}_\d{6})(?:_leftImg8bit)?")

_MOST_LOOKED_AT = 20


class Place(NamedTuple):
    """Where the files of an image lie."""

    split: str
    city: str
    stem: str

    @property
    def key(self) -> str:
        return f"{self.split}/{self.city}/{self.stem}"

    def label_file(self, kind: str) -> str:
        return f"gtFine/{self.key}_gtFine_{kind}"

    def image_name(self, suffix: str = ".png") -> str:
        """The path of the photograph below the folder of its split."""
        return f"{self.city}/{self.stem}_{PHOTOS}{suffix}"

    @property
    def photo(self) -> str:
        """The path of the photograph, without suffix."""
        return f"{PHOTOS}/{self.key}_{PHOTOS}"


def find_place(split: str, name: str) -> Place | None:
    """The place that an image's name says, None if it says none."""
    match = _STEM.fullmatch(PurePosixPath(name).stem)
    return Place(split, match["city"], match["stem"]) if match else None


def number_place(split: str, number: int) -> Place:
    """A place for an image whose name says none."""
    return Place(split, "other", f"other_{number // 10**6:06}_{number % 10**6:06}")


class Tree(NamedTuple):
    """A folder of labels: `gtFine`, or `gtCoarse`; `split`: only this one is meant."""

    labels: Path
    split: str = ""

    @property
    def root(self) -> Path:
        return self.labels.parent


def with_photos_of(split: str | None, options: ReadOptions) -> ReadOptions:
    """Photographs that are named may lie in folders of splits, as they are delivered."""
    if split and options.images is not None and (options.images / split).is_dir():
        return replace(options, images=options.images / split)
    return options


def find_trees(path: Path) -> list[Tree]:
    """The trees that somebody means who names `path`: the folder of a split, of the labels, the
    one above it or the one above that. Where there are fine labels, coarse ones are not meant.
    """
    path = path.absolute()
    if not path.is_dir():
        return []
    if path.name in GROUND_TRUTHS or _has_labels(path, depth=2):
        return [Tree(path)]
    if _has_labels(path, depth=1):
        return [Tree(path.parent, path.name)]
    own = _trees_in(path)
    return own or [tree for folder in _folders(path) for tree in _trees_in(folder)]


def recognise_tree(path: Path) -> Iterator[Found]:
    """A tree with a file of labels in it."""
    for tree in find_trees(path):
        if first := next(_iter_files(tree), None):
            where = first[1].relative_to(tree.root).as_posix()
            opened = (tree.labels / tree.split).relative_to(path.absolute())
            yield Found(path / opened, f"{where} is a label file of Cityscapes")


def list_items(tree: Tree, names: Mapping[str, str]) -> Iterator[TreeItem]:
    """The images of a tree; `names` as `read_names` gives them."""
    by_folder = groupby(_iter_files(tree), key=lambda found: (found[0], found[1].parent))
    for (split, folder), found in by_folder:
        files: dict[str, dict[str, str]] = {}
        for _, file in found:
            match = _LABEL_FILE.fullmatch(file.name)
            assert match is not None
            files.setdefault(match["stem"], {})[match["kind"]] = str(file)
        for stem, own in files.items():
            yield _item(tree, Place(split, folder.name, stem), own, names)


def read_names(root: Path, problems: list[Problem]) -> dict[str, str]:
    """The table of names that an export left, by the key of a place; one that cannot be read is
    a problem."""
    file = root / NAMES
    if not file.is_file():
        return {}
    try:
        entries: Iterator[tuple[str, Any]] = iter_arrays(file, ("images",))
        return {entry["place"]: entry["name"] for _, entry in entries if _is_named(entry)}
    except PanopticError as error:
        problems.append(problem_of(error, file=NAMES))
        return {}


def _item(tree: Tree, place: Place, files: Mapping[str, str], names: Mapping[str, str]) -> TreeItem:
    photo = _find_photo(tree, place)
    name = f"{place.city}/{photo.name}" if photo else place.image_name()
    return TreeItem(
        names.get(place.key, name), dict(sorted(files.items())), str(photo or ""), place.split
    )


def _find_photo(tree: Tree, place: Place) -> Path | None:
    folder = tree.root / PHOTOS / place.split / place.city
    try:
        return find_photo(folder, f"{place.stem}_{PHOTOS}") if folder.is_dir() else None
    except InvalidName:  # which the name of the image is, too, and is refused for it
        return None


def _is_named(entry: object) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(entry.get(key), str) for key in ("place", "name")
    )


def _iter_files(tree: Tree) -> Iterator[tuple[str, Path]]:
    """The label files and their splits, folder by folder."""
    splits = [tree.labels / tree.split] if tree.split else _folders(tree.labels)
    for split in splits:
        for city in _folders(split):
            for name in _names(city):
                if _LABEL_FILE.fullmatch(name):
                    yield split.name, city / name


def _trees_in(folder: Path) -> list[Tree]:
    return [Tree(folder / name) for name in GROUND_TRUTHS if (folder / name).is_dir()][:1]


def _has_labels(folder: Path, depth: int) -> bool:
    """Whether label files lie so many folders below this one; a look at a few must do."""
    if depth:
        return any(_has_labels(inner, depth - 1) for inner in _folders(folder)[:_MOST_LOOKED_AT])
    return any(_LABEL_FILE.fullmatch(name) for name in _names(folder))


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, as `_names`."""
    try:
        with os.scandir(folder) as entries:
            names = [one.name for one in entries if one.is_dir() and not one.name.startswith(".")]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def _names(folder: Path) -> list[str]:
    """What lies in a folder and is not hidden, sorted; nothing where it may not be read."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError:
        return []
