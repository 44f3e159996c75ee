"""The formats by name."""

from __future__ import annotations

from panoptic.errors import PanopticError
from panoptic.formats.base import Format
from panoptic.formats.coco_instances import COCO_INSTANCES
from panoptic.formats.coco_panoptic import COCO_PANOPTIC
from panoptic.formats.instance_masks import INSTANCE_MASKS

FORMATS: dict[str, Format] = {
    format_.name: format_ for format_ in (COCO_INSTANCES, COCO_PANOPTIC, INSTANCE_MASKS)
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
