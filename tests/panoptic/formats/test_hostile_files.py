"""Whatever a file holds, reading it ends in labels or in problems, never in another exception."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.errors import MalformedFile
from panoptic.formats.base import Format, ReadOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.label_bytes import canonical_bytes
from tests.laws import examples
from tests.panoptic.formats.files import (
    BINDING,
    CATEGORIES,
    panoptic_json,
    write_json,
    write_panoptic,
)

DRAWINGS = {"a.jpg": "112 1.2", "b.jpg": "33"}
PANOPTIC = panoptic_json(DRAWINGS, {1: 1, 2: 200, 3: 3})
INSTANCES = {
    "images": [{"id": 1, "file_name": "a.jpg", "height": 4, "width": 5}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "segmentation": [[0, 0, 3, 0, 3, 2]],
            "iscrowd": 0,
            "score": 0.5,
        },
        {
            "id": 2**32,
            "image_id": 1,
            "category_id": 3,
            "segmentation": {"size": [4, 5], "counts": [2, 3, 15]},
            "iscrowd": 1,
        },
        {
            "id": 3,
            "image_id": 1,
            "category_id": 200,
            "segmentation": {"size": [4, 5], "counts": "04@"},
            "iscrowd": 0,
            "source_id": 4,
            "segment_id": 8,
            "track_id": 3,
            "origin": {"model": "net"},
        },
    ],
    "categories": CATEGORIES,
}
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from([2**24, 2**31, 2**53, 2**62, -(2**62)]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "a", "../a", "a.png", "b.jpg", "1", "\x00", "é", "{"]),
    st.sampled_from([[], {}, [[]], [None], {"": None}, [1, 2, 3, 4], [[1, 2, 3, 4, 5, 6]]]),
)


@examples(150)
@given(data=st.data())
def test_a_panoptic_file_with_strange_values_never_breaks_the_reader(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("strange")
    path = write_panoptic(folder, PANOPTIC, DRAWINGS)
    write_json(path, spoil(data, PANOPTIC))
    read_strictly(COCO_PANOPTIC, path)


@examples(150)
@given(data=st.data())
def test_an_instances_file_with_strange_values_never_breaks_the_reader(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_json(tmp_path_factory.getbasetemp() / "strange.json", spoil(data, INSTANCES))
    read_strictly(COCO_INSTANCES, path)


def spoil(data: st.DataObject, content: dict[str, Any]) -> dict[str, Any]:
    """Replace or remove one to three values anywhere in a file."""
    spoilt = copy.deepcopy(content)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(list(_places(spoilt))))
        if data.draw(st.integers(0, 4)) == 0:
            del container[key]
        else:
            container[key] = copy.deepcopy(data.draw(STRANGE))
        if not spoilt:
            break
    return spoilt


def read_strictly(format_: Format, path: Path) -> None:
    """Read all; an image without an error must have a label that can be stored."""
    options = ReadOptions()
    try:
        source = format_.open(path, options)
    except MalformedFile:
        return
    with source:
        for item in source.iter_items():
            image = format_.read_item(item, BINDING, options)
            has_error = any(problem.severity == "error" for problem in image.problems)
            assert not (has_error and image.label is not None)
            if image.label is not None:
                canonical_bytes(image.label)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
