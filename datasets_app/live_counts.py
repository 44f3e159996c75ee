"""The counts of many labels as a taxonomy reads them, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from panoptic.class_counts import ClassCounts
from panoptic.reading import LabelReading

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """One row per label and live class; class 0 is void, of which there are pixels alone.

    size : how many labels there are
    labels, class_ids, segments, crowds, pixels : int64[k]; labels are places in what was asked
    """

    size: int
    labels: I64
    class_ids: I64
    segments: I64
    crowds: I64
    pixels: I64

    def segments_of_labels(self) -> I64:
        """Return the segments of each label: int64[size]."""
        sums = np.zeros(self.size, np.int64)
        np.add.at(sums, self.labels, self.segments)
        return sums

    def sums_by_class(self) -> dict[int, I64]:
        """Return [segments, crowds, pixels] over all labels by class."""
        class_ids, places = np.unique(self.class_ids, return_inverse=True)
        sums = np.zeros((class_ids.size, 3), np.int64)
        np.add.at(sums, places, np.stack((self.segments, self.crowds, self.pixels), axis=1))
        return dict(zip(class_ids.tolist(), sums, strict=True))


def read_counts(counts: Sequence[ClassCounts], reading: LabelReading) -> LiveCounts:
    """Return what each label holds: as `Reading.counts_under` does, without a loop over them.

    Raises
    ------
    UnknownClass
        A label holds a class that the taxonomy never had.
    """
    stored = _joined([one.class_ids for one in counts], np.uint32)
    labels = np.repeat(np.arange(len(counts)), [one.class_ids.size for one in counts])
    segments = _joined([one.segments for one in counts])
    crowds = _joined([one.crowds for one in counts])
    live = reading.class_map.map_classes(stored).astype(np.int64)
    gone = live == 0
    is_crowd, is_joined = np.zeros_like(gone), np.zeros_like(gone)
    if stored.size and reading.class_map.keys.size:
        places = np.searchsorted(reading.class_map.keys, stored)
        is_crowd = reading.crowd_keys[places]
        is_joined = reading.stuff_keys[places] | is_crowd
    # A label's stuff of one class is one segment, and so is the crowd of what was stuff.
    adds = ~(gone | is_joined)
    rows = np.stack(
        (
            np.where(adds, segments, 0),
            np.where(adds, crowds, 0),
            _joined([c.pixels for c in counts]),
        )
    ).T
    void = np.zeros((len(counts), 3), np.int64)
    void[:, 2] = [one.void_pixels for one in counts]
    keys = np.concatenate((labels << 16 | live, np.arange(len(counts)) << 16))
    groups, places = np.unique(keys, return_inverse=True)
    sums = np.zeros((groups.size, 3), np.int64)
    np.add.at(sums, places, np.concatenate((rows, void)))
    held = segments > 0
    sums[np.unique(places[: stored.size][is_joined & held]), 0] += 1
    sums[np.unique(places[: stored.size][is_crowd & held]), 1] += 1
    return LiveCounts(len(counts), groups >> 16, groups & 0xFFFF, *sums.T)


def _joined(columns: Sequence[NDArray], dtype: type = np.int64) -> NDArray:
    return np.concatenate(columns).astype(dtype) if columns else np.zeros(0, dtype)
