"""The format `color_maps`: pictures whose colours are classes, with a table of the colours.

The facts are from CamVid's own files, the readers and writers of Datumaro (CamVid, common
semantic segmentation, SYNTHIA) and CVAT's documentation of its CamVid export.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.color_maps.reader import (
    MAP_PREFIX,
    MAP_SUFFIX,
    PHOTO_PREFIX,
    open_colors,
    read_colors_item,
    recognise_colors,
)
from panoptic.formats.color_maps.writer import ColorsWriter
from panoptic.formats.options import PHOTOS

COLOR_MAPS = Format(
    name="color_maps",
    title="Colour maps (CamVid)",
    has_classes=True,
    has_ids=False,
    file_name=None,
    open=open_colors,
    read_item=read_colors_item,
    create=ColorsWriter,
    recognise=recognise_colors,
    read_options=(MAP_PREFIX, MAP_SUFFIX, PHOTO_PREFIX),
    write_options=(PHOTOS,),
    settings=frozenset({"classes", "labels"}),
    carries=Carries(
        void="black",
        crowd="the region of a thing class, which is read as one crowd",
        overlap="the topmost segment",
        loses=(
            "hidden pixels and segments; which thing is which; ids, scores, tracks, origins,"
            " attributes of segments and images; whether a class is a thing; colours that are black"
            " or another class's; unlabelled images; without photographs the suffixes of names,"
            " which become .png"
        ),
    ),
)
