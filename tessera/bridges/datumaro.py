"""Snapshots as Datumaro datasets: a mask per segment, with its full mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import datumaro
import numpy as np
from datumaro.components.annotation import AnnotationType, LabelCategories, Mask, MaskCategories
from datumaro.components.media import Image

from panoptic.label import segment_mask
from panoptic.runs import decode_runs
from tessera.bridges.losses import has_label, has_photo, warn_of_losses
from tessera.items import Item
from tessera.snapshot import Snapshot

_UNSPLIT = "default"
LOSES = ("tracks", "scores", "origins", "segment_attributes", "image_attributes")


def dataset_of(snapshot: Snapshot) -> datumaro.Dataset:
    """Return the images; see `Snapshot.to_datumaro`."""
    warn_of_losses(snapshot, "Datumaro", LOSES)
    columns = {one.class_id: column for column, one in enumerate(snapshot.classes)}
    labels = LabelCategories.from_iterable([one.name for one in snapshot.classes])
    colors = MaskCategories({column: one.color for column, one in enumerate(snapshot.classes)})
    return datumaro.Dataset.from_iterable(
        list(_items(snapshot, columns)),
        categories={AnnotationType.label: labels, AnnotationType.mask: colors},
    )


def _items(snapshot: Snapshot, columns: dict[int, int]) -> Iterator[Any]:
    for item in snapshot:
        yield datumaro.DatasetItem(
            id=item.name.rpartition(".")[0] or item.name,
            subset=item.split or _UNSPLIT,
            media=_media(snapshot, item),
            annotations=_masks(item, columns) if has_label(snapshot, item) else [],
            attributes={"status": item.status},
        )


def _media(snapshot: Snapshot, item: Item) -> Any:
    if not has_photo(snapshot, item):
        return None
    size = (item.height, item.width)
    return Image.from_bytes(data=lambda: item.photo_bytes, size=size)


def _masks(item: Item, columns: dict[int, int]) -> list[Any]:
    label = item.label
    layers = dict(zip(label.segments.ids.tolist(), label.segments.layers.tolist(), strict=True))
    return [
        Mask(
            image=decode_runs(segment_mask(label, one.segment_id), np.bool_),
            label=columns[one.label_class.class_id],
            id=one.segment_id,
            group=one.segment_id,
            z_order=layers[one.segment_id],
            attributes={"is_crowd": one.crowd},
        )
        for one in item.segments
    ]
