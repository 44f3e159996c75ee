"""COCO files of one image, to be spoilt by the tests that need them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from panoptic.formats.base import LabelledImage, ReadOptions, WriteOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.problems import Problem
from panoptic.label import Label, spans_of
from panoptic.runs import decode_runs, runs_from_spans
from tests.builders import id_map
from tests.panoptic.formats.files import (
    BINDING,
    CATEGORIES,
    errors,
    export_image,
    panoptic_json,
    read_all,
    write_all,
    write_json,
    write_panoptic,
)

DRAWING = "112 1.2"


class Case:
    """One image `a.jpg` of segments 1 (person) and 2 (sky), to be spoilt by a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.content = panoptic_json({"a.jpg": DRAWING}, {1: 1, 2: 200})
        self.path = write_panoptic(folder, self.content, {"a.jpg": DRAWING})
        self.png = folder / "labels" / "a.png"

    @property
    def image(self) -> dict[str, Any]:
        return self.content["images"][0]

    @property
    def annotation(self) -> dict[str, Any]:
        return self.content["annotations"][0]

    @property
    def segments(self) -> list[dict[str, Any]]:
        return self.annotation["segments_info"]

    def read(self, **options: Any) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
        write_panoptic(self.folder, self.content)
        return read_all(COCO_PANOPTIC, self.path, ReadOptions(**options))

    def read_error(self) -> Problem:
        """The one error there is; the image must have no label."""
        images, problems = self.read()
        assert len(errors(problems)) == 1, problems
        assert all(image.label is None for image in images if image.problems)
        return next(problem for problem in problems if problem.severity == "error")


def annotation(number: int, drawing: str, category_id: int) -> dict[str, Any]:
    """An annotation of image 1 with a compressed RLE."""
    mask: NDArray[np.uint8] = np.asfortranarray(id_map(drawing) > 0, dtype=np.uint8)
    segmentation = coco_mask.encode(mask)
    return {
        "id": number,
        "image_id": 1,
        "category_id": category_id,
        "segmentation": {
            "size": list(mask.shape),
            "counts": segmentation["counts"].decode("ascii"),
        },
        "area": int(mask.sum()),
        "bbox": coco_mask.toBbox(segmentation).tolist(),
        "iscrowd": 0,
    }


def file_of(*infos: dict[str, Any], size: tuple[int, int] | None = None) -> dict[str, Any]:
    """A file of one image `a.jpg`, of the size of the first RLE."""
    if size is None:
        size = (2, 3)
        for info in infos:
            segmentation = info["segmentation"]
            if isinstance(segmentation, Mapping) and "size" in segmentation:
                size = tuple(segmentation["size"])
                break
    height, width = size
    image = {"id": 1, "file_name": "a.jpg", "height": height, "width": width}
    return {"images": [image], "annotations": list(infos), "categories": CATEGORIES}


def read_instances(
    folder: Path, *infos: dict[str, Any], size: tuple[int, int] | None = None, **options: Any
) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
    path = write_json(folder / "x.json", file_of(*infos, size=size))
    return read_all(COCO_INSTANCES, path, ReadOptions(**options), BINDING)


def written_instances(
    folder: Path, labels: Mapping[str, Label], options: WriteOptions | None = None
) -> dict[str, Any]:
    """Export these labels to out.json and return its content."""
    images = [export_image(name, label_) for name, label_ in labels.items()]
    write_all(COCO_INSTANCES, folder / "out.json", images, options=options)
    content: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return content


def full_mask(given: Label, segment_id: int) -> NDArray[np.bool_]:
    spans = spans_of(given)[segment_id]
    return decode_runs(runs_from_spans(*given.shape, [(1, spans)]), bool)
