"""The format `pixelmaps`: semantic PNGs of COCO categories, with a table of their values."""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.coco.fields import SCHEME as COCO
from panoptic.formats.options import SCHEME
from panoptic.formats.pixelmaps.reader import (
    THINGS_ARE,
    open_pixelmaps,
    read_pixelmap,
    recognise_pixelmaps,
)
from panoptic.formats.pixelmaps.table import CONVENTION, READ_CONVENTION
from panoptic.formats.pixelmaps.writer import BITS, PixelmapsWriter

PIXELMAPS = Format(
    name="pixelmaps",
    title="Pixel maps of COCO categories",
    has_classes=True,
    has_ids=False,
    file_name=None,
    open=open_pixelmaps,
    read_item=read_pixelmap,
    create=PixelmapsWriter,
    recognise=recognise_pixelmaps,
    scheme=COCO,
    read_options=(READ_CONVENTION, THINGS_ARE),
    write_options=(SCHEME, CONVENTION, BITS),
    settings=frozenset({"classes"}),
    carries=Carries(
        void="0 or 255, by the convention, which pixelmaps.json says",
        crowd="the region of a thing class, which is read as one crowd",
        overlap="the topmost segment",
        loses="hidden pixels and segments; which thing is which, with `convention=detectron2` also"
        " of which class; without it category 0, which becomes void; ids, scores, tracks, origins,"
        " attributes of segments and images; photographs and the suffixes of their names;"
        " unlabelled images; values that do not fit are refused",
    ),
)
