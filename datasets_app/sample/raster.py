"""Polygons to pixels: which item is seen where, and the full mask of one item."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from datasets_app.sample.scene import Scene
from datasets_app.sample.shapes import Item, Part, Points

# Pillow rounds the corners of polygons to whole pixels. Drawn twice as large, photograph and label
# agree to a quarter of a pixel, and the photograph gets soft edges.
OVERSAMPLING = 2


def draw_part(
    draw: ImageDraw.ImageDraw, polygons: Points, inks: Sequence[int | tuple[int, int, int]]
) -> None:
    """Fill the polygons of a part, in their order, with one ink for all or one for each."""
    flat = (polygons * OVERSAMPLING).reshape(len(polygons), -1).tolist()
    if len(inks) == 1:
        ink = inks[0]
        for points in flat:
            draw.polygon(points, fill=ink)
    else:
        for points, ink in zip(flat, inks, strict=True):
            draw.polygon(points, fill=ink)


def draw_places(scene: Scene) -> NDArray[np.uint8]:
    """Return for every pixel the place (from 1) of the item seen there; 0 is the bare sky."""
    return draw_items(scene.height, scene.width, (*scene.ground, *scene.items))


def draw_items(height: int, width: int, items: Sequence[Item]) -> NDArray[np.uint8]:
    """As `draw_places`, for at most 255 items, which are drawn in their order."""
    canvas = Image.new("L", (width * OVERSAMPLING, height * OVERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    for place, item in enumerate(items, start=1):
        for part in item.parts:
            if part.solid:
                draw_part(draw, part.polygons, (place,))
    return np.asarray(canvas)[::OVERSAMPLING, ::OVERSAMPLING]


def draw_mask(height: int, width: int, parts: Sequence[Part]) -> tuple[int, int, NDArray[np.bool_]]:
    """The full mask of one item, hidden pixels included: (top, left, crop); crop may be empty."""
    solid = [part.polygons for part in parts if part.solid]
    low = np.min([p.min(axis=(0, 1)) for p in solid], axis=0)
    high = np.max([p.max(axis=(0, 1)) for p in solid], axis=0)
    left, top = (int(v) for v in np.clip(np.floor(low) - 1, 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(high) + 2, 0, (width, height)))
    if right <= left or bottom <= top:
        return top, left, np.zeros((0, 0), dtype=bool)
    canvas = Image.new("L", ((right - left) * OVERSAMPLING, (bottom - top) * OVERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    for polygons in solid:
        draw_part(draw, polygons - (left, top), (1,))
    return top, left, np.asarray(canvas)[::OVERSAMPLING, ::OVERSAMPLING] > 0
