"""A folder per image with one 0/255 mask per instance: `<image>/masks/*.png`.

There are no ids and no classes. Ids are given in order of the first pixel, whatever the files
are called, and `matched_ids.assign_ids` then takes those of a parent revision; the class is
`ReadOptions.class_name`, a thing. The mode of a mask (1, L, P, RGB, RGBA) says nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from panoptic.errors import PanopticError, UnknownClass
from panoptic.formats.base import (
    Binding,
    BoundClass,
    FileClass,
    Found,
    LabelledImage,
    ReadOptions,
    Source,
)
from panoptic.formats.painting import Mask, Painting, paint_masks
from panoptic.formats.paths import InvalidName, find_photo, normal_name
from panoptic.formats.photos import Photo, check_size, locate_photo, open_photo
from panoptic.formats.problems import WARNING, Problem, ProblemList, has_errors, problem_of, warn
from panoptic.formats.spool import Spool
from panoptic.label import Segment
from panoptic.png_read import read_mask_runs
from panoptic.runs import Spans, spans_of_mask

DEFAULT_CLASS = "object"

_MASKS, _PHOTOS = "masks", "images"


class MasksItem(NamedTuple):
    """The folder of one image; `root` is the folder that was opened."""

    name: str
    folder: str
    root: str


class MasksSource(Source):
    """The image folders below a folder, by name; their order on disk is arbitrary."""

    scheme = ""

    def __init__(self, root: Path, options: ReadOptions) -> None:
        name = options.class_name or DEFAULT_CLASS
        self.classes = (FileClass(name, name, "thing"),)
        self._root = root
        self._found = ProblemList()
        self._spool = Spool("CREATE TABLE images (name TEXT, folder TEXT);")
        try:
            self._scan()
        except BaseException:
            self._spool.close()
            raise
        self.count = self._spool.value("SELECT count(DISTINCT name) FROM images")
        self.problems = self._found.as_tuple()

    def iter_items(self) -> Iterator[MasksItem]:
        rows = self._spool.iter_rows(
            "SELECT name, min(folder) FROM images GROUP BY name ORDER BY name"
        )
        for name, folder in rows:
            yield MasksItem(name, str(self._root / folder), str(self._root))

    def close(self) -> None:
        self._spool.close()

    def _scan(self) -> None:
        if not self._root.is_dir():
            self._error("missing_folder", f"there is no folder {self._root.name}")
            return
        for folder in _iter_image_folders(self._root):
            try:
                self._spool.insert("images", (normal_name(folder), folder))
            except InvalidName as error:
                self._error(error.code, error.reason)
        twice = self._spool.iter_rows(
            "SELECT name, count(*) FROM images GROUP BY name HAVING count(*) > 1"
        )
        for name, times in twice:
            message = f"{times} folders have the name {name!r} when accents are composed"
            self._found.add(Problem("duplicate_name", message, name, name))
        if not self._spool.value("SELECT count(*) FROM images"):
            message = f"no folders <image>/{_MASKS} in {self._root.name}"
            if (self._root / _MASKS).is_dir():
                message = f"{self._root.name} is the folder of one image; name the folder above it"
            self._error("no_images", message)

    def _error(self, code: str, message: str) -> None:
        self._found.add(Problem(code, message, self._root.name))


def recognise_masks(path: Path) -> Iterator[Found]:
    """A folder with a folder of masks for every image."""
    if not path.is_dir():
        return
    image = next(
        (name for name in _iter_image_folders(path) if (path / name / _MASKS).is_dir()), ""
    )
    if image:
        yield Found(path, f"{image}/{_MASKS} is a folder of masks")


def open_masks(path: Path, options: ReadOptions) -> MasksSource:
    """List the image folders; no file is opened."""
    return MasksSource(path, options)


def read_masks_item(item: MasksItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    found: list[Problem] = []
    photo = _find_photo(item, options.images)
    found += photo.problems
    class_name = options.class_name or DEFAULT_CLASS
    bound = binding.get(class_name)
    if bound is None:
        problem = problem_of(UnknownClass(class_name), file=item.name, image=item.name)
        return LabelledImage(item.name, 0, 0, None, problems=(problem,))
    files = _list_masks(Path(item.folder), item.name, found)
    size: tuple[int, int] | None = None
    masks: list[Spans] = []
    for file in files:
        try:
            runs = read_mask_runs(file, expected_size=size, file=_told(file, item))
        except PanopticError as error:
            found.append(problem_of(error, file=_told(file, item), image=item.name))
            continue
        size = runs.shape
        masks.append(spans_of_mask(runs))
        if not masks[-1].area:
            message = "the mask has no pixel and was left out"
            found.append(warn("empty_segment", message, file=_told(file, item), image=item.name))
    if size is None and not files and photo.sizes:
        size = photo.sizes[0]
    if size is None and not has_errors(found):
        message = "the image has neither a mask nor a photograph that would tell its size"
        found.append(Problem("missing_size", message, item.name, item.name))
    if size is not None:
        found += check_size(photo, size, item.name)
    painting = Painting(None, 0, 0, ())
    if size is not None and not has_errors(found):
        painting = _paint(masks, size, bound, item, options)
    return LabelledImage(
        item.name,
        *(size or (0, 0)),
        painting.label,
        photo.path,
        {},
        (*found, *painting.problems),
        painting.hidden_pixels,
        painting.lost_pixels,
    )


def _paint(
    masks: list[Spans],
    size: tuple[int, int],
    bound: BoundClass,
    item: MasksItem,
    options: ReadOptions,
) -> Painting:
    """Number the masks by first pixel (of those that share it the smaller first) and paint them."""
    full = [mask for mask in masks if mask.area]
    by_first = sorted(full, key=lambda mask: (mask.starts[0], mask.area, mask.starts.tobytes()))
    numbers = {id(mask): number for number, mask in enumerate(by_first, 1)}
    numbered = [Mask(Segment(numbers[id(mask)], bound.class_id), bound.kind, mask) for mask in full]
    return paint_masks(*size, numbered, options.on_overlap, file=item.name, image=item.name)


def _iter_image_folders(root: Path) -> Iterator[str]:
    """Paths below `root`, with `/`, of folders that hold masks, or neither masks nor folders.

    `images` may be where photographs lie, so it is an image only if it holds masks.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root / folder) as entries:
            inner = {e.name for e in entries if e.is_dir() and not e.name.startswith(".")}
        is_leaf = not inner - {_PHOTOS} and folder.rpartition("/")[2] != _PHOTOS
        if folder and (_MASKS in inner or is_leaf):
            yield folder
        waiting += [f"{folder}/{name}" if folder else name for name in inner - {_MASKS}]


def _list_masks(folder: Path, name: str, found: list[Problem]) -> list[Path]:
    if not (folder / _MASKS).is_dir():
        return []
    masks: list[Path] = []
    others: list[Path] = []
    for path in sorted((folder / _MASKS).iterdir()):
        if path.name.startswith("."):
            continue
        (masks if path.suffix.lower() == ".png" else others).append(path)
    if others:
        message = f"{len(others)} files in {_MASKS} are no PNG and were left out"
        problem = Problem("ignored_file", message, f"{name}/{_MASKS}/{others[0].name}", name)
        found.append(problem._replace(severity=WARNING))
    return masks


def _find_photo(item: MasksItem, folder: Path | None) -> Photo:
    """In the folder that was named, beside the masks, or in `images` of the whole."""
    if folder is not None:
        return locate_photo(folder, item.name)
    own, root = Path(item.folder), Path(item.root)
    for place, name in ((own, own.name), (root, own.relative_to(root).as_posix())):
        path = find_photo(place / _PHOTOS, name)
        if path is not None:
            return open_photo(path, item.name)
    return Photo()


def _told(file: Path, item: MasksItem) -> str:
    return f"{item.name}/{_MASKS}/{file.name}"
