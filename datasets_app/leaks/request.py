"""What is asked for when somebody looks for leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from datasets_app.leaks.certainty import DEFAULT_DISTANCE, MEASURED_PAIRS, MOST_DISTANCE
from datasets_app.splitting import GroupKey, InvalidSplitting
from panoptic.perceptual import ALGORITHM


@dataclass(frozen=True)
class LeakRequest:
    """How near photographs are to be reported, and what groups images.

    distance : in how many of 192 bits hashes may differ, 0 to 40
    group : what must not be divided between splits; None: nothing

    Raises
    ------
    InvalidSplitting
        Another distance.
    """

    distance: int = DEFAULT_DISTANCE
    group: GroupKey | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.distance <= MOST_DISTANCE:
            raise InvalidSplitting("distance", f"0 to {MOST_DISTANCE}")

    @property
    def digest(self) -> bytes:
        """What a report is known by: what was asked, and how it is measured."""
        plain = {**self.to_plain(), "algorithm": ALGORITHM, "measured": MEASURED_PAIRS}
        return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).digest()

    def to_plain(self) -> dict[str, Any]:
        """Return what JSON can express."""
        group = self.group
        return {
            "distance": self.distance,
            "group": group
            and {"folders": group.folders, "pattern": group.pattern, "attribute": group.attribute},
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> LeakRequest:
        """Return the request of what `to_plain` gave."""
        group = plain["group"]
        return cls(plain["distance"], None if group is None else GroupKey(**group))
