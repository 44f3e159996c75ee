"""The 150 classes of the MIT scene parsing benchmark on ADE20K: 100 things, 50 stuff."""

from labels_app.class_spec import ClassSpec
from panoptic.formats.class_lists.ade20k import ROWS

CLASSES = tuple(
    ClassSpec(
        name,
        kind,
        color=color,
        external={"ade20k": ade_id},
        synonyms=tuple(synonyms.split(", ")) if synonyms else (),
    )
    for ade_id, name, kind, color, synonyms in ROWS
)
