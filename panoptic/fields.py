"""Which rows of two segment tables say the same of their segments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panoptic.segments import NO_ATTRIBUTES, Segments

I64 = NDArray[np.int64]


def find_differing_fields(
    old: Segments, old_places: I64, new: Segments, new_places: I64
) -> NDArray[np.bool_]:
    """Per pair of rows whether crowd, track, score, origin or free attributes differ: bool[k].

    Id, class and layer are not looked at.
    """
    # There is one NaN pattern and no -0: equal scores have equal bits.
    old_scores, new_scores = old.scores.view(np.uint32), new.scores.view(np.uint32)
    differ: NDArray[np.bool_] = (
        (old.crowds[old_places] != new.crowds[new_places])
        | (old.track_ids[old_places] != new.track_ids[new_places])
        | (old_scores[old_places] != new_scores[new_places])
    )
    if not (old.origins or new.origins or old.attributes or new.attributes):
        return differ
    pairs = zip(old.ids[old_places].tolist(), new.ids[new_places].tolist(), strict=True)
    for row, (old_id, new_id) in enumerate(pairs):
        if old.origins.get(old_id) != new.origins.get(new_id) or not is_same_json(
            old.attributes.get(old_id, NO_ATTRIBUTES), new.attributes.get(new_id, NO_ATTRIBUTES)
        ):
            differ[row] = True
    return differ


def is_same_json(a: Any, b: Any) -> bool:
    """Whether two JSON values are written the same; unlike `==`, true is not 1."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(is_same_json(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(is_same_json, a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)
