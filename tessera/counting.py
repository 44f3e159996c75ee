"""How many segments of each class the images of a snapshot have; counted once, kept beside it."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from panoptic.codec import decode_label
from panoptic.reading import read_label
from tessera.progress import Progress, silent

if TYPE_CHECKING:
    from tessera.snapshot import Snapshot

_FILE = "segment_counts.npy"


def segment_counts(snapshot: Snapshot, *, progress: Progress = silent) -> NDArray[np.int32]:
    """Return the segments by image and class: int32 (images, classes), in their orders.

    Classes are those of `snapshot.classes`. The first call reads all labels, and keeps the answer
    in the snapshot's folder.
    """
    path = snapshot.folder / _FILE
    shape = (len(snapshot), len(snapshot.classes))
    if path.exists():
        kept: NDArray[np.int32] = np.load(path, mmap_mode="r" if min(shape) else None)
        return kept.view(np.ndarray)
    counts = np.zeros(shape, np.int32)
    columns = np.zeros(max((one.class_id for one in snapshot.classes), default=0) + 1, np.int64)
    for column, one in enumerate(snapshot.classes):
        columns[one.class_id] = column
    reading = snapshot.taxonomy.reading
    for row, entry in enumerate(snapshot.table):
        if entry.label is not None and entry.label not in snapshot.erased:
            stored = snapshot.read_stored(entry.label, entry.name)
            label = read_label(decode_label(stored), reading)
            np.add.at(counts[row], columns[label.segments.class_ids], 1)
        progress(row + 1, len(snapshot))
    new = path.with_name(f"{_FILE}.{uuid.uuid4().hex}.new")
    with new.open("wb") as file:
        np.save(file, counts)
    os.replace(new, path)
    return counts
