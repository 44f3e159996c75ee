"""Tiny labels for large benchmarks: a few segments on 32 × 32 pixels."""

import numpy as np

from datasets_app.sample.annotators import MODEL, MODEL_VERSION, Handling
from datasets_app.sample.scene import MISTAKES, image_rng
from datasets_app.sample.taxonomy import class_ids
from panoptic.label import Label, Origin, Segment, label_from_id_map

TINY_SIZE = 32
_THINGS = ("person", "car", "bicycle", "truck", "rider", "dog")
_TAKEN_FOR = {"truck": "bus", "rider": "person", "bicycle": "motorcycle"}


def annotate_tiny(seed: int, index: int, handling: Handling) -> Label:
    """Label one tiny image; the mistakes are those of `annotators`, in miniature."""
    chance = image_rng(seed, index, MISTAKES).integers(0, 1 << 16, 32).tolist()
    numbers = class_ids()
    sky, street = 6 + chance[0] % 7, 20 + chance[1] % 6
    middle = ("building", "vegetation", "wall")[chance[2] % 3]
    ground = "road" if chance[3] % 4 else "terrain"
    id_map = np.empty((TINY_SIZE, TINY_SIZE), dtype=np.uint32)
    id_map[:sky] = numbers["sky"]
    id_map[sky:street] = numbers[middle]
    id_map[street:] = numbers[ground]
    rows = {numbers[n]: numbers[n] for n in ("sky", middle, ground)}
    loose = 0 if handling.boundaries else 1
    for thing in range(1 + chance[4] % 4):
        kind, x, y, size = chance[5 + 4 * thing : 9 + 4 * thing]
        if thing and not handling.missed and size % 3 == 0:
            continue
        name = _THINGS[kind % len(_THINGS)]
        if not handling.classes and x % 5 == 0:
            name = _TAKEN_FOR.get(name, name)
        segment_id = 1000 + thing
        if thing == 1 and not handling.groups and y % 3 == 0 and 1000 in rows:
            segment_id = 1000
        left, top = x % 26, street - 4 + y % 8
        extra = 1 if handling.persons and name in ("person", "rider") else 0
        id_map[top : top + 3 + size % 4 + loose, left : left + 2 + size // 4 % 5 + extra] = (
            segment_id
        )
        rows.setdefault(segment_id, numbers[name])
    seen = np.unique(id_map).tolist()
    origin = Origin(MODEL, MODEL_VERSION, 0.5 + chance[30] % 50 / 100) if handling.model else None
    shift = 7 if handling.renumbered else 0
    if shift:
        id_map += np.uint32(shift)
    return label_from_id_map(
        id_map,
        [
            Segment(
                segment_id + shift,
                rows[segment_id],
                score=origin.score if origin and not handling.accepted else None,
                origin=origin,
                attributes={"moving": chance[31] % 2 == 0}
                if handling.details and segment_id >= 1000
                else {},
            )
            for segment_id in seen
        ],
    )
