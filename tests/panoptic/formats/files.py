"""Small label files, drawn in the test that needs them, and the steps of reading and writing."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    ExportImage,
    ExportReport,
    Format,
    LabelledImage,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.problems import Problem
from panoptic.label import Label
from tests.builders import id_map
from tests.panoptic.strategies import CLASS_IDS, STUFF_IDS

CATEGORIES = [
    {"id": 1, "name": "person", "supercategory": "being", "isthing": 1, "color": [220, 20, 60]},
    {"id": 3, "name": "car", "supercategory": "vehicle", "isthing": 1, "color": [0, 0, 142]},
    {"id": 200, "name": "sky", "supercategory": "sky", "isthing": 0, "color": [70, 130, 180]},
]
# The classes of the taxonomy that stand for them: other ids, so that a mix-up shows.
BINDING: Binding = {
    1: BoundClass(7, "thing"),
    3: BoundClass(9, "thing"),
    200: BoundClass(8, "stuff"),
}
CLASSES = (
    ExportClass(7, "person", "thing", (220, 20, 60), {"coco": 1}, "being"),
    ExportClass(8, "sky", "stuff", (70, 130, 180), {"coco": 200}, "sky"),
    ExportClass(9, "car", "thing", (0, 0, 142), {"coco": 3}, "vehicle"),
)

# The classes of `strategies.layered_labels`, for laws; only some have an external id.
RANDOM_CLASSES = tuple(
    ExportClass(
        class_id,
        f"class {class_id}",
        "stuff" if class_id in STUFF_IDS else "thing",
        (class_id, 0, 255),
        {"coco": class_id + 1} if class_id < 3 else {},
    )
    for class_id in CLASS_IDS
)
RANDOM_BINDING: Binding = {
    category_id: BoundClass(class_id, "stuff" if class_id in STUFF_IDS else "thing")
    for class_id, category_id in category_ids(RANDOM_CLASSES, "coco").items()
}


def panoptic_json(drawings: Mapping[str, str], categories: Mapping[int, int]) -> dict[str, Any]:
    """A valid COCO panoptic file of drawn images; `categories` by segment id."""
    images, annotations = [], []
    for number, (name, drawing) in enumerate(drawings.items(), 1):
        plane = id_map(drawing)
        height, width = plane.shape
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        annotations.append(
            {
                "image_id": number,
                "file_name": name.replace(".jpg", ".png"),
                "segments_info": [
                    _segment_info(plane == segment_id, segment_id, categories[segment_id])
                    for segment_id in np.unique(plane[plane > 0]).tolist()
                ],
            }
        )
    content = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    return copy.deepcopy(content)


def write_panoptic(
    folder: Path, content: dict[str, Any], drawings: Mapping[str, str] | None = None
) -> Path:
    """Write a JSON file and the PNGs of `drawings`, by image name, beside it."""
    labels = folder / "labels"
    for name, drawing in (drawings or {}).items():
        save_rgb(labels / name.replace(".jpg", ".png"), id_map(drawing))
    labels.mkdir(exist_ok=True)
    return write_json(folder / "labels.json", content)


def write_json(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def save_rgb(path: Path, plane: NDArray[np.uint32]) -> None:
    """An RGB PNG of ids, by Pillow."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = [(plane >> shift & 255).astype(np.uint8) for shift in (0, 8, 16)]
    Image.fromarray(np.dstack(channels)).save(path)


def save_pixels(path: Path, rows: Any, dtype: Any = np.uint8, *, mode: str | None = None) -> Path:
    """Numbers or colours as an image by Pillow; `mode` converts them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.array(rows, dtype))
    (image.convert(mode) if mode else image).save(path)
    return path


def read_all(
    format_: Format,
    path: Path,
    options: ReadOptions | None = None,
    binding: Binding = BINDING,
) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
    """The images of a file and every problem, of the file and of its images."""
    options = options or ReadOptions()
    with format_.open(path, options) as source:
        images = [format_.read_item(item, binding, options) for item in source.iter_items()]
        assert source.count == len(images)
        problems = [*source.problems, *(each for image in images for each in image.problems)]
    return images, tuple(problems)


def read_single(
    format_: Format,
    path: Path,
    options: ReadOptions | None = None,
    binding: Binding = BINDING,
) -> tuple[LabelledImage, tuple[Problem, ...]]:
    """The only image of a file, and every problem."""
    (image,), problems = read_all(format_, path, options, binding)
    return image, problems


def read_labels(
    format_: Format, path: Path, options: ReadOptions | None = None, binding: Binding = BINDING
) -> dict[str, Label | None]:
    """The labels by image name; there must be no problem at all."""
    images, problems = read_all(format_, path, options, binding)
    assert problems == ()
    return {image.name: image.label for image in images}


def bind_all(format_: Format, path: Path) -> tuple[Binding, tuple[ExportClass, ...]]:
    """Every class of a file bound to a class id by its place, and those classes for an export."""
    with format_.open(path, ReadOptions()) as source:
        assert source.problems == ()
        numbered = list(enumerate(source.classes, 1))
        scheme = source.scheme
    binding = {each.external_id: BoundClass(number, each.kind) for number, each in numbered}
    classes = tuple(
        ExportClass(
            number,
            each.name,
            each.kind,
            each.color or (0, 0, 0),
            {scheme: each.external_id},
            each.parent,
        )
        for number, each in numbered
    )
    return binding, classes


def write_all(
    format_: Format,
    target: Path,
    images: Sequence[ExportImage],
    classes: tuple[ExportClass, ...] = CLASSES,
    options: WriteOptions | None = None,
) -> ExportReport:
    """Export images."""
    with format_.create(target, classes, options or WriteOptions()) as writer:
        for image in images:
            writer.add(writer.encode(image))
        return writer.close()


def export_image(name: str, label: Label | None, **fields: Any) -> ExportImage:
    """An image of the size of its label, 2 × 3 if it has none."""
    height, width = label.shape if label is not None else (2, 3)
    return ExportImage(name, label, height, width, **fields)


def errors(problems: Sequence[Problem]) -> list[str]:
    """The codes of the errors."""
    return [problem.code for problem in problems if problem.severity == "error"]


def _segment_info(mask: NDArray[np.bool_], segment_id: int, category_id: int) -> dict[str, Any]:
    rows, columns = np.nonzero(mask)
    left, top = int(columns.min()), int(rows.min())
    return {
        "id": segment_id,
        "category_id": category_id,
        "iscrowd": 0,
        "bbox": [left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1],
        "area": int(mask.sum()),
    }
