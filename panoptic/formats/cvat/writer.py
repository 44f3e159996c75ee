"""CVAT for images 1.1, written: every segment is a mask of all its pixels, also hidden ones.

z_order is the layer. A crowd gets the attribute `iscrowd`, which the reader knows. The file is
written image by image; it has no time stamps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from panoptic.errors import MalformedFile
from panoptic.formats.base import ExportClass, ExportImage, ExportReport, WriteOptions, Writer
from panoptic.formats.cvat.reader import BY_HAND, CROWD, PHOTOS
from panoptic.formats.cvat.rle import Box, encode_cvat_rle
from panoptic.formats.file_trees import write_new
from panoptic.formats.json_stream import encode_json
from panoptic.formats.losses import FIELDS
from panoptic.formats.problems import Problem, warn
from panoptic.formats.staging import Staging
from panoptic.formats.tally import ExportTally
from panoptic.formats.visible import check_classes
from panoptic.label import Label, Segment
from panoptic.runs import measure_runs, spans_by_id

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MAX_GROUP = 10**9 - 1


class CvatRecord(NamedTuple):
    """An encoded image: its element from behind the id on."""

    name: str
    text: bytes
    segments: int = 0
    lost: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()


class CvatWriter(Writer):
    """Writes the file `target` and, if asked, the photographs into `images` beside it."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        head = _write_head(classes)
        photos = target.with_name(PHOTOS)
        targets = (photos, target) if options.photos else (target,)
        self._staging = Staging(*targets)
        self._tally = ExportTally()
        self._images = 0
        self._photos = self._staging.path(photos)
        self.encode = partial(encode_cvat, {one.class_id: one.name for one in classes})
        if options.photos:
            self._photos.mkdir()
        self._file = self._staging.path(target).open("wb")
        self._file.write(head)

    def add(self, record: CvatRecord, photo: bytes | None = None) -> None:
        self._tally.add(record.segments, record.lost, record.problems)
        self._file.write(b'  <image id="%d"' % self._images + record.text)
        self._images += 1
        if photo is not None:
            write_new(self._photos, record.name, photo, image=record.name)

    def close(self) -> ExportReport:
        self._file.write(b"</annotations>\n")
        self._file.close()
        self._staging.commit()
        return self._tally.report()

    def discard(self) -> None:
        self._file.close()
        self._staging.discard()


def encode_cvat(names: Mapping[int, str], image: ExportImage) -> CvatRecord:
    """Encode one image; pure. Raises UnknownClass for a class without a label."""
    attributes = {"name": image.name}
    if image.split:
        attributes["subset"] = image.split
    attributes |= {"width": str(image.width), "height": str(image.height)}
    head = _write_attributes(attributes)
    if image.label is None:
        message = "the image is unlabelled, which reads back as a label without segments"
        problem = warn("unlabelled_image", message, image=image.name)
        return CvatRecord(image.name, f"{head}/>\n".encode(), problems=(problem,))
    check_classes(image.label.segments, names, image.name)
    shapes = [_write_mask(row, names, mask) for row, mask in _iter_masks(image.label)]
    lost = sum(count for _, count in shapes)
    text = "".join([f"{head}>\n", *(text for text, _ in shapes), "  </image>\n"])
    return CvatRecord(image.name, text.encode(), len(shapes), {FIELDS: lost})


def _iter_masks(label: Label) -> Iterator[tuple[Segment, dict[str, str]]]:
    """Yield every row with the attributes that say its mask, bottom first."""
    rows = {row.segment_id: row for row in label.segments}
    for order, layer in enumerate(label.layers):
        measures = measure_runs(layer)
        masks = spans_by_id(layer)
        for segment_id, (top, left, bottom, right) in zip(
            measures.ids.tolist(), measures.boxes.tolist(), strict=True
        ):
            box = Box(left, top, right - left, bottom - top)
            mask = {"rle": encode_cvat_rle(masks[segment_id], box, label.width)}
            mask |= {side: str(value) for side, value in box._asdict().items()}
            yield rows[segment_id], {**mask, "z_order": str(order)}


def _write_mask(row: Segment, names: Mapping[int, str], mask: Mapping[str, str]) -> tuple[str, int]:
    """The element of a segment, and how many of its fields it cannot say."""
    own, texts, lost = _split_attributes(row)
    attributes = {"label": names[row.class_id], "source": BY_HAND, "occluded": "0", **mask, **own}
    lines = [f"    <mask{_write_attributes(attributes)}>\n"]
    lines += [
        f"      <attribute{_write_attributes({'name': name})}>{_escape(text)}</attribute>\n"
        for name, text in texts.items()
    ]
    return "".join([*lines, "    </mask>\n"]), lost


def _split_attributes(row: Segment) -> tuple[dict[str, str], dict[str, str], int]:
    """Attributes that CVAT itself has, those of a label as text, and how many fields are lost.

    What is no text is written as JSON and counted, since it reads back as text.
    """
    own: dict[str, str] = {}
    texts = {CROWD: "true"} if row.crowd else {}
    lost = sum(value is not None for value in (row.score, row.track_id, row.origin))
    for name, value in sorted(row.attributes.items()):
        if name == "occluded" and value is True:
            own[name] = "1"
        elif name == "group_id" and type(value) is int and 0 <= value <= _MAX_GROUP:
            own[name] = str(value)
        elif name == "source" and isinstance(value, str) and value != BY_HAND:
            own[name] = value
        else:
            text = value if isinstance(value, str) else encode_json(value).decode()
            is_said = name != CROWD and not _UNFIT.search(name + text)
            if is_said:
                texts[name] = text
            lost += not (is_said and isinstance(value, str))
    return own, texts, lost


def _write_head(classes: Sequence[ExportClass]) -> bytes:
    """What stands before the images."""
    labels = [
        "        <label>\n"
        f"          <name>{_escape(one.name)}</name>\n"
        f"          <color>#{bytes(one.color).hex()}</color>\n"
        "          <type>mask</type>\n"
        "          <attributes>\n"
        "          </attributes>\n"
        "        </label>\n"
        for one in classes
    ]
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        "  <meta>\n    <task>\n      <mode>annotation</mode>\n      <labels>\n"
    )
    tail = "      </labels>\n    </task>\n  </meta>\n"
    return "".join([head, *labels, tail]).encode()


def _write_attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_check(text))}" for name, text in attributes.items())


def _escape(text: str) -> str:
    # A bare carriage return would be read as the end of a line.
    return escape(_check(text), {"\r": "&#13;"})


def _check(text: str) -> str:
    if _UNFIT.search(text):
        raise MalformedFile(f"XML cannot say {text!r}")
    return text
