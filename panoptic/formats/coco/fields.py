"""What the COCO formats have in common: ids, images, and the fields of a segment.

Everything that is not named here is kept: unknown keys of a segment become its attributes and
unknown keys of an image become attributes of the image, and both are written again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.formats.problems import WARNING, Problem, list_some
from panoptic.label import Origin, Segment
from panoptic.segments import MAX_SEGMENT_ID, MAX_TRACK_ID

SCHEME = "coco"

# Keys that this module or a format reads or writes by itself; no attribute may use them.
SEGMENT_KEYS = frozenset(
    {"id", "image_id", "segment_id", "category_id", "area", "bbox", "iscrowd", "segmentation"}
    | {"score", "track_id", "origin"}
)
# Those that a row writes: an attribute of such a name is one that the table could not hold.
OWN_KEYS = frozenset({"score", "track_id", "origin"})
_PLAIN_KEYS = SEGMENT_KEYS - OWN_KEYS
IMAGE_KEYS = frozenset({"id", "file_name", "height", "width", "source_id"})

_EXACT = 2**53


def id_key(value: object) -> str | None:
    """A text that tells 1 from "1", as the official tools do; None if it is no id."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    return f"i{value}" if isinstance(value, int) else f"s{value}"


def is_int(value: object) -> bool:
    """Whether a JSON value is a whole number; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


class CocoImage(NamedTuple):
    """An entry of `images`; `size` is (height, width), None where it does not say."""

    size: tuple[int, int] | None
    attributes: Mapping[str, Any]


def read_image_entry(entry: Mapping[str, Any], file: str, name: str) -> CocoImage:
    """Size and attributes of an image; MalformedFile for a size that is none in pixels."""
    height, width = entry.get("height"), entry.get("width")
    size = None
    if height is not None or width is not None:
        if not (is_int(height) and is_int(width) and height >= 1 and width >= 1):  # type: ignore[operator]
            reason = f"height {show(height)} and width {show(width)} are no size in pixels"
            raise MalformedFile(reason, file=file, image=name)
        size = int(height), int(width)  # type: ignore[arg-type]
    # An export says null of an image that had no id of its own: the one it has there is made up.
    source_id = entry.get("source_id", entry["id"])
    attributes = {} if source_id is None else {"source_id": source_id}
    attributes.update({key: value for key, value in entry.items() if key not in IMAGE_KEYS})
    check_attributes(attributes, file, name, None)
    return CocoImage(size, attributes)


def read_crowd(info: Mapping[str, Any], file: str, image: str) -> bool:
    """`iscrowd`, which predictions leave out."""
    value = info.get("iscrowd", 0)
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    reason = f"iscrowd {show(value)} is neither 0 nor 1"
    raise MalformedFile(reason, file=file, image=image, segment=info.get("id"))


def read_row(
    info: Mapping[str, Any],
    segment_id: int,
    class_id: int,
    crowd: bool,
    file: str,
    image: str,
    extra: Mapping[str, Any] | None = None,
) -> Segment:
    """A row of the segment table; `extra` attributes are added to those of the file.

    A score, a track id or an origin that the table cannot hold stays an attribute.
    """
    if extra is None and info.keys() <= _PLAIN_KEYS:
        return Segment(segment_id, class_id, crowd)
    attributes = {key: value for key, value in info.items() if key not in SEGMENT_KEYS}
    score, track_id, origin = info.get("score"), info.get("track_id"), info.get("origin")
    fields: dict[str, Any] = {}
    if _is_ratio(score):
        fields["score"] = float(score)  # type: ignore[arg-type]
    elif score is not None:
        attributes["score"] = score
    if is_int(track_id) and 1 <= track_id <= MAX_TRACK_ID:  # type: ignore[operator]
        fields["track_id"] = track_id
    elif track_id is not None:
        attributes["track_id"] = track_id
    if (read := _read_origin(origin)) is not None:
        fields["origin"] = read
    elif origin is not None:
        attributes["origin"] = origin
    if extra:
        attributes.update(extra)
    check_attributes(attributes, file, image, segment_id)
    return Segment(segment_id, class_id, crowd, **fields, attributes=attributes)


def write_row(row: Segment) -> dict[str, Any]:
    """The keys of a segment beside geometry and ids; the inverse of `read_row`."""
    fields: dict[str, Any] = {}
    if row.score is not None:
        # The shortest text that reads back as the same float32.
        fields["score"] = float(str(np.float32(row.score)))
    if row.track_id is not None:
        fields["track_id"] = row.track_id
    if row.origin is not None:
        fields["origin"] = {
            key: value for key, value in row.origin._asdict().items() if value not in (None, "")
        }
    fields.update(
        {key: value for key, value in sorted(row.attributes.items()) if key not in fields}
    )
    return fields


def check_attributes(
    attributes: Mapping[str, Any], file: str, image: str, segment: int | None
) -> None:
    """Raise MalformedFile for values that the byte form of a label cannot hold (RFC 8785)."""
    for key, value in attributes.items():
        reason = _fault_of(key) or _fault_of(value)
        if reason:
            raise MalformedFile(f"key {key!r} {reason}", file=file, image=image, segment=segment)


def _fault_of(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        return "" if -_EXACT < value < _EXACT else f"holds {value}, which is beyond 2^53"
    if isinstance(value, float):
        return "" if abs(value) < _EXACT else f"holds {value}, which is beyond 2^53"
    if isinstance(value, str):
        return "holds half a surrogate pair" if _SURROGATE.search(value) else ""
    if isinstance(value, Mapping):
        return next(filter(None, map(_fault_of, [*value, *value.values()])), "")
    return next(filter(None, map(_fault_of, value)), "")


_SURROGATE = re.compile("[\ud800-\udfff]")


def _is_ratio(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _read_origin(value: object) -> Origin | None:
    if not isinstance(value, Mapping) or not isinstance(value.get("model"), str):
        return None
    version, score = value.get("version", ""), value.get("score")
    if set(value) - {"model", "version", "score"} or not isinstance(version, str):
        return None
    if score is not None and not _is_ratio(score):
        return None
    return Origin(value["model"], version, None if score is None else float(score))


class Claim(NamedTuple):
    """What a file says of a segment, and what its pixels say; the box is x, y, width, height."""

    info: Mapping[str, Any]
    segment_id: int
    area: int
    box: list[int]


def claim_of(info: Mapping[str, Any], segment_id: int, area: int, edges: Sequence[int]) -> Claim:
    """A claim beside the area and the edges (top, left, bottom, right) that were measured."""
    top, left, bottom, right = edges
    return Claim(info, segment_id, area, [left, top, right - left, bottom - top])


def check_claims(claims: Iterable[Claim], file: str, image: str) -> Iterator[Problem]:
    """Warn, once per image and kind, of areas and boxes that the pixels contradict."""
    wrong: dict[str, list[tuple[int, str]]] = {"area": [], "bbox": []}
    for info, segment_id, area, box in claims:
        if (claimed := info.get("area")) is not None and claimed != area:
            wrong["area"].append((segment_id, f"{segment_id} ({show(claimed)}, has {area})"))
        if (claimed := info.get("bbox")) and claimed != box:  # Mapillary writes empty boxes
            wrong["bbox"].append((segment_id, f"{segment_id} ({show(claimed)}, has {box})"))
    for what, found in wrong.items():
        if found:
            told = list_some([text for _, text in found], 3)
            message = f"the {what} claimed for segments {told} is not that of the pixels"
            yield Problem(f"{what}_mismatch", message, file, image, found[0][0], WARNING)


def is_segment_id(value: object) -> bool:
    """Whether an id fits the segment table: 1 to 2^24 - 1."""
    return is_int(value) and 1 <= value <= MAX_SEGMENT_ID  # type: ignore[operator]


def show(value: object) -> str:
    """A value of a file for a message, shortened."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
