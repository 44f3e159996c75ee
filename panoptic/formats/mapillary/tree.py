"""Where the files of Mapillary Vistas lie: splits, versions, the list of labels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from panoptic.errors import MalformedFile, PanopticError
from panoptic.formats.base import Found
from panoptic.formats.mapillary.labels import VERSIONS, Labels, official_labels, read_config

INSTANCES, LABELS, PANOPTIC, IMAGES = "instances", "labels", "panoptic", "images"
PARTS = (INSTANCES, LABELS, PANOPTIC)

# What the splits of a dataset are called, and what their folders are.
SPLIT_FOLDERS = {"train": "training", "val": "validation", "test": "testing"}
_SPLITS = {folder: split for split, folder in SPLIT_FOLDERS.items()}
PANOPTIC_FILES = {"v1.2": "panoptic_2018.json", "v2.0": "panoptic_2020.json"}


class VistasSplit(NamedTuple):
    """A split: the folder with the parts, and the one with the photographs.

    name : None where the folder that was opened holds the parts itself and is no usual split
    """

    name: str | None
    parts: Path
    images: Path


class VistasTree(NamedTuple):
    """What a folder holds.

    version : by the option or the folders of versions; "": neither says
    config : the file with the list of labels; None: there is none
    """

    version: str
    config: Path | None
    splits: tuple[VistasSplit, ...]

    def labels(self) -> Labels:
        """The list of labels: that of the file, else the official one."""
        return read_labels(self.config, self.version)


def read_labels(config: Path | None, version: str) -> Labels:
    """The labels of a file, else those of a version; MalformedFile without both."""
    if config is not None:
        return read_config(config)
    if version:
        return official_labels(version)
    raise MalformedFile("there is no config.json; say by the option version whose labels they are")


def find_tree(path: Path, version: str = "") -> VistasTree:
    """The splits below a folder, or the folder as a split.

    version : whose files are wanted; "": those of the one version there is. MalformedFile if
        there are both.
    """
    folders = _split_folders(path)
    found = [each for each in VERSIONS if any((folder / each).is_dir() for folder in folders)]
    if not version and len(found) > 1:
        reason = f"it holds {' and '.join(found)}; choose one by the option version"
        raise MalformedFile(reason, file=path.name)
    version = version or (found[0] if found else "")
    splits = []
    for folder in folders:
        parts = folder / version if version and (folder / version).is_dir() else folder
        if _has_parts(parts):
            name = _SPLITS.get(folder.name, None if folder == path else folder.name)
            splits.append(VistasSplit(name, parts, folder / IMAGES))
    root = path.parent if folders == [path] else path
    return VistasTree(version, _find_config(root, version), tuple(splits))


def recognise_mapillary(path: Path) -> Iterator[Found]:
    """A folder with splits that hold instances, and labels or panoptic, or a split of such."""
    for folder in _split_folders(path):
        for parts in [folder, *(folder / version for version in VERSIONS)]:
            others = [name for name in (LABELS, PANOPTIC) if (parts / name).is_dir()]
            if not (others and (parts / INSTANCES).is_dir()):
                continue
            if parts == folder and not _is_vistas(path, folder):
                continue
            shown = (parts / INSTANCES).relative_to(path).as_posix()
            yield Found(path, f"{shown} lies beside {' and '.join(others)}")
            return


def _is_vistas(path: Path, folder: Path) -> bool:
    """Whether parts without the folder of a version are those of Mapillary Vistas."""
    root = path.parent if folder == path else path
    config = _find_config(root, "")
    try:
        return bool(config and read_config(config))
    except (PanopticError, OSError):
        return False


def _split_folders(path: Path) -> list[Path]:
    """The folders that may be splits: `path` itself if it holds parts or versions."""
    if _may_be_split(path):
        return [path]
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
    return [path / name for name in names if _may_be_split(path / name)]


def _may_be_split(folder: Path) -> bool:
    return any(_has_parts(parts) for parts in (folder, *(folder / each for each in VERSIONS)))


def _has_parts(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in PARTS)


def _find_config(root: Path, version: str) -> Path | None:
    """That of the version, else the plain one, else the only one of any version."""
    of_versions = [root / f"config_{each}.json" for each in ([version] if version else VERSIONS)]
    there = [path for path in of_versions if path.is_file()]
    plain = root / "config.json"
    if plain.is_file() and not (version and there):
        return plain
    return there[0] if len(there) == 1 else None
