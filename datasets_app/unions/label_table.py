"""The class counts of many labels in columns, to ask all of them one question at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets_app.label_facts import LabelFacts, label_facts
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.unions.sources import SourceSet
from labels_app.classes import HIGHEST_CLASS_ID


@dataclass(frozen=True, slots=True)
class LabelTable:
    """One row per label and class it holds; `has_void` and `size` are of the labels.

    labels : int64[rows], the place of the label; class_ids : uint32[rows]; pixels : int64[rows],
    visible ones; has_void : bool[size]
    """

    size: int
    labels: NDArray[np.int64]
    class_ids: NDArray[np.uint32]
    pixels: NDArray[np.int64]
    has_void: NDArray[np.bool_]

    @classmethod
    def of(cls, facts: Sequence[LabelFacts]) -> LabelTable:
        """Make the table of one label or more, which keep their order."""
        counts = [fact.counts for fact in facts]
        lengths = [count.class_ids.size for count in counts]
        return cls(
            size=len(counts),
            labels=np.repeat(np.arange(len(counts)), lengths),
            class_ids=np.concatenate([count.class_ids for count in counts]),
            pixels=np.concatenate([count.pixels for count in counts]),
            has_void=np.array([count.void_pixels > 0 for count in counts]),
        )

    def holds(self, sources: SourceSet) -> NDArray[np.bool_]:
        """Say of each label whether it counts for the union of the sources."""
        rows = self._rows_of(sources)
        if VOID_CLASS not in sources:
            return self._times(rows) > 0
        return self.has_void | (self._times(rows & (self.pixels > 0)) > 0)

    def surplus(self, sources: SourceSet) -> NDArray[np.int64]:
        """Return how often each label counts in the sum of the sources beyond the union."""
        counted = self._times(self._rows_of(sources))
        if VOID_CLASS in sources:
            counted += self.has_void
        return counted - self.holds(sources)

    def _rows_of(self, sources: SourceSet) -> NDArray[np.bool_]:
        among = np.zeros(HIGHEST_CLASS_ID + 1, bool)
        among[sorted(sources)] = True
        return among[self.class_ids]

    def _times(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(self.labels[rows], minlength=self.size)


Question = Callable[[LabelTable, SourceSet], NDArray[np.int64] | NDArray[np.bool_]]


def sum_over_labels(
    weights: Mapping[tuple[str, bytes], int], sets: Sequence[SourceSet], question: Question
) -> dict[str, NDArray[np.int64]]:
    """Sum the answers of labels by split, one number per set.

    `weights` maps (split, label digest) to how often the label counts there; one query per
    5,000 labels.
    """
    digests = list({digest for _, digest in weights})
    if not digests:
        return {}
    facts = label_facts(digests)
    table = LabelTable.of([facts[digest] for digest in digests])
    answers = np.stack([question(table, sources) for sources in sets], axis=1).astype(np.int64)
    places = {digest: place for place, digest in enumerate(digests)}
    by_split: dict[str, NDArray[np.int64]] = {}
    for (split, digest), weight in weights.items():
        if split not in by_split:
            by_split[split] = np.zeros(len(digests), np.int64)
        by_split[split][places[digest]] += weight
    return {split: column @ answers for split, column in by_split.items()}
