"""Folders of KITTI: maps and photographs of one stem, by splits whose numbers begin anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.base import ExportImage
from panoptic.formats.file_trees import FilesRecord, FolderWriter, TreeItem, photo_suffix
from panoptic.formats.losses import UNLABELLED_IMAGES
from panoptic.formats.paths import PHOTO_SUFFIXES, iter_files, photo_stem
from panoptic.formats.problems import Problem, list_some, warn

SUFFIX = ".png"
# How many folders below a path are looked into to recognise a format.
MOST_FOLDERS = 100


class Split(NamedTuple):
    """Where the files of a split lie.

    folder : as the format calls it; images of the test split bear it in their names, because
        their numbers are also those of other images
    maps : folders of label files by what they are
    """

    split: str | None
    folder: str
    photos: Path
    maps: dict[str, Path]

    @property
    def prefix(self) -> str:
        return f"{self.folder}/" if self.split == "test" else ""


def list_split(split: Split, problems: list[Problem]) -> Iterator[TreeItem]:
    """Every stem that has a map or a photograph; without a map an image is unlabelled."""
    photos = list_files(split.photos, PHOTO_SUFFIXES)
    maps = {kind: list_files(folder, (SUFFIX,)) for kind, folder in split.maps.items()}
    labelled = set().union(*maps.values())
    if split.split != "test" and (absent := sorted(photos.keys() - labelled)):
        problems.append(_missing("label", "no map and are unlabelled", split, absent))
    if photos and (absent := sorted(labelled - photos.keys())):
        problems.append(_missing("photo", "no photograph", split, absent))
    for stem in sorted(labelled | photos.keys()):
        photo = photos.get(stem)
        suffix = photo.suffix if photo else SUFFIX
        files = {kind: str(found[stem]) for kind, found in maps.items() if stem in found}
        yield TreeItem(f"{split.prefix}{stem}{suffix}", files, str(photo or ""), split.split)


def list_files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Files at any depth by their path without suffix, with `/`; the first of one stem."""
    found: dict[str, Path] = {}
    for name in iter_files(folder, suffixes):
        found.setdefault(photo_stem(name), folder / name)
    return found


def list_folders(folder: Path) -> list[str]:
    """The names of folders in a folder, sorted; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))
    except OSError:
        return []


class KittiWriter(FolderWriter):
    """Writes photographs of unlabelled images, too: that is what a test split is."""

    def add(self, record: FilesRecord, photo: bytes | None = None) -> None:
        if record.files or photo is None:
            super().add(record, photo)
            return
        self.write(record.photo + photo_suffix(photo), photo, image=record.name)
        self._tally.add(0, {}, ())


def unlabelled(image: ExportImage, photo: str) -> FilesRecord:
    """The record of an image without a label, which is left out if it has no photograph."""
    message = "the image is unlabelled and its photograph is not written: left out"
    problem = warn("unlabelled_image", message, image=image.name)
    return FilesRecord(image.name, (), 0, {UNLABELLED_IMAGES: 1}, (problem,), photo)


def _missing(what: str, reason: str, split: Split, stems: list[str]) -> Problem:
    message = f"{len(stems)} images of {split.folder} have {reason}: {list_some(stems)}"
    return warn(f"missing_{what}", message, file=split.folder)
