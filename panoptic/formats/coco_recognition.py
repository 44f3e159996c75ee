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
        if "segments_info" in annotation:
            yield Found(file, f"the annotations of {file.name} have segments_info")


def recognise_instances(path: Path) -> Iterator[Found]:
    """JSON files whose annotations have a `segmentation`."""
    for file, annotation in _iter_annotated(path):
        if "segmentation" in annotation:
            yield Found(file, f"the annotations of {file.name} have a segmentation")


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
