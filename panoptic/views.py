"""Derived readings of a label: panoptic, semantic, instances. Never stored as truth.

Compose first, then map classes (RULES 2): nothing hidden is revealed by a mapping, void stays
void, painting order never changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel, UnknownClass
from panoptic.label import Label, Segment, measure_label, visible_runs
from panoptic.runs import Runs, Spans, kernels, relabel_runs, spans_by_id


@dataclass(frozen=True, eq=False)
class ClassMap:
    """From stored class ids to the values of another id space.

    keys, values : uint32[k], keys sorted and unique, none of them 0
    void : the value of pixels without a segment; a class may map to it, too
    """

    keys: NDArray[np.uint32]
    values: NDArray[np.uint32]
    void: int = 0
    is_identity: bool = False  # every class stays itself, also one that nobody listed

    identity: ClassVar[ClassMap]

    @classmethod
    def from_mapping(cls, mapping: Mapping[int, int], void: int = 0) -> ClassMap:
        """A class map from a dict; keys 1 to 65,535, values 0 to 2^32 - 1."""
        pairs = sorted(mapping.items())
        if pairs and not (pairs[0][0] >= 1 and pairs[-1][0] < 2**16):
            raise MalformedLabel("a class id is between 1 and 65535", where="class map")
        return cls(
            np.array([key for key, _ in pairs], np.uint32),
            np.array([value for _, value in pairs], np.uint32),
            void,
        )

    @cached_property
    def digest(self) -> bytes:
        """sha256 of the content; part of the cache key of every mapped view."""
        content = hashlib.sha256(b"tessera class map 1\n")
        if self.is_identity:
            content.update(b"identity %d" % self.void)
        else:
            content.update(np.uint32(self.void).astype("<u4").tobytes())
            content.update(self.keys.astype("<u4").tobytes())
            content.update(self.values.astype("<u4").tobytes())
        return content.digest()

    def map_classes(self, class_ids: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The value of every class id; UnknownClass for one that is not among the keys."""
        if self.is_identity or not class_ids.size:
            return class_ids
        # Ids beyond the last key find the entry behind it, which is unknown.
        mapped = self._values_by_class.take(class_ids, mode="clip")
        if mapped.min() < 0:
            raise UnknownClass(int(class_ids[np.argmin(mapped)]), where="class map")
        return mapped.astype(np.uint32)

    @cached_property
    def highest(self) -> int:
        """The largest value of a mapped pixel; without keys that of the void."""
        return max(self.void, int(self.values.max()) if self.values.size else 0)

    @cached_property
    def _values_by_class(self) -> NDArray[np.int64]:
        """The value of each class id up to one beyond the last key; -1 for no key."""
        by_class = np.full(int(self.keys[-1]) + 2 if self.keys.size else 1, -1, np.int64)
        by_class[self.keys] = self.values
        return by_class

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, ClassMap) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)


ClassMap.identity = ClassMap(np.zeros(0, np.uint32), np.zeros(0, np.uint32), is_identity=True)


class InstanceView(NamedTuple):
    """A thing segment with its full mask in its own layer: areas in pixels, `box` of the full
    mask as (top, left, bottom, right), half-open."""

    segment: Segment
    area: int
    visible_area: int
    box: tuple[int, int, int, int]
    mask: Spans


def panoptic_runs(label: Label) -> Runs:
    """The id of the topmost segment at each pixel, 0 where no layer says anything."""
    return visible_runs(label)


def semantic_runs(label: Label, class_map: ClassMap = ClassMap.identity) -> Runs:
    """The mapped class of the topmost segment at each pixel, `class_map.void` where none.

    Raises UnknownClass for a class of the label that the map does not know, hidden or not.
    """
    segments = label.segments
    keys = np.zeros(len(segments) + 1, np.uint32)
    values = np.full(len(segments) + 1, class_map.void, np.uint32)
    keys[1:] = segments.ids
    values[1:] = class_map.map_classes(segments.class_ids)
    return relabel_runs(panoptic_runs(label), keys, values)


def decode_masks(label: Label, segment_ids: Sequence[int]) -> NDArray[np.bool_]:
    """The full masks of these segments: bool (n, height, width); KeyError for an unknown one.

    All in one array, of which only the pages with pixels of a mask take up memory.
    """
    masks = np.zeros((len(segment_ids), *label.shape), np.bool_)
    rows = label.segments.layers[label.segments.index_of(list(segment_ids))]
    wanted = np.array(segment_ids, np.uint32)
    for ordinal, layer in enumerate(label.layers):
        places = np.flatnonzero(rows == ordinal)
        if places.size:
            kernels.fill_masks(layer.values, layer.lengths, wanted[places], places, masks)
    return masks


def instances(label: Label, thing_ids: Collection[int]) -> list[InstanceView]:
    """Every segment of a thing class, by id, so that overlaps survive."""
    measures = measure_label(label)
    masks = [spans_by_id(layer) for layer in label.layers]
    columns = zip(
        label.segments,
        label.segments.layers.tolist(),
        measures.areas.tolist(),
        measures.visible_areas.tolist(),
        measures.boxes.tolist(),
        strict=True,
    )
    return [
        InstanceView(row, area, visible, tuple(box), masks[layer][row.segment_id])
        for row, layer, area, visible, box in columns
        if row.class_id in thing_ids
    ]
