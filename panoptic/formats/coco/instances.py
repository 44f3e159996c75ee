"""The format `coco_instances`: a JSON file with polygons or RLE."""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.coco.fields import SCHEME as COCO
from panoptic.formats.coco.instances_reader import open_instances, read_instances_item
from panoptic.formats.coco.instances_writer import InstancesWriter
from panoptic.formats.coco.recognition import recognise_instances
from panoptic.formats.options import GEOMETRY, SCHEME

COCO_INSTANCES = Format(
    name="coco_instances",
    title="COCO instances",
    has_classes=True,
    has_ids=True,
    file_name="instances.json",
    open=open_instances,
    read_item=read_instances_item,
    create=InstancesWriter,
    recognise=recognise_instances,
    scheme=COCO,
    write_options=(SCHEME, GEOMETRY),
    settings=frozenset({"on_overlap"}),
    carries=Carries(
        void="what no annotation covers",
        crowd="`iscrowd`, as uncompressed RLE",
        overlap="full masks; annotations of an image stand bottom first",
        loses="that an image is unlabelled; attributes that have the name of a COCO key; splits and"
        " photographs",
    ),
)
