"""The 35 labels of Cityscapes, and the 19 of them that its evaluation counts."""

from labels_app.class_spec import ClassSpec
from panoptic.formats.class_lists.cityscapes import ROWS

IGNORED = "Ignored by the evaluation of Cityscapes."


def _spec(
    label_id: int, train_id: int | None, name: str, kind: str, color: str, category: str
) -> ClassSpec:
    external = {"cityscapes": label_id}
    if train_id is not None:
        external["cityscapes_train"] = train_id
    return ClassSpec(
        name,
        kind,
        color=color,
        heading=category,
        description=IGNORED if train_id is None else "",
        external=external,
    )


CLASSES = tuple(_spec(*row) for row in ROWS)
EVALUATED = tuple(spec for spec in CLASSES if "cityscapes_train" in spec.external)
