"""Snapshots as Hugging Face datasets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Sequence, Value

from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import Runs, measure_runs
from panoptic.views import panoptic_runs, semantic_runs
from tessera.bridges.losses import has_label, has_photo, warn_of_losses
from tessera.items import Item
from tessera.snapshot import Snapshot

_UNSPLIT = "train"
LOSES = (
    "covered_pixels", "tracks", "scores", "origins", "segment_attributes", "image_attributes",
    "unlabelled",
)  # fmt: skip


def dataset_of(snapshot: Snapshot) -> DatasetDict:
    """Return the labelled images by split; see `Snapshot.to_huggingface`.

    Images in no split are under `train`, where the library puts them, too.
    """
    warn_of_losses(snapshot, "Hugging Face", LOSES)
    splits: dict[str, list[int]] = {}
    for place, item in enumerate(snapshot):
        if has_label(snapshot, item):
            splits.setdefault(item.split or _UNSPLIT, []).append(place)
    features = _features(snapshot)
    return DatasetDict(
        {
            split: Dataset.from_generator(
                _examples, features=features, gen_kwargs={"snapshot": snapshot, "places": places}
            )
            for split, places in sorted(splits.items())
        }
    )


def _features(snapshot: Snapshot) -> Features:
    segment = {
        "id": Value("int32"),
        "category": ClassLabel(names=[one.name for one in snapshot.classes]),
        "is_thing": Value("bool"),
        "iscrowd": Value("bool"),
        "area": Value("int64"),
        "bbox": Sequence(Value("int32"), length=4),
    }
    features = {
        "name": Value("string"),
        "status": Value("string"),
        "panoptic": Image(),
        "semantic": Image(),
        "segments": [segment],
    }
    if not snapshot.labels_only:
        features["image"] = Image()
    return Features(features)


def _examples(snapshot: Snapshot, places: list[int]) -> Iterator[dict[str, Any]]:
    columns = {one.class_id: column for column, one in enumerate(snapshot.classes)}
    for place in places:
        yield _example(snapshot, snapshot[place], columns)


def _example(snapshot: Snapshot, item: Item, columns: dict[int, int]) -> dict[str, Any]:
    label = item.label
    shown = panoptic_runs(label)
    boxes = _boxes_in_view(shown)
    depth = 8 if max(columns, default=0) < 256 else 16
    example: dict[str, Any] = {
        "name": item.name,
        "status": item.status,
        "panoptic": {"bytes": encode_panoptic_png(shown), "path": None},
        "semantic": {"bytes": encode_class_png(semantic_runs(label), depth), "path": None},
        "segments": [
            {
                "id": one.segment_id,
                "category": columns[one.label_class.class_id],
                "is_thing": not one.label_class.is_stuff,
                "iscrowd": one.crowd,
                "area": one.visible_area,
                "bbox": boxes[one.segment_id],
            }
            for one in item.segments
            if one.visible_area
        ],
    }
    if not snapshot.labels_only:
        photo = {"bytes": item.photo_bytes, "path": None} if has_photo(snapshot, item) else None
        example["image"] = photo
    return example


def _boxes_in_view(shown: Runs) -> dict[int, list[int]]:
    """Return x, y, width, height of what one sees of each segment, as of its PNG."""
    measures = measure_runs(shown)
    return {
        segment_id: [left, top, right - left, bottom - top]
        for segment_id, (top, left, bottom, right) in zip(
            measures.ids.tolist(), measures.boxes.tolist(), strict=True
        )
    }
