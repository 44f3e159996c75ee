"""`panoptic.json`: read image by image, written anew as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from panoptic.formats.base import ReadOptions
from panoptic.formats.coco.categories import write_categories
from panoptic.formats.coco.panoptic_reader import open_panoptic
from panoptic.formats.coco.source import CocoItem
from panoptic.formats.json_stream import encode_json, write_object
from panoptic.formats.problems import Problem
from tessera.taxonomy import Taxonomy
from tessera.working_copy.index import stamp_of
from tessera.working_copy.rows import JsonRow, export_classes

# A scheme in which no class has an id: categories keep the ids of their classes.
_OWN_IDS = "tessera"


class Document:
    """The JSON of a working copy, scanned once; a context manager."""

    def __init__(self, path: Path, pngs: Path) -> None:
        self.stamp = stamp_of(path)
        self._source = open_panoptic(path, ReadOptions(labels=pngs))

    def __enter__(self) -> Document:
        return self

    def __exit__(self, *error: object) -> None:
        self._source.close()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the file as a whole; an empty one is none of that."""
        return tuple(problem for problem in self._source.problems if problem.code != "no_images")

    @property
    def category_ids(self) -> tuple[int | str, ...]:
        """The ids of the categories that the file declares."""
        return tuple(one.external_id for one in self._source.classes)

    def items(self) -> Iterator[CocoItem]:
        """Yield the images, each name once."""
        yield from self._source.iter_items()


def row_of(item: CocoItem) -> JsonRow:
    """Return what the JSON says of an image."""
    annotations = [json.loads(raw) for raw in item.annotations]
    # More than one is a problem that reading the image tells.
    return JsonRow(json.loads(item.image), annotations[0] if annotations else None)


def write_document(
    path: Path,
    taxonomy: Taxonomy,
    info: Mapping[str, Any],
    rows: Callable[[], Iterable[JsonRow]],
) -> None:
    """Write the file anew, all at once; `rows` is called twice, and gives the same each time."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        write_object(
            file,
            {
                "info": dict(info),
                "images": (encode_json(dict(row.image)) for row in rows()),
                "annotations": (
                    encode_json(dict(row.annotation))
                    for row in rows()
                    if row.annotation is not None
                ),
                "categories": write_categories(export_classes(taxonomy), _OWN_IDS),
            },
        )
    new.replace(path)
