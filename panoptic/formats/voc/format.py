"""The format `voc`: PASCAL VOC's segmentation files, also with a labelmap as CVAT writes it.

The facts are from the development kit of VOC 2012 (palette, border, lists), the documentation
of CVAT's "Segmentation mask 1.1" and Datumaro's description of its labelmap. See `reader`
for what the pixels mean and `writer` for what is lost.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.options import PHOTOS
from panoptic.formats.voc.classes import SCHEME
from panoptic.formats.voc.reader import open_voc, read_voc_item, recognise_voc
from panoptic.formats.voc.writer import VocWriter

VOC = Format(
    name="voc",
    title="PASCAL VOC segmentation",
    has_classes=True,
    has_ids=True,
    file_name=None,
    scheme=SCHEME,
    open=open_voc,
    read_item=read_voc_item,
    create=VocWriter,
    recognise=recognise_voc,
    write_options=(PHOTOS,),
    settings=frozenset({"classes"}),
    carries=Carries(
        void="0, the background; a border of 255 is read as void, and none is written",
        crowd="the region of a thing class without an object: one for each class",
        overlap="the visible part of every segment",
        loses=(
            "hidden pixels and segments; ids of stuff and crowds and those above 254; scores,"
            " tracks, origins, attributes of segments and images; which classes of a labelmap are"
            " stuff; unlabelled images; splits called `trainval` or `default`; without photographs"
            " the suffixes of names, which become .jpg; more than 254 things in an image, or 254"
            " classes, are refused"
        ),
    ),
)
