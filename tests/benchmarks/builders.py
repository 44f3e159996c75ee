"""A COCO panoptic file of one label."""

from pathlib import Path

from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.registry import get_format
from panoptic.label import Label

CLASSES = (
    ExportClass(7, "car", "thing", (1, 2, 3), {"coco": 7}),
    ExportClass(9, "sky", "stuff", (4, 5, 6), {"coco": 9}),
)


def write_panoptic(folder: Path, drawn: Label) -> Path:
    """Write the label, of classes 7 (thing) and 9 (stuff); return the path of the JSON."""
    folder.mkdir()
    path = folder / "panoptic.json"
    with get_format("coco_panoptic").create(path, CLASSES, WriteOptions()) as writer:
        writer.add(writer.encode(ExportImage("a.jpg", drawn, drawn.height, drawn.width, 1)))
        writer.close()
    return path
