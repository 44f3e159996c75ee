"""What a label holds per class: the statistics that are computed once per label revision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel

_ROW = np.dtype([("class_id", "<u2"), ("segments", "<u4"), ("crowds", "<u4"), ("pixels", "<u4")])


@dataclass(frozen=True, slots=True, eq=False)
class ClassCounts:
    """Columns by ascending class id; pixels are those of the panoptic view.

    class_ids : uint32[k]; segments, crowds (among the segments), pixels : int64[k]
    The pixels of all classes and `void_pixels` add up to height · width.
    """

    class_ids: NDArray[np.uint32]
    segments: NDArray[np.int64]
    crowds: NDArray[np.int64]
    pixels: NDArray[np.int64]
    void_pixels: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClassCounts):
            return NotImplemented
        return pack_counts(self) == pack_counts(other)

    def __hash__(self) -> int:
        return hash(pack_counts(self))


def pack_counts(counts: ClassCounts) -> bytes:
    """14 bytes per row, little-endian: class id u16, then segments, crowds, pixels as u32.

    The first row is class 0 and holds the void pixels.
    """
    rows = np.zeros(counts.class_ids.size + 1, _ROW)
    rows["class_id"][1:] = counts.class_ids
    rows["segments"][1:] = counts.segments
    rows["crowds"][1:] = counts.crowds
    rows["pixels"][1:] = counts.pixels
    rows["pixels"][0] = counts.void_pixels
    return rows.tobytes()


def unpack_counts(packed: bytes) -> ClassCounts:
    """The inverse of `pack_counts`; MalformedLabel if the bytes are not such rows."""
    if not packed or len(packed) % _ROW.itemsize:
        raise MalformedLabel(f"{len(packed)} bytes are no rows of {_ROW.itemsize}", where="counts")
    rows = np.frombuffer(packed, _ROW)
    class_ids = rows["class_id"].astype(np.uint32)
    if class_ids[0] != 0 or (class_ids[1:] <= class_ids[:-1]).any():
        raise MalformedLabel("rows are not by ascending class, void first", where="counts")
    return ClassCounts(
        class_ids=class_ids[1:],
        segments=rows["segments"][1:].astype(np.int64),
        crowds=rows["crowds"][1:].astype(np.int64),
        pixels=rows["pixels"][1:].astype(np.int64),
        void_pixels=int(rows["pixels"][0]),
    )
