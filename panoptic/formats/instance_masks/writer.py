"""Instance masks, written: `<image>/masks/<segment id>.png`, 8-bit, 0 and 255, full masks.

Lost: ids (a reader numbers anew), classes, crowds, scores, attributes and the painting order.
Stuff is no instance and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.base import ExportClass, ExportImage, ExportReport, WriteOptions, Writer
from panoptic.formats.file_trees import report_hidden_file, write_new
from panoptic.formats.losses import CROWD_FLAGS, FIELDS, LEFT_OUT_SEGMENTS, UNLABELLED_IMAGES
from panoptic.formats.paths import member_path
from panoptic.formats.problems import Problem, describe_ids, warn
from panoptic.formats.staging import Staging
from panoptic.formats.tally import ExportTally, count_fields
from panoptic.formats.visible import check_classes
from panoptic.label import spans_of
from panoptic.png import encode_class_png
from panoptic.runs import runs_from_spans

_INSIDE = 255


class MasksRecord(NamedTuple):
    """The encoded masks of one image by segment id; None where it is unlabelled."""

    name: str
    masks: tuple[tuple[int, bytes], ...] | None
    lost: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()


class MasksWriter(Writer):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        self._staging = Staging(target)
        self._folder = self._staging.path(target)
        self._folder.mkdir()
        self._tally = ExportTally()
        things = {class_.class_id: class_.kind == "thing" for class_ in classes}
        self.encode = partial(encode_masks, things)

    def add(self, record: MasksRecord, photo: bytes | None = None) -> None:
        masks = record.masks or ()
        images = int(record.masks is not None)
        hidden = report_hidden_file([record.name], record.name) if images else ()
        self._tally.add(len(masks), record.lost, (*record.problems, *hidden), images)
        if record.masks is None:
            return
        if not masks:
            (member_path(self._folder, record.name) / "masks").mkdir(parents=True, exist_ok=True)
        for segment_id, png in masks:
            # Eight digits hold every id, so that names sort as numbers.
            name = f"{record.name}/masks/{segment_id:08d}.png"
            write_new(self._folder, name, png, image=record.name)

    def close(self) -> ExportReport:
        self._staging.commit()
        return self._tally.report()

    def discard(self) -> None:
        self._staging.discard()


def encode_masks(things: dict[int, bool], image: ExportImage) -> MasksRecord:
    """Encode one image; pure. `things` says of every class of the export whether it is a thing."""
    label = image.label
    if label is None:
        message = "the image is unlabelled and has no folder"
        lost = {UNLABELLED_IMAGES: 1}
        return MasksRecord(
            image.name, None, lost, (warn("unlabelled_image", message, image=image.name),)
        )
    masks, stuff, crowds = [], [], 0
    spans = spans_of(label)
    segments = tuple(label.segments)
    check_classes(segments, things, image.name)
    for row in segments:
        if things[row.class_id]:
            plane = runs_from_spans(label.height, label.width, [(_INSIDE, spans[row.segment_id])])
            masks.append((row.segment_id, encode_class_png(plane)))
            crowds += row.crowd
        else:
            stuff.append(row.segment_id)
    problems = []
    if stuff:
        message = f"{describe_ids(stuff)} are stuff: left out"
        problems.append(warn("stuff_left_out", message, image=image.name))
    if not masks:
        message = "without a mask only a photograph tells the size of the image"
        problems.append(warn("size_left_out", message, image=image.name))
    lost = {
        LEFT_OUT_SEGMENTS: len(stuff),
        CROWD_FLAGS: crowds,
        FIELDS: count_fields(label.segments),
    }
    return MasksRecord(image.name, tuple(masks), lost, tuple(problems))
