"""Whether a JSON file is one of COCO's, and of which kind, by its first annotation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from panoptic.errors import PanopticError
from panoptic.formats.base import Found
from panoptic.formats.json_stream import iter_arrays

# Where the files of a dataset lie below its folder.
_FOLDERS = (".", "annotations")


def recognise_panoptic(path: Path) -> Iterator[Found]:
    """JSON files whose annotations have `segments_info`."""
    for file, annotation in _iter_annotated(path):
        # Files of Cityscapes are named so, and are read with its classes.
        if "segments_info" in annotation and not file.name.startswith("cityscapes_panoptic_"):
            yield Found(file, f"the annotations of {file.name} have segments_info")


def recognise_instances(path: Path) -> Iterator[Found]:
    """JSON files whose annotations have a `segmentation`."""
    for file, annotation in _iter_annotated(path):
        if "segmentation" in annotation and not _is_stuff(file, annotation):
            yield Found(file, f"the annotations of {file.name} have a segmentation")


def recognise_stuff(path: Path) -> Iterator[Found]:
    """JSON files named as those of COCO-Stuff are, whose annotations are RLE.

    What is in such a file does not tell it from one of instances: under another name it is
    taken for that.
    """
    for file, annotation in _iter_annotated(path):
        if _is_stuff(file, annotation):
            yield Found(file, f"{file.name} is named as COCO's files of stuff are, and holds RLE")


def _is_stuff(file: Path, annotation: Mapping[str, Any]) -> bool:
    return file.name.startswith("stuff") and isinstance(annotation.get("segmentation"), Mapping)


def _iter_annotated(path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """JSON files with the first of their annotations."""
    files = [path] if path.is_file() else [f for at in _FOLDERS for f in (path / at).glob("*.json")]
    for file in sorted(files):
        if file.suffix == ".json" and (annotation := _first_annotation(file)) is not None:
            yield file, annotation


def _first_annotation(file: Path) -> Mapping[str, Any] | None:
    try:
        _, entry = next(iter_arrays(file, ("annotations",)), (None, None))
    except PanopticError:
        return None
    return entry if isinstance(entry, dict) and "image_id" in entry else None
