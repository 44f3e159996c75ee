"""The 20 object classes of PASCAL VOC, all of them things; its background is void here."""

# VOC's index, name, colour, the group it belongs to, the name as people write it.
ROWS: tuple[tuple[int, str, str, str, str], ...] = (
    (1, "aeroplane", "#800000", "vehicle", ""),
    (2, "bicycle", "#008000", "vehicle", ""),
    (3, "bird", "#808000", "animal", ""),
    (4, "boat", "#000080", "vehicle", ""),
    (5, "bottle", "#800080", "indoor", ""),
    (6, "bus", "#008080", "vehicle", ""),
    (7, "car", "#808080", "vehicle", ""),
    (8, "cat", "#400000", "animal", ""),
    (9, "chair", "#c00000", "indoor", ""),
    (10, "cow", "#408000", "animal", ""),
    (11, "diningtable", "#c08000", "indoor", "dining table"),
    (12, "dog", "#400080", "animal", ""),
    (13, "horse", "#c00080", "animal", ""),
    (14, "motorbike", "#408080", "vehicle", ""),
    (15, "person", "#c08080", "person", ""),
    (16, "pottedplant", "#004000", "indoor", "potted plant"),
    (17, "sheep", "#804000", "animal", ""),
    (18, "sofa", "#00c000", "indoor", ""),
    (19, "train", "#80c000", "vehicle", ""),
    (20, "tvmonitor", "#004080", "indoor", "tv/monitor"),
)
