"""The formats by name."""

from __future__ import annotations

from panoptic.errors import PanopticError
from panoptic.formats.ade20k import ADE20K
from panoptic.formats.base import Format
from panoptic.formats.bdd100k import BDD100K
from panoptic.formats.bdd100k_semantic import BDD100K_SEMANTIC
from panoptic.formats.cityscapes import CITYSCAPES
from panoptic.formats.cityscapes_panoptic import CITYSCAPES_PANOPTIC
from panoptic.formats.coco_instances import COCO_INSTANCES
from panoptic.formats.coco_panoptic import COCO_PANOPTIC
from panoptic.formats.coco_stuff import COCO_STUFF
from panoptic.formats.color_maps import COLOR_MAPS
from panoptic.formats.cvat import CVAT
from panoptic.formats.id_maps import ID_MAPS
from panoptic.formats.instance_masks import INSTANCE_MASKS
from panoptic.formats.kitti import KITTI
from panoptic.formats.kitti_step import KITTI_STEP
from panoptic.formats.mapillary import MAPILLARY
from panoptic.formats.parquet import PARQUET
from panoptic.formats.pixelmaps import PIXELMAPS
from panoptic.formats.sceneparsing import SCENEPARSING
from panoptic.formats.voc import VOC
from panoptic.formats.webdataset import WEBDATASET

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
