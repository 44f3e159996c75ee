"""A label as a taxonomy reads it: live classes, joined segments, nothing hidden revealed (RULES 5).

Labels keep the class ids that they were made with. What those mean now is a `LabelReading`, and
`read_label` gives the label that says the same in live classes. Derived, never stored as truth.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel
from panoptic.fields import is_same_json
from panoptic.kinds import Kinds
from panoptic.label import Label, empty_label
from panoptic.restacking import GONE, restack
from panoptic.runs import relabel_runs
from panoptic.segments import MAX_CLASS_ID, NO_ATTRIBUTES, Segments
from panoptic.views import ClassMap

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelReading:
    """What stored class ids mean under a taxonomy; `==` and the hash go by `digest`.

    class_map : stored class id → live class id, 0 for void
    kinds : the kinds of the live classes
    crowd_ids : stored ids of stuff; where they read as a thing, their segments are crowds
    """

    class_map: ClassMap
    kinds: Kinds
    crowd_ids: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        values = self.class_map.values
        if self.class_map.void != 0 or (values.size and int(values.max()) > MAX_CLASS_ID):
            raise MalformedLabel(f"a live class is 1 to {MAX_CLASS_ID}, void is 0", where="reading")

    @classmethod
    def identity_of(cls, kinds: Kinds) -> LabelReading:
        """Every class reads as itself, also one that nobody listed."""
        return cls(ClassMap.identity, kinds)

    @cached_property
    def digest(self) -> bytes:
        """sha256 of all that decides how a label reads; part of the cache key of what is read."""
        content = hashlib.sha256(b"tessera label reading 1\n")
        content.update(self.class_map.digest)
        for class_ids in (self.kinds.stuff, self.crowd_ids):
            content.update(len(class_ids).to_bytes(4, "little"))
            content.update(np.array(sorted(class_ids), "<u4").tobytes())
        return content.digest()

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, LabelReading) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def stuff_keys(self) -> Flags:
        """By place in the keys of the class map: whether a class reads as stuff."""
        live = self.class_map.values
        stuff: Flags = np.isin(live, np.fromiter(self.kinds.stuff, np.int64)) & (live != 0)
        return stuff

    @cached_property
    def crowd_keys(self) -> Flags:
        """By place in the keys of the class map: whether all segments of a class are crowds."""
        keys, live = self.class_map.keys, self.class_map.values
        was_stuff: Flags = np.isin(keys, np.fromiter(self.crowd_ids, np.int64))
        crowds: Flags = was_stuff & ~self.stuff_keys & (live != 0)
        return crowds


class _Plan(NamedTuple):
    """What becomes of each segment of a label, by position.

    roots : the position whose id the segment reads as, GONE for void
    live : class ids, 0 void; crowds : flags
    """

    roots: I64
    live: U32
    crowds: Flags

    @property
    def joined(self) -> I64:
        """Positions that become part of another segment."""
        return np.flatnonzero((self.roots >= 0) & (self.roots != np.arange(self.roots.size)))


def read_label(label: Label, reading: LabelReading) -> Label:
    """The label in live classes; the label itself where nothing reads as anything else.

    - Segments that read as void are gone, and what they hid stays hidden.
    - Segments that read as one stuff class are one: the smallest id, the union of the full masks,
      no crowd, other fields only where all agree. So are those of stuff that read as one thing
      class: one crowd.
    - Things keep their full masks. The panoptic view is the mapped panoptic view of the label.

    Where no order of whole segments shows that view, the result has `painted` planes: it can be
    seen, counted and compared, but has no bytes. Raises UnknownClass for a class that the
    reading does not know, hidden or not.
    """
    plan = _plan(label.segments, reading)
    if plan is None:
        return label
    own = np.arange(plan.roots.size)
    if np.array_equal(plan.roots, own):
        recast = replace(label.segments, class_ids=plan.live, crowds=plan.crowds)
        return replace(label, segments=recast)
    kept = np.flatnonzero(plan.roots == own)
    if not kept.size:
        return empty_label(label.height, label.width)
    segments = _join_rows(label.segments, plan, kept)
    if not label.is_partition:
        # Positions among the kept ones.
        targets = np.where(plan.roots >= 0, np.searchsorted(kept, plan.roots), GONE)
        return restack(label, targets, segments)
    ids = np.where(plan.roots >= 0, label.segments.ids[plan.roots], np.uint32(0))
    return replace(
        label,
        segments=segments,
        layers=tuple(relabel_runs(layer, label.segments.ids, ids) for layer in label.layers),
    )


def find_dropped_fields(label: Label, reading: LabelReading) -> dict[int, tuple[str, ...]]:
    """What joining loses: segment id in the read label → names of the fields, and of the free
    attributes as "attributes.NAME", that its sources do not agree about."""
    plan = _plan(label.segments, reading)
    if plan is None:
        return {}
    dropped = {}
    for root, places in _groups(plan).items():
        sources = label.segments.ids[places].tolist()
        rows = [label.segments.row(segment_id) for segment_id in sources]
        names = [
            name
            for name in ("track_id", "score", "origin")
            if any(getattr(row, name) != getattr(rows[0], name) for row in rows)
        ]
        shared = _shared_attributes(row.attributes for row in rows)
        lost = {name for row in rows for name in row.attributes} - shared.keys()
        names += [f"attributes.{name}" for name in sorted(lost)]
        if names:
            dropped[int(label.segments.ids[root])] = tuple(names)
    return dropped


def _plan(segments: Segments, reading: LabelReading) -> _Plan | None:
    """What becomes of the segments; None if all stay as they are."""
    class_map, stored = reading.class_map, segments.class_ids
    live = class_map.map_classes(stored)
    if class_map.is_identity or not stored.size:
        return None
    places = np.searchsorted(class_map.keys, stored)
    is_stuff, becomes_crowd = reading.stuff_keys[places], reading.crowd_keys[places]
    roots = np.where(live != 0, np.arange(live.size), GONE)
    # An image has one segment of a stuff class, and one crowd of what was stuff.
    members = np.flatnonzero(is_stuff | becomes_crowd)
    if members.size > 1:
        _, firsts, groups = np.unique(live[members], return_index=True, return_inverse=True)
        roots[members] = members[firsts][groups]
    plan = _Plan(roots, live, (segments.crowds | becomes_crowd) & ~is_stuff)
    is_same = (
        np.array_equal(live, stored)
        and np.array_equal(plan.crowds, segments.crowds)
        and not plan.joined.size
    )
    return None if is_same else plan


def _join_rows(segments: Segments, plan: _Plan, kept: I64) -> Segments:
    """The table of the segments that stay; their layers are still those of the old table."""
    ids = segments.ids[kept].tolist()
    track_ids, scores = segments.track_ids.copy(), segments.scores.copy()
    origins = {i: segments.origins[i] for i in ids if i in segments.origins}
    attributes = {i: segments.attributes[i] for i in ids if i in segments.attributes}
    for root, places in _groups(plan).items():
        if (segments.track_ids[places] != track_ids[root]).any():
            track_ids[root] = 0
        # There is one NaN pattern and no -0: equal scores have equal bits.
        if np.unique(segments.scores[places].view(np.uint32)).size > 1:
            scores[root] = np.nan
        first, *others = segments.ids[places].tolist()
        if any(segments.origins.get(i) != segments.origins.get(first) for i in others):
            origins.pop(first, None)
        if first in attributes:
            attributes[first] = _shared_attributes(
                segments.attributes.get(i, NO_ATTRIBUTES) for i in (first, *others)
            )
    return Segments(
        ids=segments.ids[kept],
        class_ids=plan.live[kept],
        layers=segments.layers[kept],
        crowds=plan.crowds[kept],
        track_ids=track_ids[kept],
        scores=scores[kept],
        origins=origins,
        attributes={i: given for i, given in attributes.items() if given},
    )


def _groups(plan: _Plan) -> dict[int, I64]:
    """Root → all positions that are joined in it, the root first."""
    roots = np.unique(plan.roots[plan.joined]).tolist()
    return {root: np.flatnonzero(plan.roots == root) for root in roots}


def _shared_attributes(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The attributes that every source has and that all say the same of."""
    first, *others = sources
    return {
        name: value
        for name, value in first.items()
        if all(name in other and is_same_json(value, other[name]) for other in others)
    }
