"""The pixels of the full ADE20K: what R, G and B of `_seg.png` and `_parts_N.png` mean.

The index of the class is floor(R / 10) · 256 + G, and B tells instances apart: its values mean
nothing, the n-th of them (0 left out) is instance n of the file. A pixel of class and marker 0
is void; of marker 0 alone, of a class without instances.

R is a multiple of 10. Of other values MATLAB's tool, which rounds, and Python's, which cuts,
make different classes, so they are refused unless `red=floor` says which is meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.formats.base import Option
from panoptic.formats.problems import list_some
from panoptic.png_read import read_id_runs
from panoptic.runs import Runs, relabel_runs

RED = Option(
    "red",
    "values of the red channel that are no multiples of 10: exact refuses them, floor cuts them",
    ("exact", "floor"),
)

# Segment ids tell what they are: 2_0003 is instance 3 of level 2, 1_1401 the region of class 401
# without instances in level 1, and from 8000 on in each level are objects without a visible pixel.
LEVEL_STEP, REGIONS, UNSEEN = 10_000, 1_000, 8_000


class Region(NamedTuple):
    """The pixels of one instance, or those of a class without instances (number 0)."""

    segment_id: int
    level: int
    class_index: int
    number: int


class Level(NamedTuple):
    """One picture: `runs` holds the ids of its regions.

    mixed : pixels by instance number whose class is not the one that most of the instance has;
        they count as pixels of their class without an instance
    """

    runs: Runs
    regions: Mapping[int, Region]
    mixed: Mapping[int, int]

    @property
    def instances(self) -> list[Region]:
        """By their numbers 1, 2, …"""
        return [region for _, region in sorted(self.regions.items()) if region.number]


def read_level(
    path: Path, level: int, red: str, expected_size: tuple[int, int] | None = None
) -> Level:
    """Read a picture; raises MalformedFile."""
    runs = read_id_runs(path, expected_size=expected_size)
    colors, places = np.unique(runs.values, return_inverse=True)
    areas = np.bincount(places, runs.lengths).astype(np.int64)
    reds = colors & 255
    if red == "exact" and (reds % 10).any():
        wrong = reds % 10 != 0
        told = list_some(np.unique(reds[wrong]).tolist(), 5)
        reason = f"{areas[wrong].sum()} pixels have a red of {told}, which is no multiple of 10"
        raise MalformedFile(f"{reason}; red=floor cuts such values", file=path.name)
    indices = (reds // 10 * 256 + (colors >> 8 & 255)).tolist()
    markers = (colors >> 16).tolist()
    numbers = {marker: number for number, marker in enumerate(sorted({0, *markers}))}
    class_of: dict[int, int] = {}
    # From the fewest pixels to the most: of every marker the class with the most stays.
    for place in np.lexsort((-np.asarray(indices), areas)).tolist():
        class_of[markers[place]] = indices[place]
    ids, regions, mixed = [], {}, Counter[int]()
    for marker, index, area in zip(markers, indices, areas.tolist(), strict=True):
        number = numbers[marker] if class_of[marker] == index else 0
        if number != numbers[marker]:
            mixed[numbers[marker]] += area
        segment_id = level * LEVEL_STEP + (number or REGIONS + index)
        if marker or index:
            regions[segment_id] = Region(segment_id, level, index, number)
        ids.append(segment_id if marker or index else 0)
    return Level(relabel_runs(runs, colors, ids), regions, mixed)
