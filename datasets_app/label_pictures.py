"""Pictures of an image for people: colours over the photograph, small ones, changes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from datasets_app.entries import Entry
from datasets_app.errors import NotFound
from datasets_app.pixels.counting import both_labels
from datasets_app.segment_rows import color_of, get_read_label, get_read_labels, live_specs
from labels_app.reading import Reading
from panoptic.diff import change_mask, diff_labels
from panoptic.errors import MalformedFile, TooLarge
from panoptic.images import read_photo
from panoptic.label import Label
from panoptic.render import (
    ColorTable,
    Picture,
    blend_picture,
    classify_changes,
    colorize_runs,
    decode_picture,
    shade_instances,
)
from panoptic.runs import Runs, constant_runs, decode_runs, encode_runs
from panoptic.views import panoptic_runs, semantic_runs
from store_app.blobs import open_content

MAX_SIDE = 4096
# A larger photograph is not drawn: as RGB it would take more than 200 MB.
MAX_PHOTO_PIXELS = 2**26
OPACITY = 0.5


def classify_pair(before: bytes | None, after: bytes | None, reading: Reading) -> Runs:
    """Return a map of `PixelChange` of two labels by digest, at least one of them there.

    Where their sizes differ it has the size of the new one, changed all over.
    """
    known = get_read_labels([before, after], reading)
    old, new = both_labels(known[before], known[after])
    classes = semantic_runs(new)
    if old.shape != new.shape:
        everything = constant_runs(new.height, new.width, 1)
        return classify_changes(everything, constant_runs(new.height, new.width), classes)
    mask = change_mask(old, new, diff_labels(old, new, kinds=reading.label_reading.kinds))
    return classify_changes(mask, semantic_runs(old), classes)


def colored_label(label: Label, reading: Reading, side: int) -> tuple[Runs, ColorTable]:
    """Return the panoptic view of a label that was read, and its colours.

    The view is at most `side` pixels high and wide.
    """
    specs = live_specs(label, reading)
    colors = {segment_id: color_of(spec) for segment_id, spec in specs.items()}
    things = frozenset(i for i, spec in specs.items() if spec.kind == "thing")
    return _shrunk(panoptic_runs(label), side), shade_instances(colors, things)


def small_picture(entry: Entry, reading: Reading, side: int, layer: str) -> Picture:
    """Return what a thumbnail of `side` pixels is made from: a few times larger, at most.

    `layer` is "overlay", "photo" or "label"; where it is not there, the other one is shown.

    Raises
    ------
    NotFound
        The image has no label, and no photograph that can be read.
    """
    if entry.label is None or (layer == "photo" and entry.image is not None):
        photo = _read_photo(entry, None, None)
        if photo is not None:
            return photo
    if entry.label is None:
        raise NotFound("picture", "of this image")
    label = get_read_label(entry.label, reading)
    # Twice as large as what is shown, so that shrinking smooths the borders.
    larger = min(2 * side, MAX_SIDE)
    runs, table = colored_label(label, reading, larger)
    colors = decode_picture(colorize_runs(runs, table))
    photo = photo_under(entry, label, runs.shape) if layer == "overlay" else None
    if photo is None:
        return colors
    return blend_picture(photo, colors, OPACITY, decode_runs(runs) != 0)


def photo_under(entry: Entry, label: Label, shape: tuple[int, int]) -> Picture | None:
    """Return the photograph turned as the label is and scaled to `shape`; None if none fits."""
    return _read_photo(entry, label.shape, shape)


def _read_photo(
    entry: Entry, size: tuple[int, int] | None, shape: tuple[int, int] | None
) -> Picture | None:
    """Return the photograph scaled to `shape`; None if there is none that fits `size`."""
    if entry.image is None:
        return None
    try:
        with open_content(entry.image) as file:
            photo = read_photo(file, size=size, max_pixels=MAX_PHOTO_PIXELS)
    except (MalformedFile, TooLarge):
        # The label can be shown all the same; the import reported what is wrong.
        return None
    if shape is None or photo.shape[:2] == shape:
        return photo
    height, width = shape
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BOX))


def _shrunk(runs: Runs, side: int) -> Runs:
    """Return every n-th pixel, so that no side is longer than `side`.

    Costs what is kept, not what the label has: 400 million pixels are never decoded.
    """
    longest = max(runs.shape)
    if longest <= side:
        return runs
    height, width = (max(1, length * side // longest) for length in runs.shape)
    rows = (2 * np.arange(height) + 1) * runs.height // (2 * height)
    columns = (2 * np.arange(width) + 1) * runs.width // (2 * width)
    pixels = rows[:, None] * runs.width + columns
    return encode_runs(runs.values[np.searchsorted(runs.ends, pixels, side="right")])
