"""The segment table of a label: one row per segment, kept as columns sorted by id."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panoptic.errors import MalformedLabel

MAX_SEGMENT_ID = 2**24 - 1
MAX_CLASS_ID = 2**16 - 1
MAX_TRACK_ID = 2**53 - 1
_NAN_BITS = 0x7FC00000

NO_ATTRIBUTES: Mapping[str, Any] = {}


class Origin(NamedTuple):
    """Which model proposed a segment; it stays when a person accepts the segment."""

    model: str
    version: str = ""
    score: float | None = None


class Segment(NamedTuple):
    """One row of the table. `score` and `origin` None: a person drew it."""

    segment_id: int
    class_id: int
    crowd: bool = False
    track_id: int | None = None
    score: float | None = None
    origin: Origin | None = None
    attributes: Mapping[str, Any] = NO_ATTRIBUTES


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Columns over the segments of a label, sorted by id.

    ids, class_ids : uint32; layers : uint16 (ordinal, 0 lowest); crowds : bool
    track_ids : int64, 0 is none; scores : float32, NaN is none
    origins, attributes : by segment id, only where there are any
    """

    ids: NDArray[np.uint32]
    class_ids: NDArray[np.uint32]
    layers: NDArray[np.uint16]
    crowds: NDArray[np.bool_]
    track_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    origins: Mapping[int, Origin] = field(default_factory=dict)
    attributes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Segments):
            return NotImplemented
        return (
            np.array_equal(self.ids, other.ids)
            and np.array_equal(self.class_ids, other.class_ids)
            and np.array_equal(self.layers, other.layers)
            and np.array_equal(self.crowds, other.crowds)
            and np.array_equal(self.track_ids, other.track_ids)
            and np.array_equal(self.scores, other.scores, equal_nan=True)
            and self.origins == other.origins
            and _is_same_json(self.attributes, other.attributes)
        )

    def __hash__(self) -> int:
        return hash((self.ids.tobytes(), self.class_ids.tobytes(), self.layers.tobytes()))

    def __len__(self) -> int:
        return int(self.ids.size)

    def __iter__(self) -> Iterator[Segment]:
        columns = (self.ids, self.class_ids, self.crowds, self.track_ids, self.scores)
        for segment_id, class_id, crowd, track_id, score in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            yield Segment(
                segment_id,
                class_id,
                crowd,
                track_id or None,
                None if math.isnan(score) else score,
                self.origins.get(segment_id),
                self.attributes.get(segment_id, NO_ATTRIBUTES),
            )

    def row(self, segment_id: int) -> Segment:
        """The row of one segment; KeyError if there is none."""
        index = int(self.index_of([segment_id])[0])
        score = float(self.scores[index])
        return Segment(
            int(self.ids[index]),
            int(self.class_ids[index]),
            bool(self.crowds[index]),
            int(self.track_ids[index]) or None,
            None if math.isnan(score) else score,
            self.origins.get(segment_id),
            self.attributes.get(segment_id, NO_ATTRIBUTES),
        )

    def index_of(self, ids: ArrayLike) -> NDArray[np.intp]:
        """The place of every id in the columns; KeyError names the first that has none."""
        wanted = np.asarray(ids, np.int64)
        places = np.searchsorted(self.ids, wanted)
        inside = places < self.ids.size
        found = inside.copy()
        found[inside] = self.ids[places[inside]] == wanted[inside]
        if not found.all():
            raise KeyError(int(wanted[np.argmin(found)]))
        return places


def segments_from_rows(
    rows: Iterable[Segment], layers: Mapping[int, int] | None = None
) -> Segments:
    """Columns from rows in any order; `layers` by id, all 0 when None.

    Raises MalformedLabel, naming the segment, for an id outside 1 to 2^24 - 1 or given twice,
    a class outside 1 to 65,535, a track id below 1 and a score outside 0 to 1.
    """
    ordered = sorted(rows, key=_segment_id)
    previous = 0
    for row in ordered:
        _check_row(row, previous)
        previous = row.segment_id
    if not ordered:
        return no_segments()
    ids, class_ids, crowds, track_ids, scores, origins, attributes = zip(*ordered, strict=True)
    return Segments(
        ids=np.array(ids, np.uint32),
        class_ids=np.array(class_ids, np.uint32),
        layers=np.zeros(len(ids), np.uint16)
        if layers is None
        else np.array([layers[segment_id] for segment_id in ids], np.uint16),
        crowds=np.array(crowds, np.bool_),
        track_ids=np.array([track_id or 0 for track_id in track_ids], np.int64),
        scores=np.array([np.nan if score is None else score for score in scores], np.float32),
        origins={i: origin for i, origin in zip(ids, origins, strict=True) if origin is not None},
        attributes={i: given for i, given in zip(ids, attributes, strict=True) if given},
    )


def score_bits(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """The little-endian bits of scores: −0 as 0, and one NaN of the many."""
    absent = np.isnan(scores)
    # Adding 0 turns -0 into 0.
    bits = (scores + np.float32(0)).astype("<f4", copy=False).view("<u4")
    if absent.any():
        bits[absent] = _NAN_BITS
    return bits


def no_segments() -> Segments:
    """An empty table."""
    return Segments(
        ids=np.zeros(0, np.uint32),
        class_ids=np.zeros(0, np.uint32),
        layers=np.zeros(0, np.uint16),
        crowds=np.zeros(0, np.bool_),
        track_ids=np.zeros(0, np.int64),
        scores=np.zeros(0, np.float32),
    )


def _is_same_json(a: Any, b: Any) -> bool:
    """Equality of JSON: True is not 1, a tuple is a list."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_is_same_json(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_is_same_json, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _segment_id(row: Segment) -> int:
    return row.segment_id


def _check_row(row: Segment, previous: int) -> None:
    if not 1 <= row.segment_id <= MAX_SEGMENT_ID:
        reason = f"an id is between 1 and {MAX_SEGMENT_ID}"
    elif row.segment_id == previous:
        reason = "the id is given twice"
    elif not 1 <= row.class_id <= MAX_CLASS_ID:
        reason = f"class {row.class_id} is not between 1 and {MAX_CLASS_ID}"
    elif row.track_id is not None and not 1 <= row.track_id <= MAX_TRACK_ID:
        reason = f"track id {row.track_id} is not between 1 and 2^53 - 1"
    elif row.score is not None and not (0 <= row.score <= 1 or math.isnan(row.score)):
        reason = f"score {row.score} is not between 0 and 1"
    elif row.origin is not None and not _is_ratio(row.origin.score):
        reason = f"score {row.origin.score} of the origin is not between 0 and 1"
    else:
        return
    raise MalformedLabel(reason, where=f"segment {row.segment_id}")


def _is_ratio(score: float | None) -> bool:
    return score is None or 0 <= score <= 1
