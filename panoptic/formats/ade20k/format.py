"""The format `ade20k`: the full dataset of 2016 and 2017 (`_atr.txt`), 2020 and 2021 (JSON)."""

from __future__ import annotations

from panoptic.formats.ade20k.codes import RED
from panoptic.formats.ade20k.reader import read_full_item
from panoptic.formats.ade20k.tree import PARTS, SCHEME, open_full, recognise_full
from panoptic.formats.base import Carries, Format

ADE20K = Format(
    name="ade20k",
    title="ADE20K, full",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_full,
    read_item=read_full_item,
    recognise=recognise_full,
    scheme=SCHEME,
    read_options=(PARTS, RED),
    carries=Carries(
        void="class and instance 0",
        crowd="pixels of a thing class without an instance, as one crowd",
        overlap="masks of 2020 and 2021 with their hidden pixels; parts above their objects",
        loses="parts, unless `parts=yes`; which of a stuff class's instances is which; hidden"
        " pixels of things under stuff; polygons, scenes, hypernyms and depth ranks",
    ),
)
