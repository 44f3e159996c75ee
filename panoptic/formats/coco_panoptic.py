"""The format `coco_panoptic`: a JSON file and a folder of RGB PNGs."""

from __future__ import annotations

from panoptic.formats.base import Format
from panoptic.formats.coco_panoptic_reader import open_panoptic, read_panoptic_item
from panoptic.formats.coco_panoptic_writer import PanopticWriter

COCO_PANOPTIC = Format(
    name="coco_panoptic",
    title="COCO panoptic",
    has_classes=True,
    has_ids=True,
    file_name="panoptic.json",
    open=open_panoptic,
    read_item=read_panoptic_item,
    create=PanopticWriter,
)
