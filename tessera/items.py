"""One image of a snapshot: its photograph, and its label in every view."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from panoptic.codec import decode_label
from panoptic.dense import decode_class_map, decode_partition
from panoptic.images import read_photo
from panoptic.label import Label, SegmentMeasures, measure_label
from panoptic.reading import read_label
from panoptic.runs import decode_runs
from panoptic.segments import NO_ATTRIBUTES, Segments
from panoptic.views import ClassMap, decode_masks, panoptic_runs
from tessera.entries import Entry
from tessera.errors import NotFound, UsageError
from tessera.taxonomy import LabelClass

if TYPE_CHECKING:
    from PIL import Image

    from tessera.snapshot import Snapshot


class SegmentInfo(NamedTuple):
    """A segment. Areas are in pixels; `bbox` is x, y, width, height of the full mask."""

    segment_id: int
    label_class: LabelClass
    crowd: bool
    area: int
    visible_area: int
    bbox: tuple[int, int, int, int]
    score: float | None
    track_id: int | None
    attributes: Mapping[str, Any]


class Instance(NamedTuple):
    """A thing with its full mask: bool (height, width), also where something lies over it."""

    info: SegmentInfo
    mask: NDArray[np.bool_]


class Item:
    """An image of a snapshot; what it holds is read and checked when it is asked for."""

    def __init__(self, snapshot: Snapshot, entry: Entry) -> None:
        self._snapshot = snapshot
        self.entry = entry

    def __repr__(self) -> str:
        size = f"{self.width}×{self.height}" if self.height else "no size known"
        split = f", {self.split}" if self.split else ""
        return f"<Item {self.name}: {size}{split}, {self.status}>"

    @property
    def name(self) -> str:
        """Its name in the dataset, a relative path."""
        return self.entry.name

    @property
    def split(self) -> str:
        """Its split, "" where it is in none."""
        return self.entry.split

    @property
    def status(self) -> str:
        """How far its label is: unlabelled, pre-labelled, labelled, reviewed."""
        return self.entry.status

    @property
    def height(self) -> int:
        """Of the label, else of the photograph, in pixels; 0 where there is neither."""
        return self.entry.height

    @property
    def width(self) -> int:
        """Of the label, else of the photograph, in pixels; 0 where there is neither."""
        return self.entry.width

    @property
    def photo_bytes(self) -> bytes:
        """The photograph's file; `NotFound` where the snapshot has none."""
        if self.entry.image is None or self._snapshot.labels_only:
            why = "labels alone were pulled" if self.entry.image else "it has none"
            raise NotFound(f"{self.name} has no photograph here: {why}")
        return self._snapshot.read(self.entry.image, self.name)

    @property
    def photo(self) -> NDArray[np.uint8]:
        """The photograph, upright: uint8 (height, width, 3)."""
        size = (self.height, self.width) if self.entry.label else None
        return read_photo(self.photo_bytes, size=size, file=self.name)

    @property
    def is_labelled(self) -> bool:
        """Whether it has a label."""
        return self.entry.label is not None

    @cached_property
    def stored_label(self) -> Label:
        """The label as it is stored, with the class ids that it was made with."""
        return decode_label(self._stored_bytes)

    @cached_property
    def _stored_bytes(self) -> bytes:
        if self.entry.label is None:
            raise NotFound(f"{self.name} has no label")
        return self._snapshot.read_stored(self.entry.label, self.name)

    @cached_property
    def label(self) -> Label:
        """The label as the taxonomy of the version reads it: live classes alone."""
        return read_label(self.stored_label, self._snapshot.taxonomy.reading)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """Free attributes of the image, such as its scene."""
        if self.entry.attributes is None:
            return {}
        from panoptic.canonical_json import load_canonical

        found: Mapping[str, Any] = load_canonical(
            self._snapshot.read(self.entry.attributes, self.name)
        )
        return found

    def semantic(
        self, ids: str = "class", void: int = 0, dtype: DTypeLike | None = None
    ) -> NDArray[Any]:
        """Return the class of every pixel: (height, width), in the smallest unsigned dtype.

        Parameters
        ----------
        ids
            "class", or another list in which classes have ids: "coco", "cityscapes" …
        void
            The value of pixels without a segment, or of a class without an id in the list.
        dtype
            Another dtype of integers, without a copy; `UsageError` if an id does not fit.
        """
        class_map = self._snapshot.class_map(ids, void)
        smallest = np.min_scalar_type(class_map.highest)
        chosen = smallest if dtype is None else np.dtype(dtype)
        if chosen.kind not in "iu" or np.iinfo(chosen).max < class_map.highest:
            raise UsageError(f"{chosen} does not hold ids up to {class_map.highest}")
        return decode_class_map(self._stored_bytes, class_map, chosen)

    def class_map(self, ids: str = "class", void: int = 0) -> ClassMap:
        """Return how stored classes become the ids of a list; see `Taxonomy.class_map`."""
        return self._snapshot.class_map(ids, void)

    def panoptic(self) -> tuple[NDArray[np.uint32], tuple[SegmentInfo, ...]]:
        """Return the segment of every pixel, uint32 (height, width), 0 void; and the segments."""
        if "label" not in self.__dict__:
            found = decode_partition(self._stored_bytes, self._snapshot.taxonomy.reading)
            if found is not None:
                ids, areas = found.segments.ids, found.areas
                measures = SegmentMeasures(ids, areas, areas, found.boxes)
                self.segments = self._infos(found.segments, found.attributes, measures)
                return found.id_map, self.segments
        return decode_runs(panoptic_runs(self.label)), self.segments

    def instances(self) -> list[Instance]:
        """Return every thing with its full mask, by segment id; crowds included."""
        things = [info for info in self.segments if not info.label_class.is_stuff]
        masks = decode_masks(self.label, [info.segment_id for info in things])
        return list(map(Instance, things, masks))

    @cached_property
    def segments(self) -> tuple[SegmentInfo, ...]:
        """The segments of the label, by id."""
        segments, measures = self.label.segments, measure_label(self.label)
        return self._infos(segments, segments.attributes, measures)

    def _infos(
        self,
        segments: Segments,
        attributes: Mapping[int, Mapping[str, Any]],
        measures: SegmentMeasures,
    ) -> tuple[SegmentInfo, ...]:
        # Column by column: a loop over the rows would take as long as decoding them.
        ids, scores = segments.ids.tolist(), segments.scores.tolist()
        classes = map(self._snapshot.taxonomy.classes.__getitem__, segments.class_ids.tolist())
        bboxes = measures.boxes[:, [1, 0, 3, 2]]
        bboxes[:, 2:] -= bboxes[:, :2]
        return tuple(
            map(
                SegmentInfo,
                ids,
                classes,
                segments.crowds.tolist(),
                measures.areas.tolist(),
                measures.visible_areas.tolist(),
                map(tuple, bboxes.tolist()),
                [None if math.isnan(score) else score for score in scores],
                [track_id or None for track_id in segments.track_ids.tolist()],
                [attributes.get(key, NO_ATTRIBUTES) for key in ids]
                if attributes
                else repeat(NO_ATTRIBUTES),
            )
        )

    def show(self, opacity: float = 0.5) -> Image.Image:
        """Return a picture: the label in the colours of its classes, over the photograph."""
        import io

        from PIL import Image

        from panoptic.render import (
            encode_colored_png,
            encode_overlay_png,
            shade_instances,
        )

        if self.entry.label is None:
            return Image.open(io.BytesIO(self.photo_bytes))
        label, classes = self.label, self._snapshot.taxonomy.classes
        ids = label.segments.ids.tolist()
        class_ids = label.segments.class_ids.tolist()
        things = frozenset(
            segment_id
            for segment_id, class_id in zip(ids, class_ids, strict=True)
            if not classes[class_id].is_stuff
        )
        colors = {
            segment_id: classes[class_id].color
            for segment_id, class_id in zip(ids, class_ids, strict=True)
        }
        table, runs = shade_instances(colors, things), panoptic_runs(label)
        if self.entry.image is None or self._snapshot.labels_only:
            return Image.open(io.BytesIO(encode_colored_png(runs, table, outline=(255, 255, 255))))
        return Image.open(io.BytesIO(encode_overlay_png(self.photo, runs, table, opacity=opacity)))

    def _repr_png_(self) -> bytes:
        """Return the picture that a notebook shows."""
        import io

        buffer = io.BytesIO()
        self.show().save(buffer, "PNG")
        return buffer.getvalue()
