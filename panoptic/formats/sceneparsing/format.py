"""The format `sceneparsing`: the MIT scene parsing benchmark on ADE20K (ADEChallengeData2016)."""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.options import PHOTOS
from panoptic.formats.sceneparsing.reader import (
    READ_ZERO,
    SCHEME,
    ZERO,
    open_scenes,
    read_scene_item,
    recognise_scenes,
)
from panoptic.formats.sceneparsing.writer import ScenesWriter

SCENEPARSING = Format(
    name="sceneparsing",
    title="ADE20K scene parsing",
    has_classes=True,
    has_ids=False,
    file_name=None,
    open=open_scenes,
    read_item=read_scene_item,
    create=ScenesWriter,
    recognise=recognise_scenes,
    scheme=SCHEME,
    read_options=(READ_ZERO,),
    write_options=(ZERO, PHOTOS),
    carries=Carries(
        void="value 0, “other”; with `zero=first` 255",
        crowd="the region of a thing class, which is read as one crowd",
        overlap="the topmost segment",
        loses="hidden pixels and segments; which thing is which; ids, scores, tracks, origins,"
        " attributes of segments and images; classes beyond the 150, which become void; unlabelled"
        " images; that an image is in no split: it goes to training; without photographs the"
        " suffixes of names, which become .jpg",
    ),
)
