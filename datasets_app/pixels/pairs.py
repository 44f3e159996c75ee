"""Pairs of label revisions: their diff as counts, computed once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from datasets_app.bulk import batched
from datasets_app.entries import EntryChange
from datasets_app.jobs.executor import map_shards
from datasets_app.models.pixel_comparison import PairDiff
from datasets_app.pixels.counting import PairCounts, PairShard, count_shard
from labels_app.reading import Reading
from panoptic.diff import ALGORITHM_VERSION
from panoptic.reading import LabelReading
from store_app.blobs import get_blobs

_PAIRS_PER_SHARD = 256
_SHARDS_AT_ONCE = 8


class LabelPair(NamedTuple):
    """The labels of one image on two sides; None: unlabelled there, or the image is not there."""

    old: bytes | None
    new: bytes | None


def pair_of(change: EntryChange) -> LabelPair | None:
    """Return the labels of a changed image; None where they do not differ."""
    old = change.old.label if change.old else None
    new = change.new.label if change.new else None
    return None if old == new else LabelPair(old, new)


def find_missing_pairs(pairs: Iterable[LabelPair], reading: Reading) -> list[LabelPair]:
    """Return the pairs whose counts are not kept yet; one query per 5,000."""
    missing: list[LabelPair] = []
    for batch in batched(dict.fromkeys(pairs), 5_000):
        keys = {pair_key(pair, reading): pair for pair in batch}
        known = PairDiff.objects.filter(pk__in=list(keys)).values_list("pk", flat=True)
        missing.extend(keys[key] for key in keys.keys() - set(known))
    return missing


def get_pair_counts(pairs: Sequence[LabelPair], reading: Reading) -> dict[LabelPair, PairCounts]:
    """Return the counts of pairs, computing and keeping those that are not known.

    One query for those that are known, two and the reads of the store for all others.
    """
    keys = {pair_key(pair, reading): pair for pair in pairs}
    counts = {
        keys[row.key]: PairCounts.from_json(row.counts)
        for row in PairDiff.objects.filter(pk__in=list(keys))
    }
    missing = [pair for pair in keys.values() if pair not in counts]
    if missing:
        computed = _compute(missing, reading.label_reading)
        PairDiff.objects.bulk_create(
            [
                PairDiff(key=pair_key(pair, reading), counts=found.to_json())
                for pair, found in computed.items()
            ],
            ignore_conflicts=True,  # somebody else compared the same pair meanwhile
        )
        counts |= computed
    return counts


def pair_key(pair: LabelPair, reading: Reading) -> bytes:
    """Return the cache key of a pair read by a taxonomy: by its classes, not by their names."""
    parts = (pair.old or bytes(32), pair.new or bytes(32), reading.label_reading.digest)
    return hashlib.sha256(b"".join((*parts, ALGORITHM_VERSION.to_bytes(4, "little")))).digest()


def _compute(pairs: Sequence[LabelPair], reading: LabelReading) -> dict[LabelPair, PairCounts]:
    counts: dict[LabelPair, PairCounts] = {}
    for some in batched(pairs, _PAIRS_PER_SHARD * _SHARDS_AT_ONCE):
        wanted = {digest for pair in some for digest in pair if digest is not None}
        stored = get_blobs(wanted)
        shards = (
            PairShard([(stored.get(pair.old), stored.get(pair.new)) for pair in batch], reading)
            for batch in batched(some, _PAIRS_PER_SHARD)
        )
        found = (one for many in map_shards(count_shard, shards) for one in many)
        counts |= dict(zip(some, found, strict=True))
    return counts
