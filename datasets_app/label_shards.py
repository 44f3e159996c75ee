"""Open labels and check them, in worker processes: nothing here may need the database."""

from __future__ import annotations

from typing import NamedTuple

from labels_app.rule_checks import Findings, RuleBook, check_pixels
from panoptic.codec import decode_label


class CheckShard(NamedTuple):
    """Stored labels with their digests, and the rules to check them by."""

    book: RuleBook
    labels: list[tuple[bytes, bytes]]


def check_shard(shard: CheckShard) -> list[tuple[bytes, Findings]]:
    """Return by digest what the labels break that only pixels and attributes tell."""
    return [
        (digest, findings)
        for digest, stored in shard.labels
        if (findings := check_pixels(shard.book, decode_label(stored)))
    ]
