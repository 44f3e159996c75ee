"""What is shown of one image of a version: its photograph, the views of its label, pictures.

Every function returns a `View`: what it will be and its ETag are known from digests alone;
only `render` reads the label, once, in the classes of the `reading`. So a caller who has the
same ETag costs no read of the store (RULES 2), and what shows neither names nor colours keeps
its ETag when classes are renamed. The panoptic, semantic and instance views are the same bytes
on every machine, and have strong ETags; pictures for people (overlay, thumbnail) are made by
Pillow, and have weak ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import orjson

from datasets_app.change_pictures import shrink_changes
from datasets_app.entries import Entry
from datasets_app.errors import HistoryError, NotFound
from datasets_app.label_pictures import (
    MAX_SIDE,
    OPACITY,
    classify_pair,
    colored_label,
    photo_under,
    small_picture,
)
from datasets_app.photos import PhotoInfo, get_photos
from datasets_app.segment_rows import (
    category_json,
    get_label,
    get_read_label,
    instance_rows,
    segments_info,
)
from labels_app.reading import Reading
from panoptic.colors import WHITE
from panoptic.diff import ALGORITHM_VERSION
from panoptic.png import WRITER_VERSION, encode_class_png, encode_panoptic_png
from panoptic.render import (
    encode_change_png,
    encode_colored_png,
    encode_overlay_png,
    encode_thumbnail,
)
from panoptic.views import panoptic_runs, semantic_runs
from store_app.blobs import open_content

# Raise it when a view says other things about the same label; part of every ETag.
FORM = 2

STORED_CLASSES = "class"  # the id space of the taxonomy itself
GEOMETRIES = ("rle", "polygon")
LAYERS = ("overlay", "photo", "label")
MAX_VOID = 2**16 - 1
OVERLAY_SIDE = 2048
THUMBNAIL_SIDE, MIN_SIDE = 256, 16


class InvalidParameter(HistoryError):
    """A parameter of a view that it cannot have."""

    code = "invalid_parameter"

    def __init__(self, parameter: str, reason: str) -> None:
        super().__init__(f"{parameter}: {reason}", parameter=parameter, reason=reason)
        self.parameter, self.reason = parameter, reason


@dataclass(frozen=True)
class View:
    """Something to show, not made yet. `etag` is quoted, as HTTP has it."""

    media_type: str
    etag: str
    render: Callable[[], bytes]


@dataclass(frozen=True)
class PhotoView:
    """A photograph as it came in. `open` checks its bytes before the first is given."""

    media_type: str
    etag: str
    info: PhotoInfo
    open: Callable[[], BinaryIO]


def view_photo(entry: Entry) -> PhotoView:
    """Return the photograph of an image; one query.

    Raises
    ------
    NotFound
        The image has none, or none that was recognised as a photograph.
    """
    info = get_photos([entry.image]).get(entry.image) if entry.image is not None else None
    if info is None:
        raise NotFound("photograph", "of this image")
    return PhotoView(
        info.media_type, f'"{info.digest.hex()}"', info, partial(open_content, info.digest)
    )


def view_panoptic_png(entry: Entry, reading: Reading, *, layer: int | None = None) -> View:
    """Return the panoptic view as COCO has it: id = R + 256 G + 65536 B of the topmost segment.

    What reads as void is 0, and segments that read as one stuff class have the smallest of
    their ids (RULES 5.2). `layer` is one plane of the label instead, from 0 at the bottom: full
    masks, also where others lie over them; `render` raises NotFound where there is no such one.
    """
    digest = _label_of(entry)

    def render() -> bytes:
        label = get_read_label(digest, reading)
        if layer is None:
            return encode_panoptic_png(panoptic_runs(label))
        if layer >= len(label.layers):
            raise NotFound("layer", f"{layer}: the label has {len(label.layers)}, from 0")
        return encode_panoptic_png(label.layers[layer])

    parts = [digest, reading.label_reading.digest]
    return View("image/png", _etag("panoptic.png", *parts, *_given(layer)), render)


def view_panoptic_json(entry: Entry, reading: Reading, *, name: str) -> View:
    """Return the segments of the panoptic view as COCO's `segments_info`, and the classes."""
    digest = _label_of(entry)

    def render() -> bytes:
        label = get_read_label(digest, reading)
        body = {
            "image": {"file_name": name, "height": label.height, "width": label.width},
            "segments_info": segments_info(label, reading),
            "categories": [category_json(spec, reading) for spec in reading.live_classes],
        }
        return orjson.dumps(body)

    return View("application/json", _etag("panoptic.json", digest, reading.digest, name), render)


def view_semantic_png(
    entry: Entry, reading: Reading, *, ids: str = STORED_CLASSES, void: int = 0
) -> View:
    """Return the class of every pixel as a grey PNG.

    `ids` is "class" or a scheme of external ids. It has 8 bits per pixel where all ids of
    the taxonomy fit, else 16: every image of a version has the same depth.

    Raises
    ------
    UnknownScheme
    InvalidParameter
        `void` does not fit.
    """
    digest = _label_of(entry)
    if not 0 <= void <= MAX_VOID:
        raise InvalidParameter("void", f"it is from 0 to {MAX_VOID}")
    class_map = reading.class_map(None if ids == STORED_CLASSES else ids, void)
    bit_depth = 8 if max(void, int(class_map.values.max(initial=0))) < 2**8 else 16

    def render() -> bytes:
        # Joining segments changes no pixel's class: the map goes from the stored classes
        # straight to the values.
        return encode_class_png(semantic_runs(get_label(digest), class_map), bit_depth)

    return View("image/png", _etag("semantic.png", digest, class_map.digest, bit_depth), render)


