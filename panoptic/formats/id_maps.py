"""The format `id_maps`: pictures of numbers, PNG or TIFF, with tables of what the numbers mean.

Nobody owns this format: it is what segmentation networks and microscopes write. The tables are
ours; see `id_maps_tables`.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.id_maps_reader import MEANING, open_ids, read_ids_item, recognise_ids
from panoptic.formats.id_maps_writer import BITS, WRITTEN_MEANING, IdMapsWriter
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
    carries=Carries(
        void="0",
        crowd="kept in segments.csv; in maps of classes each thing class is one crowd",
        overlap="only what is visible",
        loses=(
            "scores, tracks, attributes, hidden pixels, splits, unlabelled images, the suffix of"
            " names without photographs; maps of"
            " classes also instances, ids and crowds; ids that do not fit the bits are an error"
        ),
    ),
)
