"""The 124 classes of Mapillary Vistas v2.0: 72 things, 52 stuff."""

from labels_app.presets._mapillary import mapillary_classes
from panoptic.formats.class_lists.mapillary2 import ROWS

CLASSES = mapillary_classes("mapillary2", ROWS)