def view_instances_json(
    entry: Entry, reading: Reading, *, name: str, geometry: str = "rle"
) -> View:
    """Return every thing segment with its full mask, so that overlaps survive.

    `geometry` "rle": COCO's compressed counts. "polygon": exact outlines along pixel edges,
    [[x0, y0, x1, y1, …], …]; crowds and masks with holes keep RLE.
    """
    digest = _label_of(entry)
    if geometry not in GEOMETRIES:
        raise InvalidParameter("geometry", f"it is one of {', '.join(GEOMETRIES)}")

    def render() -> bytes:
        label = get_read_label(digest, reading)
        rows = instance_rows(label, reading, as_polygons=geometry == "polygon")
        counts: dict[int, int] = {}
        for row in rows:
            counts[row["class_id"]] = counts.get(row["class_id"], 0) + 1
        body = {
            "image": {"name": name, "height": label.height, "width": label.width},
            "instances": rows,
            "counts": [
                {"class_id": class_id, "class_name": reading.classes[class_id].name, "count": count}
                for class_id, count in sorted(counts.items())
            ],
        }
        return orjson.dumps(body)

    parts = ("instances.json", digest, reading.digest, geometry, name)
    return View("application/json", _etag(*parts), render)


def view_overlay_png(entry: Entry, reading: Reading, *, side: int = OVERLAY_SIDE) -> View:
    """Return the photograph under the colours of its classes, things with outlines.

    At most `side` pixels high and wide. Without a photograph that fits: the colours alone.
    """
    digest = _label_of(entry)
    _check_side(side)

    def render() -> bytes:
        label = get_read_label(digest, reading)
        runs, table = colored_label(label, reading, side)
        photo = photo_under(entry, label, runs.shape)
        if photo is None:
            return encode_colored_png(runs, table, outline=WHITE)
        return encode_overlay_png(photo, runs, table, opacity=OPACITY)

    etag = _weak_etag("overlay.png", digest, entry.image, reading.digest, side)
    return View("image/png", etag, render)


def view_thumbnail_webp(
    entry: Entry, reading: Reading, *, side: int = THUMBNAIL_SIDE, layer: str = "overlay"
) -> View:
    """Return a small picture, at most `side` pixels high and wide.

    `layer` is "overlay", "photo" or "label"; what is not there is left out.

    Raises
    ------
    NotFound
        The image has neither photograph nor label.
    """
    if layer not in LAYERS:
        raise InvalidParameter("layer", f"it is one of {', '.join(LAYERS)}")
    _check_side(side)
    if entry.image is None and entry.label is None:
        raise NotFound("picture", "of this image")

    def render() -> bytes:
        return encode_thumbnail(small_picture(entry, reading, side, layer), side)

    parts = (entry.label, entry.image, reading.digest, side, layer)
    return View("image/webp", _weak_etag("thumbnail.webp", *parts), render)


def view_change_png(
    old: Entry | None, new: Entry | None, reading: Reading, *, side: int | None = None
) -> View:
    """Return where two labels of an image differ, coloured by what happened; black: nothing.

    The colours are `panoptic.render.CHANGE_COLORS`. Labels of two sizes have no pixel in
    common: then all of the new one has changed. With `side` it is at most so many pixels high
    and wide, and a change of one pixel is still seen.

    Raises
    ------
    NotFound
        Neither side has a label.
    """
    before, after = (entry.label if entry is not None else None for entry in (old, new))
    if before is None and after is None:
        raise NotFound("label", "on either side")

    def render() -> bytes:
        kinds = classify_pair(before, after, reading)
        return encode_change_png(kinds if side is None else shrink_changes(kinds, side))

    parts = (before, after, reading.label_reading.digest, ALGORITHM_VERSION)
    return View("image/png", _etag("change.png", *parts, *_given(side)), render)


def _label_of(entry: Entry) -> bytes:
    if entry.label is None:
        raise NotFound("label", "of this image")
    return entry.label


def _given(parameter: int | None) -> list[int]:
    # All of a label, in its size, keeps the ETag that it had before anything else could be asked.
    return [] if parameter is None else [parameter]


def _check_side(side: int) -> None:
    if not MIN_SIDE <= side <= MAX_SIDE:
        raise InvalidParameter("size", f"it is from {MIN_SIDE} to {MAX_SIDE}")


def _etag(kind: str, *parts: bytes | str | int | None) -> str:
    """Return the ETag of what is made from these: digests, parameters, the writer's version."""
    content = hashlib.sha256(f"{kind} {FORM} {WRITER_VERSION}\n".encode())
    for part in parts:
        plain = part.hex() if isinstance(part, bytes) else "-" if part is None else str(part)
        # The length keeps apart what would run into each other.
        content.update(f"{len(plain)}:{plain}\n".encode())
    return f'"{content.hexdigest()[:40]}"'


def _weak_etag(kind: str, *parts: bytes | str | int | None) -> str:
    return f"W/{_etag(kind, *parts)}"
