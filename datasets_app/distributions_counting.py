"""Count the distributions of a version: from a version near it, else from all of its labels."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator

from datasets_app.bulk import batched
from datasets_app.comparison import diff_versions
from datasets_app.distributions_kept import Base, SplitSums
from datasets_app.distributions_plan import DistributionPlan, held_classes
from datasets_app.distributions_shards import DistributionShard, count_shard
from datasets_app.entries import Entry
from datasets_app.jobs.executor import map_shards
from datasets_app.jobs.kinds import Progress, silent, watched
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import iter_entries
from panoptic.distributions import no_distributions
from store_app.blobs import erased_among, get_blobs

# What a request may wait for: some 1 ms each.
LABELS_AT_ONCE = 200
_LABELS_PER_SHARD = 128
_ENTRIES_PER_BATCH = 1_024

# A label that came to a split (+1), or left it (-1).
Weighed = tuple[str, bytes, int]


def count_small(version: Version, plan: DistributionPlan, base: Base | None) -> SplitSums | None:
    """Count what a request can wait for; None: it is more."""
    most = LABELS_AT_ONCE
    if base is None and version.image_count > most:
        return None
    weighed = list(itertools.islice(_weigh(version, base), 2 * most + 1))
    labels = {(split, label) for split, label, _ in weighed}
    if len(weighed) > 2 * most or len(labels) > most:
        return None
    try:
        return _count(version, plan, base, [weighed], silent, len(weighed))
    except _BaseHoldsErased:
        return count_small(version, plan, None)


def count_version(
    version: Version, plan: DistributionPlan, base: Base | None, progress: Progress = silent
) -> SplitSums:
    """Count by what changed since the base, or from nothing; memory does not grow with either.

    Labels whose bytes were erased are in no sum.
    """
    total = version.image_count if base is None else None
    batches = batched(_weigh(version, base), _ENTRIES_PER_BATCH)
    try:
        return _count(version, plan, base, batches, progress, total)
    except _BaseHoldsErased:
        return count_version(version, plan, None, progress)


class _BaseHoldsErased(Exception):
    """A label left that was erased: what it added to the base can be taken away no more."""


def _weigh(version: Version, base: Base | None) -> Iterator[Weighed]:
    if base is None:
        for _, entry in iter_entries(SqlNodes(), version.root):
            yield from _weighed(entry, +1)
        return
    for change in diff_versions(base.version, version):
        yield from _weighed(change.old, -1)
        yield from _weighed(change.new, +1)


def _weighed(entry: Entry | None, weight: int) -> Iterator[Weighed]:
    if entry is not None and entry.label is not None:
        yield entry.split, entry.label, weight


def _count(
    version: Version,
    plan: DistributionPlan,
    base: Base | None,
    batches: Iterable[list[Weighed]],
    progress: Progress,
    total: int | None,
) -> SplitSums:
    sums = {} if base is None else dict(base.sums)
    versions = [version] if base is None else [version, base.version]
    # Labels may hold classes that one of both has no more.
    reading = plan.reading_of(frozenset(held_classes(*versions)))
    for batch in watched(batches, progress, total, "labels counted"):
        weights: Counter[tuple[str, bytes]] = Counter()
        for split, label, weight in batch:
            weights[split, label] += weight
        erased = erased_among([label for _, label in weights])
        by_split: dict[str, list[tuple[bytes, int]]] = {}
        for (split, label), weight in weights.items():
            # What changed back and forth, or in its status alone, is read by nobody.
            if weight and label in erased:
                if base is not None:
                    raise _BaseHoldsErased
            elif weight:
                by_split.setdefault(split, []).append((label, weight))
        stored = get_blobs({label for labels in by_split.values() for label, _ in labels})
        shards = (
            DistributionShard(split, reading, [(stored[label], weight) for label, weight in some])
            for split, labels in by_split.items()
            for some in batched(labels, _LABELS_PER_SHARD)
        )
        for split, found in map_shards(count_shard, shards):
            sums[split] = sums.get(split, no_distributions()) + found
    return {split: of_split for split, of_split in sums.items() if of_split.labels}
