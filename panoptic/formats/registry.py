"""The formats by name."""

from __future__ import annotations

from panoptic.errors import PanopticError
from panoptic.formats.ade20k.format import ADE20K
from panoptic.formats.base import Format
from panoptic.formats.bdd100k.format import BDD100K
from panoptic.formats.bdd100k.semantic import BDD100K_SEMANTIC
from panoptic.formats.cityscapes.format import CITYSCAPES
from panoptic.formats.cityscapes.panoptic import CITYSCAPES_PANOPTIC
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.coco.stuff import COCO_STUFF
from panoptic.formats.color_maps.format import COLOR_MAPS
from panoptic.formats.cvat.format import CVAT
from panoptic.formats.id_maps.format import ID_MAPS
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.formats.kitti.format import KITTI
from panoptic.formats.kitti.step import KITTI_STEP
from panoptic.formats.mapillary.format import MAPILLARY
from panoptic.formats.pixelmaps.format import PIXELMAPS
from panoptic.formats.sceneparsing.format import SCENEPARSING
from panoptic.formats.shards.parquet import PARQUET
from panoptic.formats.shards.webdataset import WEBDATASET
from panoptic.formats.voc.format import VOC

FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        ADE20K,
        BDD100K,
        BDD100K_SEMANTIC,
        CITYSCAPES,
        CITYSCAPES_PANOPTIC,
        COCO_INSTANCES,
        COCO_PANOPTIC,
        COCO_STUFF,
        COLOR_MAPS,
        CVAT,
        ID_MAPS,
        INSTANCE_MASKS,
        KITTI,
        KITTI_STEP,
        MAPILLARY,
        PARQUET,
        PIXELMAPS,
        SCENEPARSING,
        VOC,
        WEBDATASET,
    )
}


class UnknownFormat(PanopticError):
    """Nobody registered a format of this name."""

    code = "unknown_format"

    def __init__(self, name: str) -> None:
        super().__init__(f"no format is named {name!r}; there are {', '.join(sorted(FORMATS))}")
        self.name = name


def get_format(name: str) -> Format:
    """Return the format of this name; UnknownFormat lists the names there are."""
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownFormat(name) from None
