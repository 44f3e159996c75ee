"""What an assignment of splits does, in numbers."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES_TOLD = 20


class GroupSplits:
    """The split of each group: that of most of its images, on a tie the first by name."""

    def __init__(self) -> None:
        self._members = Members()
        self._sorted: tuple[NDArray[np.uint64], list[str]] | None = None

    def add(self, point: int, split: str) -> None:
        """Count an image of a group, which is known by its point."""
        self._members.add(point, split)
        self._sorted = None

    def find(self, point: int) -> str | None:
        """Return the split of a group; None if no image of it was counted."""
        if self._sorted is None:
            self._sorted = self._members.majorities()
        points, splits = self._sorted
        place = int(np.searchsorted(points, np.uint64(point)))
        return splits[place] if place < len(points) and points[place] == point else None


class Members:
    """Images by group and split, 10 bytes each: a version may have ten million."""

    def __init__(self) -> None:
        self._points = array("Q")
        self._codes = array("H")
        self._code_of: dict[str, int] = {}

    def add(self, point: int, split: str) -> None:
        """Count one image."""
        self._points.append(point)
        self._codes.append(self._code_of.setdefault(split, len(self._code_of)))

    def majorities(self) -> tuple[NDArray[np.uint64], list[str]]:
        """Return the groups in order, and the split that most images of each have."""
        points, splits, images = self._counted()
        best: dict[int, tuple[int, str]] = {}
        for point, split, count in zip(points.tolist(), splits, images.tolist(), strict=True):
            if point not in best or (-count, split) < best[point]:
                best[point] = (-count, split)
        order = np.array(sorted(best), np.uint64)
        return order, [best[int(point)][1] for point in order]

    def groups(self) -> tuple[Counter[str], int]:
        """Return how many groups have an image in each split, and how many are in several."""
        points, splits, _ = self._counted()
        _, held = np.unique(points, return_counts=True)
        return Counter(splits), int(np.count_nonzero(held > 1))

    def group_count(self) -> int:
        """Return how many groups there are."""
        return len(np.unique(np.frombuffer(self._points, np.uint64))) if self._points else 0

    def _counted(self) -> tuple[NDArray[np.uint64], list[str], NDArray[np.int64]]:
        """Return each pair of group and split once, by group, with its images."""
        if not self._points:
            return np.zeros(0, np.uint64), [], np.zeros(0, np.int64)
        points = np.frombuffer(self._points, np.uint64)
        codes = np.frombuffer(self._codes, np.uint16)
        order = np.lexsort((codes, points))
        points, codes = points[order], codes[order]
        starts = np.ones(len(points), bool)
        starts[1:] = (points[1:] != points[:-1]) | (codes[1:] != codes[:-1])
        places = np.flatnonzero(starts)
        names = list(self._code_of)
        images = np.diff(np.append(places, len(points)))
        return points[places], [names[code] for code in codes[places]], images


class SplitCounts:
    """Counts images, as they are before and after; `by` is "group" or "list"."""

    def __init__(self, by: str) -> None:
        self.by = by
        self.images = self.changed = self.keyless = self.unknown = 0
        self.moves: Counter[tuple[str, str]] = Counter()
        self._images_of: Counter[str] = Counter()
        self._keyless_names: list[str] = []
        self._members = Members()

    def add(self, old: str, new: str, point: int | None = None) -> None:
        """Count an image; `point` is where its group lies."""
        self.images += 1
        self._images_of[new] += 1
        if old != new:
            self.changed += 1
            self.moves[old, new] += 1
        if point is not None:
            self._members.add(point, new)

    def add_keyless(self, name: str, split: str) -> None:
        """Count an image that has no group and is left as it is."""
        self.add(split, split)
        self.keyless += 1
        if len(self._keyless_names) < _NAMES_TOLD:
            self._keyless_names.append(name)

    def to_json(self) -> dict[str, Any]:
        """Return the counts; `splits` and `moves` are of the images that were looked at."""
        by_group = self.by == "group"
        groups, divided = self._members.groups()
        return {
            "by": self.by,
            "images": self.images,
            "changed": self.changed,
            "splits": [
                {
                    "split": split or None,
                    "images": images,
                    "groups": groups[split] if by_group else None,
                }
                for split, images in sorted(self._images_of.items())
            ],
            "moves": [
                {"from": old or None, "to": new or None, "images": images}
                for (old, new), images in sorted(self.moves.items())
            ],
            "groups": self._members.group_count() if by_group else None,
            "divided_groups": divided if by_group else None,
            "without_key": {"images": self.keyless, "names": list(self._keyless_names)},
            "unknown_names": self.unknown,
        }
