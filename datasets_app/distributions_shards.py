"""Sum over labels, in worker processes: nothing here may need the database."""

from __future__ import annotations

from typing import NamedTuple

from panoptic.codec import decode_label
from panoptic.distributions import Distributions, count_distributions
from panoptic.reading import LabelReading, read_label


class DistributionShard(NamedTuple):
    """Stored labels of one split, with how often each counts; `reading` None: as they are."""

    split: str
    reading: LabelReading | None
    labels: list[tuple[bytes, int]]


def count_shard(shard: DistributionShard) -> tuple[str, Distributions]:
    """Return the split and the sums over its labels."""
    reading = shard.reading
    labels = ((decode_label(stored), weight) for stored, weight in shard.labels)
    read = (
        (label if reading is None else read_label(label, reading), weight)
        for label, weight in labels
    )
    return shard.split, count_distributions(read)
