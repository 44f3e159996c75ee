"""The format `coco_instances`: a JSON file with polygons or RLE."""

from __future__ import annotations

from panoptic.formats.base import Format
from panoptic.formats.coco_instances_reader import open_instances, read_instances_item
from panoptic.formats.coco_instances_writer import InstancesWriter

COCO_INSTANCES = Format(
    name="coco_instances",
    title="COCO instances",
    has_classes=True,
    has_ids=True,
    file_name="instances.json",
    open=open_instances,
    read_item=read_instances_item,
    create=InstancesWriter,
)
