"""How far branches are ahead of another version, and behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from datasets_app.models import Dataset, Version, VersionParent

# Of a longer history it is not told: it would be read whole.
MOST_VERSIONS = 5_000


class Distance(NamedTuple):
    """Versions that lead to one side alone."""

    ahead: int
    behind: int


def count_distances(
    dataset: Dataset, base: Version | None, heads: Iterable[Version]
) -> dict[int, Distance]:
    """Return by number how far each head is from `base`; empty where nobody counts.

    Two queries; the history is a bit per version.
    """
    newest = Version.objects.filter(dataset=dataset).order_by("-number").first()
    if base is None or newest is None or newest.number > MOST_VERSIONS:
        return {}
    links = VersionParent.objects.filter(version__dataset=dataset)
    parents = defaultdict(list)
    for child, parent in links.values_list("version__number", "parent__number"):
        parents[child].append(parent)
    history: dict[int, int] = {}
    for number in range(1, newest.number + 1):
        bits = 1 << number
        for parent in parents[number]:
            bits |= history.get(parent, 0)
        history[number] = bits
    own = history[base.number]
    return {
        head.number: Distance(
            (history[head.number] & ~own).bit_count(), (own & ~history[head.number]).bit_count()
        )
        for head in heads
    }
