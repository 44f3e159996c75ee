"""The dense way, as panopticapi does it: whole pixel maps, one mask per segment.

Written anew in plain numpy from its behaviour, as a reference and as an opponent: panopticapi is
not on PyPI. `benchmarks/panopticapi.py` runs the original where there is a checkout.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Annotation = Mapping[str, Any]
_BASE = 2**24


def read_annotations(path: Path) -> list[Annotation]:
    """Return the annotations of a COCO panoptic file."""
    return json.loads(path.read_bytes())["annotations"]


def read_ids(path: Path) -> NDArray[np.uint32]:
    """Decode a panoptic PNG to ids, in three planes of 32 bits as panopticapi does."""
    rgb = np.array(Image.open(path), dtype=np.uint32)
    return rgb[:, :, 0] + 256 * rgb[:, :, 1] + 256 * 256 * rgb[:, :, 2]


def write_semantic(folder: Path, annotations: Iterable[Annotation], target: Path) -> None:
    """Write a class map per image (as panoptic2semantic_segmentation)."""
    for annotation in annotations:
        ids = read_ids(folder / annotation["file_name"])
        classes = np.zeros(ids.shape, np.uint8)
        for segment in annotation["segments_info"]:
            classes[ids == segment["id"]] = segment["category_id"]
        Image.fromarray(classes).save(target / annotation["file_name"])


def write_detection(folder: Path, annotations: Iterable[Annotation], target: Path) -> None:
    """Write every segment with its RLE as JSON (as panoptic2detection_coco_format)."""
    from pycocotools import mask as coco_mask  # an extra of the project

    written = []
    for annotation in annotations:
        ids = read_ids(folder / annotation["file_name"])
        for segment in annotation["segments_info"]:
            mask = np.asfortranarray((ids == segment["id"]).astype(np.uint8))
            rle = coco_mask.encode(mask)
            counts = rle["counts"].decode("ascii")
            entry = {**segment, "image_id": annotation["image_id"], "id": len(written)}
            entry["segmentation"] = {"size": rle["size"], "counts": counts}
            written.append(entry)
    target.write_text(json.dumps({"annotations": written}))


def count_quality(
    old_folder: Path, new_folder: Path, pairs: Sequence[tuple[Annotation, Annotation]]
) -> dict[int, list[float]]:
    """Return TP, FP, FN and the sum of IoUs by category (as pq_compute)."""
    totals: dict[int, list[float]] = {}
    for old, new in pairs:
        old_ids = read_ids(old_folder / old["file_name"]).astype(np.uint64)
        new_ids = read_ids(new_folder / new["file_name"])
        old_rows = {row["id"]: row for row in old["segments_info"]}
        new_rows = {row["id"]: row for row in new["segments_info"]}
        values, counts = np.unique(new_ids, return_counts=True)
        areas = dict(zip(values.tolist(), counts.tolist(), strict=True))
        keys, counts = np.unique(old_ids * _BASE + new_ids, return_counts=True)
        shared = {
            divmod(key, _BASE): count
            for key, count in zip(keys.tolist(), counts.tolist(), strict=True)
        }
        _count_image(totals, old_rows, new_rows, areas, shared)
    return totals


def _count_image(
    totals: dict[int, list[float]],
    old_rows: Mapping[int, Annotation],
    new_rows: Mapping[int, Annotation],
    areas: Mapping[int, int],
    shared: Mapping[tuple[int, int], int],
) -> None:
    found_old, found_new = set(), set()
    for (old_id, new_id), pixels in shared.items():
        old, new = old_rows.get(old_id), new_rows.get(new_id)
        if not old or not new or old["iscrowd"] or old["category_id"] != new["category_id"]:
            continue
        union = areas[new_id] + old["area"] - pixels - shared.get((0, new_id), 0)
        if pixels / union > 0.5:
            counts = totals.setdefault(old["category_id"], [0, 0, 0, 0.0])
            counts[0] += 1
            counts[3] += pixels / union
            found_old.add(old_id)
            found_new.add(new_id)
    crowds = {row["category_id"]: row["id"] for row in old_rows.values() if row["iscrowd"]}
    for row in old_rows.values():
        if row["id"] not in found_old and not row["iscrowd"]:
            totals.setdefault(row["category_id"], [0, 0, 0, 0.0])[2] += 1
    for row in new_rows.values():
        if row["id"] in found_new:
            continue
        ignored = shared.get((0, row["id"]), 0)
        if row["category_id"] in crowds:
            ignored += shared.get((crowds[row["category_id"]], row["id"]), 0)
        if ignored / areas[row["id"]] <= 0.5:
            totals.setdefault(row["category_id"], [0, 0, 0, 0.0])[1] += 1
