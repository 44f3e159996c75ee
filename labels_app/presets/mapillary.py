"""The 66 classes of Mapillary Vistas v1.2: 37 things, 29 stuff."""

from labels_app.presets._mapillary import mapillary_classes
from panoptic.formats.class_lists.mapillary import ROWS

CLASSES = mapillary_classes("mapillary", ROWS)
