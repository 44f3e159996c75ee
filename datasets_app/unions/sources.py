"""Sets of stored classes, and what the statistics of a version say of their unions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from datasets_app.models import Job, Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.tallies import ClassKey, tally_of

# Stored class ids that read as one class; with 0 among them they read as void.
SourceSet = frozenset[int]
# Images by split, for sets that are counted; a split that is left out has none.
Counts = dict[SourceSet, dict[str, int]]


def digest_of(sources: SourceSet) -> bytes:
    """Return what a set is known by; unlike its ids, of one length."""
    return hashlib.sha256(",".join(map(str, sorted(sources))).encode()).digest()


@dataclass(frozen=True, slots=True)
class HeldImages:
    """The images of a version by split and stored class, each class by itself.

    `images` hold a segment of the class, `visible` are the class's pixels, `labelled` the
    images of a split that have a label.
    """

    images: Mapping[ClassKey, int]
    visible: Mapping[ClassKey, int]
    labelled: Mapping[str, int]

    @property
    def splits(self) -> Collection[str]:
        """The splits of the version."""
        return self.labelled.keys()

    def sum(self, split: str, sources: SourceSet) -> int:
        """Add the images of all sources: those of several sources are counted several times."""
        return sum(self.images.get(ClassKey(split, class_id), 0) for class_id in sources)

    def find_union(self, split: str, sources: SourceSet) -> int | None:
        """Return the size of the union where the sums leave only one, else None."""
        counts = [
            self.images.get(ClassKey(split, class_id), 0)
            for class_id in sources
            if VOID_CLASS not in sources or self.visible.get(ClassKey(split, class_id), 0)
        ]
        if VOID_CLASS in sources:
            # A segment whose pixels are all hidden makes no void.
            least = self.images.get(ClassKey(split, VOID_CLASS), 0)
        else:
            least = max(counts, default=0)
        most = min(sum(counts), self.labelled[split])
        return least if least == most else None


def held_images(version: Version) -> HeldImages:
    """Read what a version holds; two queries."""
    tally = tally_of(version)
    return HeldImages(
        images={key: int(row[0]) for key, row in tally.classes.items()},
        visible={key: int(row[3]) for key, row in tally.classes.items()},
        labelled={split: int(row[1]) for split, row in tally.splits.items()},
    )


@dataclass(frozen=True, slots=True)
class UnionCounts:
    """How many images hold any source of a set, for the sets that were asked for.

    `images` maps a set to every split of the version; None: it is not counted yet, and `job`
    says how far it is.
    """

    images: Mapping[SourceSet, Mapping[str, int | None]]
    job: Job | None = None

    @property
    def pending(self) -> bool:
        """Whether anything that was asked for is not counted yet."""
        return any(None in by_split.values() for by_split in self.images.values())

    def find(self, split: str, sources: Iterable[int]) -> int | None:
        """Return the images of a split, None while pending; 0 for a split without images."""
        return self.images[frozenset(sources)].get(split, 0)

    def over_splits(self, sources: Iterable[int]) -> int | None:
        """Return the images of all splits, None while one is pending."""
        total = 0
        for images in self.images[frozenset(sources)].values():
            if images is None:
                return None
            total += images
        return total
