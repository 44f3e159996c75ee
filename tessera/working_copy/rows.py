"""What `panoptic.json` says of one image, beside the pixels of its PNG."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from panoptic.formats.base import ExportClass, ExportImage
from panoptic.formats.coco.panoptic_writer import encode_panoptic
from panoptic.label import Label
from tessera.entries import STATUSES, Entry
from tessera.errors import UsageError
from tessera.taxonomy import LabelClass, Taxonomy

# What an edit of the areas or boxes would mean nobody knows: they are told by the pixels.
_DERIVED = frozenset({"area", "bbox"})


class JsonRow(NamedTuple):
    """An image and its annotation as JSON objects; no annotation: unlabelled."""

    image: Mapping[str, Any]
    annotation: Mapping[str, Any] | None


class ImageFacts(NamedTuple):
    """What the entry of an image says beside its name and size."""

    split: str
    status: str | None
    attributes: Mapping[str, Any]


def export_classes(taxonomy: Taxonomy) -> tuple[ExportClass, ...]:
    """Return the live classes as formats want them; their ids are the category ids."""
    classes = taxonomy.classes
    return tuple(
        ExportClass(
            class_id=one.class_id,
            name=one.name,
            kind="stuff" if one.is_stuff else "thing",
            color=one.color,
            parent=_name_of(one.parent, classes),
        )
        for one in classes.values()
    )


def encode_row(
    entry: Entry, label: Label | None, attributes: Mapping[str, Any], png: str | None
) -> tuple[JsonRow, bytes | None]:
    """Return what the JSON says of an image, and the bytes of its PNG."""
    image: dict[str, Any] = {
        "id": entry.number,
        "file_name": entry.name,
        "height": entry.height,
        "width": entry.width,
        "split": entry.split or None,
        "status": entry.status,
    }
    if attributes:
        image["attributes"] = dict(attributes)
    if label is None:
        return JsonRow(image, None), None
    identity = {class_id: class_id for class_id in label.segments.class_ids.tolist()}
    record = encode_panoptic(identity, ExportImage(entry.name, label, label.height, label.width))
    assert record.segments_info is not None
    annotation = json.loads(record.segments_info + b"}")
    annotation |= {"image_id": entry.number, "file_name": png}
    return JsonRow(image, annotation), record.png


def read_facts(row: JsonRow, name: str) -> ImageFacts:
    """Return split, status and attributes of an image; `UsageError` where they are none."""
    split, status = row.image.get("split"), row.image.get("status")
    attributes = row.image.get("attributes", {})
    if split is not None and not isinstance(split, str):
        raise UsageError(f"panoptic.json: {name}: split {split!r} is no text")
    if status is not None and status not in STATUSES:
        known = ", ".join(STATUSES)
        raise UsageError(f"panoptic.json: {name}: status {status!r} is none of {known}")
    if not isinstance(attributes, dict):
        raise UsageError(f"panoptic.json: {name}: attributes are an object")
    return ImageFacts(split or "", status, attributes)


def row_digest(row: JsonRow) -> bytes:
    """Return a digest of all that an edit of the JSON can change, whatever its layout."""
    return hashlib.sha256(
        json.dumps([_plain(row.image), _plain(row.annotation)], sort_keys=True).encode()
    ).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if key not in _DERIVED}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _name_of(class_id: int | None, classes: Mapping[int, LabelClass]) -> str | None:
    return classes[class_id].name if class_id is not None and class_id in classes else None
