"""What can be seen of a label: all that a format without overlaps writes, and what it leaves."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from panoptic.errors import UnknownClass
from panoptic.formats.base import ExportImage
from panoptic.formats.file_trees import FilesRecord
from panoptic.formats.losses import HIDDEN_PIXELS, HIDDEN_SEGMENTS, UNLABELLED_IMAGES
from panoptic.formats.painting import count_hidden
from panoptic.formats.problems import Problem, describe_ids, warn
from panoptic.label import Label, Segment
from panoptic.runs import Runs, measure_runs
from panoptic.views import panoptic_runs

Box = tuple[int, int, int, int]


class Visible(NamedTuple):
    """The panoptic view of a label, and its segments.

    rows : of the segments that can be seen, by ascending id
    areas, boxes : of their visible pixels, by id; boxes as left, top, width, height
    hidden : the ids of the others
    """

    runs: Runs
    rows: tuple[Segment, ...]
    areas: Mapping[int, int]
    boxes: Mapping[int, Box]
    hidden: tuple[int, ...]
    hidden_pixels: int

    @property
    def lost(self) -> dict[str, int]:
        """What is not seen, by the names of `losses`."""
        return {HIDDEN_PIXELS: self.hidden_pixels, HIDDEN_SEGMENTS: len(self.hidden)}


def visible_part(image: ExportImage, label: Label, classes: Container[int]) -> Visible:
    """What is seen of a label; UnknownClass for a segment, hidden or not, of another class."""
    segments = tuple(label.segments)
    check_classes(segments, classes, image.name)
    runs = panoptic_runs(label)
    measures = measure_runs(runs)
    ids = measures.ids.tolist()
    areas = dict(zip(ids, measures.areas.tolist(), strict=True))
    boxes = {
        segment_id: (left, top, right - left, bottom - top)
        for segment_id, (top, left, bottom, right) in zip(ids, measures.boxes.tolist(), strict=True)
    }
    rows = tuple(row for row in segments if row.segment_id in areas)
    hidden = tuple(row.segment_id for row in segments if row.segment_id not in areas)
    return Visible(runs, rows, areas, boxes, hidden, count_hidden(label))


def check_classes(segments: Iterable[Segment], classes: Container[int], image: str) -> None:
    """Raise UnknownClass for the first segment of another class than these."""
    for row in segments:
        if row.class_id not in classes:
            raise UnknownClass(row.class_id, where=f"image {image}, segment {row.segment_id}")


def report_hidden(hidden: tuple[int, ...], image: str) -> tuple[Problem, ...]:
    """The warning that segments lie wholly under others; none for none."""
    if not hidden:
        return ()
    message = f"{describe_ids(hidden)} lie wholly under other segments: left out"
    return (warn("hidden_segment", message, image=image, segment=hidden[0]),)


def leave_out(image: ExportImage) -> FilesRecord:
    """The record of an unlabelled image, which has no place in a format of labels."""
    problem = warn("unlabelled_image", "the image is unlabelled: left out", image=image.name)
    return FilesRecord(image.name, (), lost={UNLABELLED_IMAGES: 1}, problems=(problem,))
