"""Pictures for people: coloured labels, overlays on photographs, changes, thumbnails.

A coloured label is made of runs whose values are colours, R + 256 G + 65536 B. What needs no
photograph is written straight from those runs; what does is blended pixel by pixel with
integers and saved by Pillow. `panoptic.colors` says which colours.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from panoptic.colors import BLACK, WHITE, Color, instance_shade
from panoptic.errors import ShapeMismatch
from panoptic.png import encode_panoptic_png
from panoptic.runs import (
    U32,
    Runs,
    constant_runs,
    crop_runs,
    decode_runs,
    make_runs,
    paint_runs,
    refine_runs,
    relabel_runs,
    union_masks,
)

Picture = NDArray[np.uint8]  # (height, width, 3)

UNKNOWN_COLOR: Color = (128, 128, 128)


class ColorTable(NamedTuple):
    """Which colour each value of runs has; both columns uint32, `ids` sorted and unique."""

    ids: U32
    colors: U32  # R + 256 G + 65536 B


class PixelChange(IntEnum):
    """What happened at a changed pixel; the value 0 of a map of these is no change."""

    ADDED = 1  # void before
    REMOVED = 2  # void now
    RECLASSIFIED = 3  # another class
    REASSIGNED = 4  # another segment of the same class


CHANGE_COLORS: Mapping[int, Color] = {
    PixelChange.ADDED: (0, 158, 115),
    PixelChange.REMOVED: (213, 94, 0),
    PixelChange.RECLASSIFIED: (204, 121, 167),
    PixelChange.REASSIGNED: (240, 228, 66),
}


def make_color_table(colors: Mapping[int, Color]) -> ColorTable:
    """A table of ids or classes and their colours."""
    ids = sorted(colors)
    return ColorTable(
        np.array(ids, np.uint32), np.array([_pack(colors[key]) for key in ids], np.uint32)
    )


def shade_instances(class_colors: Mapping[int, Color], things: frozenset[int]) -> ColorTable:
    """A table of segments by the colours of their classes; those in `things` get a shade of
    their own, which depends on the segment id alone."""
    return make_color_table(
        {
            segment_id: instance_shade(color, segment_id) if segment_id in things else color
            for segment_id, color in class_colors.items()
        }
    )


def colorize_runs(runs: Runs, table: ColorTable, missing: Color = UNKNOWN_COLOR) -> Runs:
    """Runs of colours; 0 is black unless the table names it, an unknown id is `missing`."""
    return relabel_runs(runs, table.ids, table.colors, missing=_pack(missing))


def decode_picture(colors: Runs) -> Picture:
    """The pixels of runs of colours."""
    words = decode_runs(colors).astype("<u4", copy=False)
    return words.view(np.uint8).reshape(*colors.shape, 4)[..., :3]


def outline_runs(runs: Runs) -> Runs:
    """A mask (0 and 1) of the pixels whose right or lower neighbour has another value."""
    ends = runs.ends[:-1]
    ends = ends[ends % runs.width != 0]
    # Single pixels before a boundary; they may follow one another.
    lengths = np.ones(2 * ends.size + 1, np.int64)
    lengths[0:-1:2] = np.diff(ends, prepend=0) - 1
    lengths[-1] = runs.size - (int(ends[-1]) if ends.size else 0)
    across = make_runs(*runs.shape, np.arange(lengths.size) & 1, lengths)
    if runs.height == 1:
        return across
    upper = crop_runs(runs, 0, 0, runs.height - 1, runs.width)
    lower = crop_runs(runs, 1, 0, runs.height - 1, runs.width)
    above, below, pieces = refine_runs(upper, lower)
    down = make_runs(*runs.shape, np.append(above != below, False), np.append(pieces, runs.width))
    return union_masks(across, down)


def encode_colored_png(
    runs: Runs, table: ColorTable, *, outline: Color | None = None, missing: Color = UNKNOWN_COLOR
) -> bytes:
    """A coloured label as an RGB file, the same on every machine; `outline` draws borders."""
    colors = colorize_runs(runs, table, missing)
    if outline is not None:
        # Above, 0 means nothing to paint: true black would vanish.
        ink = _pack(outline) or _pack((1, 1, 1))
        colors = paint_runs(colors, _in_color(outline_runs(runs), ink))
    return encode_panoptic_png(colors)


def blend_picture(
    photo: Picture, colors: Picture, opacity: float, where: NDArray[np.bool_] | None = None
) -> Picture:
    """`colors` over `photo` with an opacity of 0 to 1, in all pixels or those of `where`."""
    if photo.shape != colors.shape:
        raise ShapeMismatch(photo.shape, colors.shape)
    share = np.uint16(round(opacity * 256))
    mixed = photo * (np.uint16(256) - share) + colors * share + np.uint16(128)
    blended: Picture = (mixed >> 8).astype(np.uint8)
    if where is not None:
        blended[~where] = photo[~where]
    return blended


def encode_overlay_png(
    photo: Picture,
    runs: Runs,
    table: ColorTable,
    *,
    opacity: float = 0.5,
    outline: Color | None = WHITE,
) -> bytes:
    """A label over its photograph of the same size; void leaves the photograph as it is."""
    colors = decode_picture(colorize_runs(runs, table))
    blended = blend_picture(photo, colors, opacity, decode_runs(runs) != 0)
    if outline is not None:
        blended[decode_runs(outline_runs(runs), np.bool_)] = outline
    return _save_png(blended)


def classify_changes(changed: Runs, old_classes: Runs, new_classes: Runs) -> Runs:
    """A map of `PixelChange` from a change mask and the class maps of both sides (0 = void)."""
    old, new, lengths = refine_runs(old_classes, new_classes)
    kinds = np.full(old.size, PixelChange.REASSIGNED, np.uint32)
    kinds[old != new] = PixelChange.RECLASSIFIED
    kinds[(old == 0) & (new != 0)] = PixelChange.ADDED
    kinds[(old != 0) & (new == 0)] = PixelChange.REMOVED
    everywhere = make_runs(*changed.shape, kinds, lengths)
    is_changed, kinds, lengths = refine_runs(changed, everywhere)
    return make_runs(*changed.shape, np.where(is_changed != 0, kinds, 0), lengths)


def encode_change_png(kinds: Runs, photo: Picture | None = None) -> bytes:
    """Changed pixels in the colours of their kind: on black, or over the photograph in grey."""
    table = make_color_table(CHANGE_COLORS)
    if photo is None:
        return encode_colored_png(kinds, table)
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))
    dimmed = blend_picture(grey, np.full_like(grey, 255), 0.4)
    colors = decode_picture(colorize_runs(kinds, table))
    return _save_png(blend_picture(dimmed, colors, 0.75, decode_runs(kinds) != 0))


def encode_thumbnail(picture: Picture, longest_side: int = 256, quality: int = 80) -> bytes:
    """A small WebP of a picture, its shape kept; one that is small already is not enlarged."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((longest_side, longest_side), Image.Resampling.BOX, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def plain_picture(height: int, width: int, color: Color = BLACK) -> Picture:
    """A picture of one colour, to stand in for a photograph that is missing."""
    return decode_picture(constant_runs(height, width, _pack(color)))


def _in_color(mask: Runs, color: int) -> Runs:
    return Runs(*mask.shape, mask.values * np.uint32(color), mask.lengths)


def _save_png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    # A quarter larger than by default and four times as fast; these files are not kept.
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _pack(color: Color) -> int:
    red, green, blue = color
    return red | green << 8 | blue << 16
