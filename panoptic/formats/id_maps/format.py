"""The format `id_maps`: pictures of numbers, PNG or TIFF, with tables of what the numbers mean.

Nobody owns this format: it is what segmentation networks and microscopes write. The tables are
ours; see `id_maps_tables`.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.id_maps.reader import MEANING, open_ids, read_ids_item, recognise_ids
from panoptic.formats.id_maps.writer import BITS, WRITTEN_MEANING, IdMapsWriter
from panoptic.formats.options import PHOTOS, SCHEME

ID_MAPS = Format(
    name="id_maps",
    title="Id maps",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_ids,
    read_item=read_ids_item,
    create=IdMapsWriter,
    recognise=recognise_ids,
    read_options=(MEANING,),
    write_options=(WRITTEN_MEANING, BITS, SCHEME, PHOTOS),
    settings=frozenset({"class_name", "classes", "labels"}),
    carries=Carries(
        void="0",
        crowd="a column of segments.csv; in maps of classes the region of a thing class",
        overlap="the visible part of every segment",
        loses=(
            "hidden pixels and segments; scores, tracks, origins, attributes of segments and"
            " images; splits; unlabelled images; without photographs the suffixes of names, which"
            " become .png; maps of classes also which thing is which and ids; ids that do not fit"
            " the bits are refused"
        ),
    ),
)
