"""Labels of people who draw a thing whole, also where another thing hides it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from datasets_app.sample.raster import draw_mask
from datasets_app.sample.shapes import Item
from datasets_app.sample.taxonomy import stuff_names
from panoptic.label import Label, Segment, compose_label
from panoptic.runs import Spans, encode_runs


def stack_full_masks(
    id_map: NDArray[np.uint32],
    places: NDArray[np.uint8],
    bent: Sequence[Item],
    ids: NDArray[np.uint32],
    rows: Mapping[int, Segment],
    layered: NDArray[np.bool_],
) -> Label:
    """Compose full masks; stuff (and void) in front of a thing takes its pixels, things do not.

    id_map, places : (height, width), the segment and the place seen at each pixel.
    bent : the items in drawing order; place k is bent[k - 1]. ids : segment id by place.
    layered : which of `bent` are drawn whole.
    """
    height, width = id_map.shape
    things = np.array([False, *(is_thing(item) for item in bent)])
    crops: dict[int, list[tuple[int, int, NDArray[np.bool_]]]] = {}
    order: list[int] = []
    for place in range(1, len(bent) + 1):
        segment_id = int(ids[place])
        if not (layered[place - 1] and bent[place - 1].parts) or segment_id not in rows:
            continue
        top, left, mask = draw_mask(height, width, bent[place - 1].parts)
        rows_, columns = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
        over = places[rows_, columns]
        # Pixels cut off as a piece of their own stay there, else the piece would lie beneath.
        mine = (over == place) & (id_map[rows_, columns] == segment_id)
        whole = (mask & things[over] & (over > place)) | mine
        # What is mostly hidden is drawn as far as it is seen: nobody guesses the rest.
        mask = whole if np.count_nonzero(mine) * 2 > np.count_nonzero(whole) else mine
        if mine.any():
            crops.setdefault(segment_id, []).append((top, left, mask))
            order.append(segment_id)
    drawn = set(order)
    runs = encode_runs(id_map)
    below = [i for i in np.unique(runs.values).tolist() if i and i not in drawn]
    ends = runs.ends
    painted: list[tuple[Segment, Spans]] = []
    for segment_id in below:
        of_this = runs.values == segment_id
        painted.append(
            (rows[segment_id], Spans(ends[of_this] - runs.lengths[of_this], ends[of_this]))
        )
    painted += [
        (rows[segment_id], _spans(crops[segment_id], height, width))
        for segment_id in dict.fromkeys(order)
    ]
    return compose_label(height, width, painted)


def _spans(crops: Sequence[tuple[int, int, NDArray[np.bool_]]], height: int, width: int) -> Spans:
    top = min(t for t, _, _ in crops)
    left = min(c for _, c, _ in crops)
    bottom = max(t + mask.shape[0] for t, _, mask in crops)
    right = max(c + mask.shape[1] for _, c, mask in crops)
    whole = np.zeros((bottom - top, right - left + 2), dtype=np.int8)
    for t, c, mask in crops:
        whole[t - top : t - top + mask.shape[0], c - left + 1 : c - left + 1 + mask.shape[1]] |= (
            mask
        )
    steps = np.diff(whole, axis=1)
    begin_row, begin = np.nonzero(steps == 1)
    end_row, end = np.nonzero(steps == -1)
    starts = (begin_row + top) * width + begin + left
    ends = (end_row + top) * width + end + left
    # A mask from edge to edge: the span of one row touches that of the next.
    apart = np.flatnonzero(starts[1:] != ends[:-1])
    return Spans(
        starts[np.concatenate([[0], apart + 1])].astype(np.int64),
        ends[np.concatenate([apart, [len(ends) - 1]])].astype(np.int64),
    )


def is_thing(item: Item) -> bool:
    """Void is neither stuff nor thing."""
    return item.class_name is not None and item.class_name not in stuff_names()
