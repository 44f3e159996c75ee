"""Boundary IoU (Cheng et al., "Boundary IoU", CVPR 2021): IoU of two masks near their edges.

The band of a mask is what `reach` erosions by a 3 × 3 square take away; the outside of the image
counts as outside of the mask. The bands of all segments of a layer are made in one pass: a pixel
is in the band of its segment where the window around it holds another id.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import hypot

import numpy as np

from panoptic.errors import ShapeMismatch
from panoptic.kernels import load_kernels
from panoptic.label import Label
from panoptic.overlaps import count_overlaps
from panoptic.runs import Runs, crop_runs, decode_runs, encode_runs, make_runs

kernels = load_kernels("overlap")

BAND_RATIO = 0.02

Box = tuple[int, int, int, int]
Pair = tuple[int, int]

# Pixels are needed for bands; a strip at a time bounds what they take.
_STRIP_PIXELS = 4_000_000


def boundary_reach(height: int, width: int, ratio: float = BAND_RATIO) -> int:
    """Width of the band in pixels: `ratio` of the image's diagonal, at least 1."""
    return max(1, round(ratio * hypot(height, width)))


def boundary_runs(runs: Runs, reach: int) -> Runs:
    """Keep of every segment the pixels within `reach` of its edge; the rest becomes void."""
    strip = max(4 * reach, _STRIP_PIXELS // runs.width)
    if runs.height <= strip:
        return encode_runs(kernels.keep_band(decode_runs(runs), reach))
    values, lengths = [], []
    for top in range(0, runs.height, strip):
        bottom = min(top + strip, runs.height)
        # The windows of the strip's rows reach into its neighbours.
        first, last = max(0, top - reach), min(runs.height, bottom + reach)
        window = decode_runs(crop_runs(runs, first, 0, last - first, runs.width))
        band = encode_runs(kernels.keep_band(window, reach)[top - first : bottom - first])
        values.append(band.values)
        lengths.append(band.lengths)
    return make_runs(runs.height, runs.width, np.concatenate(values), np.concatenate(lengths))


def boundary_iou(a: Runs, b: Runs, ratio: float = BAND_RATIO) -> float | None:
    """Boundary IoU of two 0/1 masks of one size; None if both are empty."""
    if a.shape != b.shape:
        raise ShapeMismatch(a.shape, b.shape)
    reach = boundary_reach(a.height, a.width, ratio)
    pixels = count_overlaps(boundary_runs(a, reach), boundary_runs(b, reach)).as_dict()
    union = sum(pixels.values()) - pixels.get((0, 0), 0)
    return pixels.get((1, 1), 0) / union if union else None


class PairBoundaries:
    """Boundary IoU of pairs of full masks, computed for all of them when one is asked for.

    `window` must hold both masks of every pair whole: only it is looked at.
    """

    def __init__(self, old: Label, new: Label, pairs: tuple[Pair, ...], window: Box) -> None:
        self._old, self._new, self._pairs, self._window = old, new, pairs, window

    def iou_of(self, old_id: int, new_id: int) -> float:
        """Boundary IoU of a pair; KeyError if it is not one of the pairs."""
        return self._ious[old_id, new_id]

    def __invert__(self) -> PairBoundaries:
        pairs = tuple((new, old) for old, new in self._pairs)
        return PairBoundaries(self._new, self._old, pairs, self._window)

    @cached_property
    def _ious(self) -> Mapping[Pair, float]:
        old_layers = _layers_of(self._old, [old for old, _ in self._pairs])
        new_layers = _layers_of(self._new, [new for _, new in self._pairs])
        old_bands = {layer: self._band(self._old, layer) for layer in set(old_layers)}
        new_bands = {layer: self._band(self._new, layer) for layer in set(new_layers)}
        by_layers: dict[Pair, list[Pair]] = {}
        for pair, *layers in zip(self._pairs, old_layers, new_layers, strict=True):
            by_layers.setdefault((layers[0], layers[1]), []).append(pair)
        ious: dict[Pair, float] = {}
        for (old_layer, new_layer), pairs in by_layers.items():
            ious.update(band_ious(old_bands[old_layer], new_bands[new_layer], pairs))
        return ious

    def _band(self, label: Label, layer: int) -> Runs:
        top, left, bottom, right = self._window
        window = crop_runs(label.layers[layer], top, left, bottom - top, right - left)
        return boundary_runs(window, boundary_reach(*label.shape))


def band_ious(old: Runs, new: Runs, pairs: list[Pair]) -> dict[Pair, float]:
    """IoU of some pairs of segments in two planes of bands; each must have a pixel in one."""
    overlaps = count_overlaps(old, new)
    pixels = overlaps.as_dict()
    old_areas = _sum_by_id(overlaps.old_ids, overlaps.pixels)
    new_areas = _sum_by_id(overlaps.new_ids, overlaps.pixels)
    ious = {}
    for pair in pairs:
        shared = pixels.get(pair, 0)
        ious[pair] = shared / (old_areas[pair[0]] + new_areas[pair[1]] - shared)
    return ious


def _sum_by_id(ids: np.ndarray, pixels: np.ndarray) -> dict[int, int]:
    keys, groups = np.unique(ids, return_inverse=True)
    sums = np.zeros(keys.size, np.int64)
    np.add.at(sums, groups, pixels)
    return dict(zip(keys.tolist(), sums.tolist(), strict=True))


def _layers_of(label: Label, ids: list[int]) -> list[int]:
    layers: list[int] = label.segments.layers[label.segments.index_of(ids)].tolist()
    return layers
