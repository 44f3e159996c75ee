"""How many segments of each class the images of a snapshot have; counted once, kept beside it."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path
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

    Classes are those of `snapshot.classes`; segments that are all covered count, too. The first
    call reads all labels, and keeps the answer in the snapshot's folder, if it may write there.
    """
    path = snapshot.folder / _FILE
    shape = (len(snapshot), len(snapshot.classes))
    kept = _read_kept(path, shape)
    if kept is not None:
        return kept
    counts = _count(snapshot, shape, progress)
    _keep(path, counts)
    return counts


def _count(snapshot: Snapshot, shape: tuple[int, int], progress: Progress) -> NDArray[np.int32]:
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
    return counts


def _read_kept(path: Path, shape: tuple[int, int]) -> NDArray[np.int32] | None:
    """Return what was counted before; None without it, or where the file is damaged."""
    try:
        kept: NDArray[np.int32] = np.load(
            path, mmap_mode="r" if min(shape) else None, allow_pickle=False
        )
    except (OSError, ValueError, EOFError):
        return None
    if kept.shape != shape or kept.dtype != np.int32:
        return None
    return kept.view(np.ndarray)


def _keep(path: Path, counts: NDArray[np.int32]) -> None:
    new = path.with_name(f"{_FILE}.{uuid.uuid4().hex}.new")
    try:
        with new.open("wb") as file:
            np.save(file, counts)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        # A cache that many share may be read-only, a disk full: the answer is right all the same.
        with suppress(OSError):
            new.unlink(missing_ok=True)
