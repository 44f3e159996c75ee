"""Snapshots as FiftyOne datasets: photographs as files, instances as detections with masks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiftyone
import numpy as np

from panoptic.formats.paths import member_path
from panoptic.label import segment_mask
from panoptic.runs import decode_runs
from tessera.bridges.losses import has_label, has_photo, warn_of_losses
from tessera.errors import UsageError
from tessera.items import Item
from tessera.snapshot import Snapshot

LOSES = (
    "covered_stuff", "tracks", "scores_of_stuff", "origins", "segment_attributes",
    "image_attributes", "ids_of_stuff", "without_photograph",
)  # fmt: skip


def dataset_of(snapshot: Snapshot, folder: Path, name: str | None) -> Any:
    """Return the images; see `Snapshot.to_fiftyone`."""
    if snapshot.labels_only:
        raise UsageError("FiftyOne shows photographs: pull them, too")
    warn_of_losses(snapshot, "FiftyOne", LOSES)
    dataset = fiftyone.Dataset(name)
    dataset.default_mask_targets = {one.class_id: one.name for one in snapshot.classes}
    dataset.info = {"version": snapshot.version["id"], "dataset": snapshot.dataset}
    dataset.add_samples(list(iter_samples(snapshot, folder)))
    return dataset


def iter_samples(snapshot: Snapshot, folder: Path) -> Iterator[Any]:
    """Yield the images that have a photograph, which is written into the folder."""
    for item in snapshot:
        if not has_photo(snapshot, item):
            continue
        path = member_path(folder, item.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(item.photo_bytes)
        sample = fiftyone.Sample(filepath=str(path), tags=[item.split] if item.split else [])
        sample["status"] = item.status
        if has_label(snapshot, item):
            sample["semantic"] = fiftyone.Segmentation(mask=item.semantic())
            sample["instances"] = fiftyone.Detections(detections=_detections(item))
        yield sample


def _detections(item: Item) -> list[Any]:
    label, height, width = item.label, item.height, item.width
    found = []
    for one in item.segments:
        if one.label_class.is_stuff:
            continue
        x, y, box_width, box_height = one.bbox
        mask = decode_runs(segment_mask(label, one.segment_id), np.bool_)
        found.append(
            fiftyone.Detection(
                label=one.label_class.name,
                bounding_box=[x / width, y / height, box_width / width, box_height / height],
                mask=mask[y : y + box_height, x : x + box_width],
                index=one.segment_id,
                confidence=one.score,
                iscrowd=one.crowd,
            )
        )
    return found
