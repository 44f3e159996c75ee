"""The 20 object classes of PASCAL VOC, all of them things; its background is void here."""

from labels_app.class_spec import ClassSpec
from panoptic.formats.class_lists.voc import ROWS

CLASSES = tuple(
    ClassSpec(
        name,
        "thing",
        color=color,
        heading=heading,
        external={"voc": voc_id},
        synonyms=(written,) if written else (),
    )
    for voc_id, name, color, heading, written in ROWS
)
