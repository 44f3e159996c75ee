"""The folders of the full ADE20K, and which class has which name.

Images lie in folders of scenes below `training` and `validation`: `<stem>.jpg`, `<stem>_seg.png`,
`<stem>_parts_1.png` and on, `<stem>_atr.txt` or `<stem>.json`, and of the later releases a folder
`<stem>` with a mask of every object.

The releases keep their list of classes in a MATLAB file, which is not read: the tables beside the
pictures name the classes of what they describe. A JSON tells index and name. `_atr.txt` tells the
name of an instance alone, so the picture is looked at wherever a name is new.

A class is stuff if the scene parsing benchmark has a stuff class of exactly its name and
synonyms, else a thing. (Nearly everything has instances in ADE20K, sky and walls, too.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from sys import intern

from panoptic.colors import parse_color
from panoptic.errors import PanopticError
from panoptic.formats.ade20k.codes import RED, read_level
from panoptic.formats.ade20k.tables import MAX_LEVEL, Entry, read_entries
from panoptic.formats.base import FileClass, Found, Kind, Option, ReadOptions
from panoptic.formats.class_lists.ade20k import ROWS
from panoptic.formats.file_trees import TreeItem, TreeSource
from panoptic.formats.paths import PHOTO_SUFFIXES
from panoptic.formats.problems import Problem, warn

SCHEME = "ade20k_full"
PARTS = Option("parts", "whether parts of objects become segments above the objects", ("no", "yes"))
SEG, TABLE, _PHOTO = "seg", "table", "photo"
# In the order in which they are read.
_FILES = (SEG, *(f"parts_{level}" for level in range(1, MAX_LEVEL + 1)), TABLE)

_SPLITS = {"training": "train", "validation": "val", "train": "train", "val": "val", "test": "test"}
# The end of a file's name, and what the file is.
_LABEL_FILE = re.compile(r"(?P<stem>.+?)(?:_(?P<kind>seg|parts_[1-9])\.png|_atr\.txt|\.json)")
_MASK = re.compile(r"instance_\d+_.*\.png")
_UNLISTED: tuple[Kind, None] = ("thing", None)
_LISTED: Mapping[str, tuple[Kind, tuple[int, int, int] | None]] = {
    ", ".join(filter(None, (name, synonyms))): (
        "stuff" if kind == "stuff" else "thing",
        parse_color(color),
    )
    for _, name, kind, color, synonyms in ROWS
}
# How many folders are listed to see whether a folder looks like ADE20K.
_FOLDERS_TRIED = 50


def recognise_full(path: Path) -> Iterator[Found]:
    """Folders with a `_seg.png` beside its `_atr.txt` or JSON, somewhere below."""
    for (folder, _, names), _ in zip(os.walk(path), range(_FOLDERS_TRIED), strict=False):
        for stem, files in sorted(_group_files(names).items()):
            if SEG in files and TABLE in files:
                place = Path(folder, stem).relative_to(path)
                yield Found(path, f"{place}_seg.png beside {files[TABLE]}")
                return


def open_full(path: Path, options: ReadOptions) -> TreeSource:
    """List the images and collect the names of the classes.

    The facts of an item are the class indices by name, of the names that its `_atr.txt` has.
    """
    names = _Names(options)
    seen = [(item, names.visit(item)) for item in _iter_items(path)]
    problems = list(names.iter_problems())
    if names.parts and PARTS.value_in(options.values) == "no":
        message = f"parts of objects left out: {names.parts}; parts=yes reads them"
        problems.append(warn("parts_left_out", message, file=path.name))
    if (path / "dataset_meta.json").is_file():
        message = "its numbers are places in Datumaro's list, not those in the pixels: not used"
        problems.append(warn("ignored_file", message, file="dataset_meta.json"))
    return TreeSource(
        path,
        classes=names.classes(),
        scheme=SCHEME,
        items=(item._replace(facts=names.indices_of(used)) for item, used in seen),
        problems=problems,
        wanted="*_seg.png",
    )


def iter_levels(item: TreeItem, options: ReadOptions) -> Iterator[tuple[int, Path]]:
    """The pictures that are read of an image, lowest level first."""
    for kind, path in item.files.items():
        if kind == SEG:
            yield 0, Path(path)
        elif kind != TABLE and PARTS.value_in(options.values) == "yes":
            yield int(kind.removeprefix("parts_")), Path(path)


class _Names:
    """Names of classes by index, as one file after the other tells them; the first one counts."""

    def __init__(self, options: ReadOptions) -> None:
        self.parts = 0
        self._options = options
        self._names: dict[int, str] = {}
        self._indices: dict[str, int] = {}
        self._files: dict[tuple[int, str], str] = {}

    def visit(self, item: TreeItem) -> tuple[str, ...]:
        """Learn from one image; the names that its table uses without an index."""
        if TABLE not in item.files:
            return ()
        path = Path(item.files[TABLE])
        try:
            entries = read_entries(path)
        except (PanopticError, OSError):
            return ()  # reading the image says what is wrong
        levels = dict(iter_levels(item, self._options))
        self.parts += sum(entry.level > 0 for entry in entries if entry.level not in levels)
        unnumbered = []
        for entry in entries:
            if entry.level in levels and entry.class_index is None:
                unnumbered.append(entry)
            elif entry.level in levels and entry.class_index is not None:
                self._learn(entry.class_index, entry.name, path.name)
        for level, picture in levels.items():
            described = [entry for entry in unnumbered if entry.level == level]
            if any(entry.name not in self._indices for entry in described):
                self._look(picture, level, described)
        return tuple(intern(entry.name) for entry in unnumbered)

    def indices_of(self, names: Sequence[str]) -> dict[str, int]:
        return {name: self._indices[name] for name in names if name in self._indices}

    def classes(self) -> Iterator[FileClass]:
        """By index; of two classes of one name the later one has its index behind it."""
        taken: set[str] = set()
        for index, name in sorted(self._names.items()):
            shown = f"{name} ({index})" if name in taken else name
            yield FileClass(index, shown, *_LISTED.get(name, _UNLISTED))
            taken.add(name)

    def iter_problems(self) -> Iterator[Problem]:
        """Warn of classes that have two names."""
        for (index, name), file in self._files.items():
            first = self._names[index]
            if name != first:
                message = f"class {index} is {name!r} here and {first!r} in"
                message += f" {self._files[index, first]}, which counts"
                yield warn("two_names", message, file=file)

    def _look(self, picture: Path, level: int, described: Sequence[Entry]) -> None:
        """Learn the names of a table from the instances of its picture."""
        try:
            instances = read_level(picture, level, RED.value_in(self._options.values)).instances
        except (PanopticError, OSError):
            return
        by_number = {entry.number: entry.name for entry in described}
        # Where an object is hidden, the numbers of those behind it in the table are no longer
        # those of the picture: such an image names nothing.
        if by_number.keys() == {region.number for region in instances}:
            for region in instances:
                self._learn(region.class_index, by_number[region.number], picture.name)

    def _learn(self, index: int, name: str, file: str) -> None:
        self._names.setdefault(index, name)
        self._indices.setdefault(name, index)
        self._files.setdefault((index, name), file)


def _iter_items(root: Path) -> Iterator[TreeItem]:
    """The images: what has a photograph or a picture of labels."""
    for place, folders, names in os.walk(root):
        stems = _group_files(names)
        folders[:] = sorted(name for name in folders if name not in stems)
        above = Path(place).relative_to(root).parts
        splits = [number for number, part in enumerate(above) if part in _SPLITS]
        below = above[splits[0] + 1 :] if splits else above
        for stem, files in sorted(stems.items()):
            photo = files.pop(_PHOTO, "")
            yield TreeItem(
                "/".join([*below, photo or f"{stem}.jpg"]),
                {kind: str(Path(place, files[kind])) for kind in _FILES if kind in files},
                str(Path(place, photo)) if photo else "",
                _SPLITS[above[splits[0]]] if splits else None,
            )


def _group_files(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """The files of a folder by stem and by what they are."""
    images: dict[str, dict[str, str]] = {}
    tables = []
    for name in sorted(names):
        matched = _LABEL_FILE.fullmatch(name)
        if matched and matched["kind"]:
            images.setdefault(matched["stem"], {})[matched["kind"]] = name
        elif matched:
            tables.append((matched["stem"], name))
        elif name.lower().endswith(PHOTO_SUFFIXES) and not _MASK.fullmatch(name):
            images.setdefault(os.path.splitext(name)[0], {})[_PHOTO] = name
    # A table alone may be of anything; of a text and a JSON of one image the JSON says more.
    for stem, name in tables:
        if stem in images:
            images[stem].setdefault(TABLE, name)
            if name.endswith(".json"):
                images[stem][TABLE] = name
    return images
