"""Lists of classes that many datasets use, built in as data. Where from: docs/presets.md."""

from __future__ import annotations

from collections.abc import Mapping

from labels_app.class_spec import ClassSpec
from labels_app.presets import ade20k, cityscapes, coco, mapillary, mapillary2, voc
from labels_app.presets.base import Preset, UnknownPreset

__all__ = ["PRESETS", "Preset", "UnknownPreset", "get_preset", "list_presets", "preset_classes"]

_ALL = (
    Preset(
        key="coco",
        title="COCO panoptic",
        scheme="coco",
        description="80 things and 53 stuff classes of everyday photographs.",
        source="https://github.com/cocodataset/panopticapi",
        classes=coco.CLASSES,
    ),
    Preset(
        key="cityscapes",
        title="Cityscapes, all labels",
        scheme="cityscapes",
        description="All 35 labels of street scenes, those that the evaluation ignores too.",
        source="https://github.com/mcordts/cityscapesScripts",
        classes=cityscapes.CLASSES,
    ),
    Preset(
        key="cityscapes19",
        title="Cityscapes, the 19 evaluated classes",
        scheme="cityscapes_train",
        description="The classes of street scenes that have a train id; all else is void.",
        source="https://github.com/mcordts/cityscapesScripts",
        classes=cityscapes.EVALUATED,
    ),
    Preset(
        key="ade20k",
        title="ADE20K, 150 classes",
        scheme="ade20k",
        description="The classes of the MIT scene parsing benchmark: rooms, streets, landscapes.",
        source="https://github.com/CSAILVision/sceneparsing",
        classes=ade20k.CLASSES,
    ),
    Preset(
        key="mapillary",
        title="Mapillary Vistas v1.2",
        scheme="mapillary",
        description="66 classes of street scenes all over the world.",
        source="https://www.mapillary.com/dataset/vistas",
        classes=mapillary.CLASSES,
    ),
    Preset(
        key="mapillary2",
        title="Mapillary Vistas v2.0",
        scheme="mapillary2",
        description="124 classes of street scenes, with lane markings and signs told apart.",
        source="https://www.mapillary.com/dataset/vistas",
        classes=mapillary2.CLASSES,
    ),
    Preset(
        key="voc",
        title="PASCAL VOC",
        scheme="voc",
        description="20 kinds of objects; everything else is void.",
        source="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
        classes=voc.CLASSES,
    ),
)

PRESETS: Mapping[str, Preset] = {preset.key: preset for preset in _ALL}


def list_presets() -> tuple[Preset, ...]:
    """Return every preset, in the order in which a page shows them."""
    return _ALL


def get_preset(key: str) -> Preset:
    """Return the preset of this key; raise `UnknownPreset` if there is none."""
    try:
        return PRESETS[key]
    except KeyError:
        raise UnknownPreset(key) from None


def preset_classes(key: str) -> tuple[ClassSpec, ...]:
    """Return the new classes of a preset, in its order, for `settle_classes`.

    Raises
    ------
    UnknownPreset
        There is no preset of this key.
    """
    return get_preset(key).classes
