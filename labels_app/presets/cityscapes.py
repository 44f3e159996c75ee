"""The 35 labels of Cityscapes, and the 19 of them that its evaluation counts."""

from labels_app.class_spec import ClassSpec

# Cityscapes' id, train id (None: the evaluation ignores the label), name, kind, colour, category.
_ROWS: tuple[tuple[int, int | None, str, str, str, str], ...] = (
    (0, None, "unlabeled", "stuff", "#000000", "void"),
    (1, None, "ego vehicle", "stuff", "#000000", "void"),
    (2, None, "rectification border", "stuff", "#000000", "void"),
    (3, None, "out of roi", "stuff", "#000000", "void"),
    (4, None, "static", "stuff", "#000000", "void"),
    (5, None, "dynamic", "stuff", "#6f4a00", "void"),
    (6, None, "ground", "stuff", "#510051", "void"),
    (7, 0, "road", "stuff", "#804080", "flat"),
    (8, 1, "sidewalk", "stuff", "#f423e8", "flat"),
    (9, None, "parking", "stuff", "#faaaa0", "flat"),
    (10, None, "rail track", "stuff", "#e6968c", "flat"),
    (11, 2, "building", "stuff", "#464646", "construction"),
    (12, 3, "wall", "stuff", "#66669c", "construction"),
    (13, 4, "fence", "stuff", "#be9999", "construction"),
    (14, None, "guard rail", "stuff", "#b4a5b4", "construction"),
    (15, None, "bridge", "stuff", "#966464", "construction"),
    (16, None, "tunnel", "stuff", "#96785a", "construction"),
    (17, 5, "pole", "stuff", "#999999", "object"),
    (18, None, "polegroup", "stuff", "#999999", "object"),
    (19, 6, "traffic light", "stuff", "#faaa1e", "object"),
    (20, 7, "traffic sign", "stuff", "#dcdc00", "object"),
    (21, 8, "vegetation", "stuff", "#6b8e23", "nature"),
    (22, 9, "terrain", "stuff", "#98fb98", "nature"),
    (23, 10, "sky", "stuff", "#4682b4", "sky"),
    (24, 11, "person", "thing", "#dc143c", "human"),
    (25, 12, "rider", "thing", "#ff0000", "human"),
    (26, 13, "car", "thing", "#00008e", "vehicle"),
    (27, 14, "truck", "thing", "#000046", "vehicle"),
    (28, 15, "bus", "thing", "#003c64", "vehicle"),
    (29, None, "caravan", "thing", "#00005a", "vehicle"),
    (30, None, "trailer", "thing", "#00006e", "vehicle"),
    (31, 16, "train", "thing", "#005064", "vehicle"),
    (32, 17, "motorcycle", "thing", "#0000e6", "vehicle"),
    (33, 18, "bicycle", "thing", "#770b20", "vehicle"),
    (-1, None, "license plate", "stuff", "#00008e", "vehicle"),
)

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


CLASSES = tuple(_spec(*row) for row in _ROWS)
EVALUATED = tuple(spec for spec in CLASSES if "cityscapes_train" in spec.external)
