"""What a way of reading classes does to sums over labels: mostly nothing.

Sums are kept in stored classes, so that renaming, recolouring, or a class that nobody used
costs nothing. Only what does not add up is read before it is counted: several stored classes
that read as one, segments that read as one segment of stuff, and what reads as void.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

from datasets_app.models import Version, VersionClassStats
from datasets_app.models.statistics import VOID_CLASS
from labels_app.reading import Reading
from panoptic.distributions import FORM
from panoptic.kinds import Kinds
from panoptic.reading import LabelReading
from panoptic.views import ClassMap


class HeldClass(NamedTuple):
    """A stored class of a version: the images that hold it, and its segments in all of them."""

    images: int
    segments: int


@dataclass(frozen=True)
class DistributionPlan:
    """How labels are read before they are counted; all other classes are counted as they are.

    groups : stored classes that are counted as the first of them
    stuff : the first of each group that reads as stuff, and is one segment in each image
    crowds : stored classes in groups of things that were stuff, and together are one crowd
    gone : stored classes that are counted as void
    """

    groups: tuple[tuple[int, ...], ...] = ()
    stuff: frozenset[int] = frozenset()
    crowds: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()

    @classmethod
    def of(cls, held: Mapping[int, HeldClass], reading: Reading) -> Self:
        """Return the plan for a version that holds these stored classes.

        Stored classes that the reading never had are counted as they are.
        """
        groups, stuff, crowds, gone = [], set(), set(), set()
        sources: dict[int | None, list[int]] = {}
        for class_id in sorted(held):
            if class_id in reading.live_of:
                sources.setdefault(reading.live_of[class_id], []).append(class_id)
        for live, ids in sources.items():
            if live is None:
                gone.update(ids)
                continue
            is_stuff = reading.classes[live].kind == "stuff"
            joins = set(ids) if is_stuff else set(ids) & reading.crowd_ids
            # One class with one segment in each of its images: there is nothing to join.
            if len(ids) > 1 or (joins and held[ids[0]].segments > held[ids[0]].images):
                groups.append(tuple(ids))
                if is_stuff:
                    stuff.add(ids[0])
                else:
                    crowds.update(joins)
        return cls(tuple(sorted(groups)), frozenset(stuff), frozenset(crowds), frozenset(gone))

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_plain` was called on."""
        return cls(
            tuple(tuple(group) for group in plain["groups"]),
            *(frozenset(plain[name]) for name in ("stuff", "crowds", "gone")),
        )

    def to_plain(self) -> dict[str, Any]:
        """Return the plan as JSON has it."""
        return {
            "groups": [list(group) for group in self.groups],
            "stuff": sorted(self.stuff),
            "crowds": sorted(self.crowds),
            "gone": sorted(self.gone),
        }

    @cached_property
    def digest(self) -> bytes:
        """What sums are kept under."""
        plain = json.dumps([FORM, self.to_plain()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).digest()

    def reading_of(self, class_ids: frozenset[int]) -> LabelReading | None:
        """Return how labels with these stored classes are read; None: as they are."""
        if not (self.groups or self.gone):
            return None
        becomes = {class_id: class_id for class_id in class_ids - {VOID_CLASS}}
        becomes |= dict.fromkeys(self.gone, VOID_CLASS)
        for first, *others in self.groups:
            becomes |= dict.fromkeys((first, *others), first)
        return LabelReading(ClassMap.from_mapping(becomes), Kinds(self.stuff), self.crowds)


def held_classes(*versions: Version) -> dict[int, HeldClass]:
    """Return the stored classes of versions, summed over splits; one query."""
    found: dict[int, HeldClass] = {}
    rows = VersionClassStats.objects.filter(version__in=versions).exclude(class_id=VOID_CLASS)
    for class_id, images, segments in rows.values_list("class_id", "images", "segments"):
        before = found.get(class_id, HeldClass(0, 0))
        found[class_id] = HeldClass(before.images + images, before.segments + segments)
    return found
