"""What the viewer draws: sizes, addresses of the ids, segments, classes and changes, as JSON.

The ids themselves are PNGs of the API, addressed by full version ids, so that browsers keep
them for ever. Changes come in the order of the page's table, all of them: what is not in the
table is drawn all the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from datasets_app.comparison import find_change
from datasets_app.entries import Entry
from datasets_app.image_lists import get_image
from datasets_app.models import Version
from datasets_app.numbering import names_of
from datasets_app.pixels.counting import both_labels
from datasets_app.segment_rows import bbox_json, get_read_labels
from datasets_app.taxonomy_access import ReadBy
from panoptic.changes import Change, ChangeKind
from panoptic.colors import distinct_palette, format_color
from panoptic.diff import ALGORITHM_VERSION, diff_labels
from panoptic.label import Label, measure_label
from panoptic.png import WRITER_VERSION
from panoptic.render import CHANGE_COLORS, PixelChange
from web.classes import chip_of
from web.comparing.kinds import CHANGE_KINDS
from web.comparing.photographs import Photographs, Size, read_photographs
from web.templatetags.tessera import api_picture

# Raise it when the JSON says other things about the same image; part of every ETag.
FORM = 1
_PALETTE = [format_color(color) for color in distinct_palette(193)[1:]]


class Mark(NamedTuple):
    """How a kind is drawn: nobody has to tell it by the colour alone."""

    color: str
    pattern: str  # dots, hatch, back, cross, grid or none


# The colours of pixels are those of the API's change.png.
KIND_MARKS = {
    ChangeKind.ADDED: Mark("#009e73", "dots"),
    ChangeKind.REMOVED: Mark("#d55e00", "hatch"),
    ChangeKind.RECLASSIFIED: Mark("#cc79a7", "cross"),
    ChangeKind.RESHAPED: Mark("#56b4e9", "none"),
    ChangeKind.SPLIT: Mark("#e69f00", "back"),
    ChangeKind.MERGED: Mark("#8a7ae6", "grid"),
    ChangeKind.ATTRIBUTES: Mark("#c9ced6", "none"),
    ChangeKind.RENUMBERED: Mark("#9aa3ad", "none"),
}
PIXEL_MARKS = {
    PixelChange.ADDED: ("labelled now", "dots"),
    PixelChange.REMOVED: ("void now", "hatch"),
    PixelChange.RECLASSIFIED: ("other class", "cross"),
    PixelChange.REASSIGNED: ("other segment", "none"),
}


class Drawing(NamedTuple):
    """What to draw, not made yet: only `make` reads labels. `etag` is quoted."""

    etag: str
    make: Callable[[], bytes]


def draw_comparison(old: Version, new: Version, read_by: ReadBy, number: int) -> Drawing:
    """Say what the viewer draws of one image of two versions, read by the same classes.

    Raises
    ------
    NotFound
        Neither version has it.
    """
    change = find_change(old, new, number)
    entries = {"old": change.old, "new": change.new}
    photos = read_photographs(change.old, change.new)
    name = names_of(new.dataset_id, [number]).get(number, "")
    scene = _Scene(name, number, {"old": old, "new": new}, entries, photos, read_by)
    return Drawing(scene.etag, scene.compared)


def draw_image(version: Version, number: int, read_by: ReadBy) -> Drawing:
    """Say what the viewer draws of one image of a version: one side, `new`, and no changes.

    Raises
    ------
    NotFound
        The version has no such image.
    """
    row = get_image(version, number, reading=read_by.reading)
    photos = read_photographs(None, row.entry)
    scene = _Scene(row.name, number, {"new": version}, {"new": row.entry}, photos, read_by)
    return Drawing(scene.etag, scene.alone)


class _Scene(NamedTuple):
    """An image on the sides that are drawn; an entry is None where a version lacks it."""

    name: str
    number: int
    versions: dict[str, Version]
    entries: dict[str, Entry | None]
    photos: Photographs
    read_by: ReadBy

    @property
    def etag(self) -> str:
        """The ETag of the JSON, for which no label is read."""
        parts = [
            f"viewer {FORM} {WRITER_VERSION} {ALGORITHM_VERSION} {self.number} {self.name}",
            self.read_by.name,
            self.read_by.reading.digest.hex(),
            repr(self.photos),
            *(f"{side} {version.id_hex}" for side, version in self.versions.items()),
            *(f"{side} {entry and entry.label!r}" for side, entry in self.entries.items()),
        ]
        return f'"{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:40]}"'

    def compared(self) -> bytes:
        """The JSON of two sides."""
        digests = [entry.label if entry else None for entry in self.entries.values()]
        reading = self.read_by.reading
        known = get_read_labels(digests, reading)
        before, after = (known[digest] for digest in digests)
        changes: tuple[Change, ...] = ()
        if before is not None or after is not None:
            old, new = both_labels(before, after)
            changes = diff_labels(old, new, kinds=reading.label_reading.kinds).changes
        return self._json({"old": before, "new": after}, changes)

    def alone(self) -> bytes:
        """The JSON of one side."""
        entry = self.entries["new"]
        digest = entry.label if entry else None
        return self._json({"new": get_read_labels([digest], self.read_by.reading)[digest]}, ())

    def _json(self, labels: dict[str, Label | None], changes: tuple[Change, ...]) -> bytes:
        sizes = [label.shape for label in reversed(labels.values()) if label is not None]
        size = sizes[0] if sizes else self.photos.size
        height, width = size or (0, 0)
        sides = {"old": None} | {
            side: self._side(side, label, label.shape if label else size)
            for side, label in labels.items()
        }
        return orjson.dumps(
            {
                "name": self.name,
                "number": self.number,
                "height": height,
                "width": width,
                "compared": "old" in labels,
                "resized": len(set(sizes)) > 1,
                "sides": sides,
                "changes": [_change_json(place, one) for place, one in enumerate(changes, 1)],
                "kinds": kinds_json(),
                "pixels": pixels_json(),
                "palette": _PALETTE,
            }
        )

    def _side(self, side: str, label: Label | None, size: Size | None) -> dict[str, Any] | None:
        version, entry = self.versions[side], self.entries[side]
        if entry is None or size is None:
            return None
        under = self._under(version)
        layers = range(len(label.layers) if label and len(label.layers) > 1 else 0)
        ids = None if label is None else api_picture(version, self.number, "panoptic.png", **under)
        return {
            "version": f"v{version.number}",
            "height": size[0],
            "width": size[1],
            **self.photos.json_of(side, version, self.number, size),
            "panoptic": ids,
            "layers": [
                api_picture(version, self.number, "panoptic.png", **under, layer=layer)
                for layer in layers
            ],
            "segments": _segments_json(label),
            "classes": self._classes_json(label),
        }

    def _under(self, version: Version) -> dict[str, str]:
        """The parameter that makes the API read a version as the scene is read."""
        own = version.taxonomy_version
        same = (own.taxonomy.slug, own.number) == (self.read_by.slug, self.read_by.number)
        return {} if same else {"taxonomy": self.read_by.name}

    def _classes_json(self, label: Label | None) -> dict[str, dict[str, str]]:
        used = sorted(set(label.segments.class_ids.tolist())) if label is not None else []
        chips = [chip_of(self.read_by.reading, class_id) for class_id in used]
        return {
            str(chip.class_id): {"name": chip.name, "kind": chip.kind, "color": chip.color}
            for chip in chips
        }


def kinds_json() -> dict[str, dict[str, str]]:
    """Return words, sign, colour and pattern of every kind of change, in its order."""
    return {
        kind.value: {
            "word": CHANGE_KINDS[kind.value].word,
            "sign": CHANGE_KINDS[kind.value].sign,
            **mark._asdict(),
        }
        for kind, mark in KIND_MARKS.items()
    }


def pixels_json() -> list[dict[str, str]]:
    """Return what may have happened to a pixel, in the order of `PixelChange` from 1."""
    return [
        {"word": word, "color": format_color(CHANGE_COLORS[kind]), "pattern": pattern}
        for kind, (word, pattern) in PIXEL_MARKS.items()
    ]


def _segments_json(label: Label | None) -> dict[str, list[Any]]:
    if label is None:
        return {key: [] for key in ("id", "class_id", "layer", "crowd", "area", "box")}
    segments, measures = label.segments, measure_label(label)
    return {
        "id": segments.ids.tolist(),
        "class_id": segments.class_ids.tolist(),
        "layer": segments.layers.tolist(),
        "crowd": [int(crowd) for crowd in segments.crowds],
        "area": measures.areas.tolist(),
        "box": [bbox_json(box) for box in measures.boxes.tolist()],
    }


def _change_json(place: int, change: Change) -> dict[str, Any]:
    return {
        "number": place,
        "kind": change.kind.value,
        "also": [kind for kind in CHANGE_KINDS if kind in change.flags and kind != change.kind],
        "old": [side.segment.segment_id for side in change.old],
        "new": [side.segment.segment_id for side in change.new],
        "box": bbox_json([int(edge) for edge in change.box]),
        "changed_pixels": change.changed_pixels,
    }
