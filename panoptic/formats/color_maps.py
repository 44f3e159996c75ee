"""The format `color_maps`: pictures whose colours are classes, with a table of the colours.

The facts are from CamVid's own files, the readers and writers of Datumaro (CamVid, common
semantic segmentation, SYNTHIA) and CVAT's documentation of its CamVid export.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.color_maps_reader import (
    MAP_PREFIX,
    MAP_SUFFIX,
    PHOTO_PREFIX,
    open_colors,
    read_colors_item,
    recognise_colors,
)
from panoptic.formats.color_maps_writer import ColorsWriter
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
    carries=Carries(
        void="black",
        crowd="as everything of its class: each thing class is one crowd",
        overlap="only what is visible",
        loses=(
            "instances, ids, crowds, scores, tracks, attributes, hidden pixels, unlabelled"
            " images, whether a class is a thing, the suffix of names without photographs"
        ),
    ),
)
