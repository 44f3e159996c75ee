"""The format `coco_panoptic`: a JSON file and a folder of RGB PNGs."""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.coco.fields import SCHEME as COCO
from panoptic.formats.coco.panoptic_reader import open_panoptic, read_panoptic_item
from panoptic.formats.coco.panoptic_writer import PanopticWriter
from panoptic.formats.coco.recognition import recognise_panoptic
from panoptic.formats.options import SCHEME

COCO_PANOPTIC = Format(
    name="coco_panoptic",
    title="COCO panoptic",
    has_classes=True,
    has_ids=True,
    file_name="panoptic.json",
    open=open_panoptic,
    read_item=read_panoptic_item,
    create=PanopticWriter,
    recognise=recognise_panoptic,
    scheme=COCO,
    write_options=(SCHEME,),
    settings=frozenset({"labels"}),
    carries=Carries(
        void="id 0",
        crowd="`iscrowd`; several crowds of a class stay several",
        overlap="the visible part of every segment",
        loses="hidden pixels and segments; attributes that have the name of a COCO key; splits and"
        " photographs",
    ),
)
