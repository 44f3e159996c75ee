"""Small data drawn in the test that needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from panoptic.label import Label, Segment, compose_label, label_from_id_map
from panoptic.runs import encode_runs

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def id_map(drawing: str) -> NDArray[np.uint32]:
    """`id_map("112 112 ..2")`: rows by spaces, '.' is void, then 1-9, a = 10 to z = 35."""
    rows = [[max(_DIGITS.find(sign), 0) for sign in row] for row in drawing.split()]
    return np.array(rows, np.uint32)


def label(
    drawing: str, classes: Mapping[int, int], *, crowds: Iterable[int] = (), **fields: object
) -> Label:
    """A partition: `label("112 112", {1: 7, 2: 9})` has segment 1 of class 7 and 2 of class 9.

    Other fields by segment id: `scores={1: 0.5}`, `track_ids={2: 4}`, `origins`, `attributes`.
    """
    return label_from_id_map(id_map(drawing), rows(classes, crowds=crowds, **fields))


def stack(
    *drawings: str, classes: Mapping[int, int], crowds: Iterable[int] = (), **fields: object
) -> Label:
    """A layered label from masks, bottom first; a drawing shows one segment or several."""
    by_id = {row.segment_id: row for row in rows(classes, crowds=crowds, **fields)}
    painted = []
    for drawing in drawings:
        plane = id_map(drawing)
        painted += [
            (by_id[int(segment_id)], encode_runs(plane == segment_id))
            for segment_id in np.unique(plane[plane > 0])
        ]
    height, width = id_map(drawings[0]).shape
    return compose_label(height, width, painted)


def rows(
    classes: Mapping[int, int], *, crowds: Iterable[int] = (), **fields: object
) -> list[Segment]:
    """Rows of a segment table: id → class, and fields by segment id in the plural."""
    crowd_ids = set(crowds)
    given = {_singular(name): values for name, values in fields.items()}
    return [
        Segment(
            segment_id,
            class_id,
            segment_id in crowd_ids,
            **{name: by_id[segment_id] for name, by_id in given.items() if segment_id in by_id},  # type: ignore[operator, index]
        )
        for segment_id, class_id in classes.items()
    ]


def _singular(name: str) -> str:
    return name if name == "attributes" else name.removesuffix("s")
