"""Count unions exactly, opening only images that the sum of the sources may count wrongly.

The sum of the images of all sources is the union and a surplus: an image with three of the
sources counts three times. Images of several sources are candidates of several bitmaps, so no
other image has a surplus, and where no bitmaps overlap the sum is exact. Void is otherwise:
which images have stored void is in no bitmap, and a segment that nothing is seen of makes no
void; there every image with a class that reads as void is looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from datasets_app.bulk import batched
from datasets_app.candidates import (
    KeyGroup,
    KeySize,
    SharedImages,
    class_key,
    find_sizes,
    iter_shared,
    numbers_of,
)
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.models import Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.nodes import SqlNodes
from datasets_app.tree import get_entries
from datasets_app.unions.label_table import LabelTable, sum_over_labels
from datasets_app.unions.sources import Counts, HeldImages, SourceSet, held_images

# What a request may wait for: some 30 µs per image (one batch: a constant number of queries), and
# 2 µs per row of the index.
IMAGES_AT_ONCE = 5_000
INDEX_ROWS_AT_ONCE = 20_000
_BATCH = 5_000


def count_small(
    version: Version,
    sets: Collection[SourceSet],
    held: HeldImages,
    sizes: Mapping[str, KeySize],
) -> Counts:
    """Count those sets that take little, the smallest first; the others are left out."""
    candidates = _find_candidates(version, sets, sizes)
    chosen: list[SourceSet] = []
    numbers: set[int] = set()
    for sources, found in sorted(candidates.items(), key=lambda item: item[1].count):
        if found.count > IMAGES_AT_ONCE:
            break
        both = numbers.union(found.numbers())
        if len(both) > IMAGES_AT_ONCE:
            break
        numbers = both
        chosen.append(sources)
    return _count(version, chosen, sorted(numbers), held, silent, len(numbers))


def count_unions(
    version: Version, sets: Collection[SourceSet], progress: Progress = silent
) -> Counts:
    """Count all sets, however many images have to be opened; in batches of 5,000."""
    groups = {sources: _group(sources) for sources in sets}
    sizes = find_sizes(version.dataset_id, {key for group in groups.values() for key in group.keys})
    chunks: dict[int, int] = {}
    for shared in _iter_shared(version, list(groups.values()), sizes):
        bits = 0
        for some in shared.bits:
            bits |= some
        chunks[shared.chunk] = bits
    total = sum(bits.bit_count() for bits in chunks.values())
    numbers = (no for chunk, bits in chunks.items() for no in numbers_of(chunk, bits))
    return _count(version, list(sets), numbers, held_images(version), progress, total)


class _Candidates(NamedTuple):
    """The images to open for one set: bitmaps by chunk."""

    chunks: list[tuple[int, int]]
    count: int

    def numbers(self) -> Iterator[int]:
        for chunk, bits in self.chunks:
            yield from numbers_of(chunk, bits)


def _find_candidates(
    version: Version, sets: Collection[SourceSet], sizes: Mapping[str, KeySize]
) -> dict[SourceSet, _Candidates]:
    """Return the images to open for the sets of short bitmaps."""
    groups: dict[SourceSet, KeyGroup] = {}
    rows = 0
    for sources in sorted(sets, key=lambda sources: _rows(sources, sizes)):
        rows += _rows(sources, sizes)
        if rows > INDEX_ROWS_AT_ONCE:
            break
        groups[sources] = _group(sources)
    found: dict[SourceSet, list[tuple[int, int]]] = {sources: [] for sources in groups}
    for chunk, bits in _iter_shared(version, list(groups.values()), sizes):
        for chunks, some in zip(found.values(), bits, strict=True):
            if some:
                chunks.append((chunk, some))
    return {
        sources: _Candidates(chunks, sum(bits.bit_count() for _, bits in chunks))
        for sources, chunks in found.items()
    }


def _group(sources: SourceSet) -> KeyGroup:
    keys = tuple(class_key(class_id) for class_id in sorted(sources - {VOID_CLASS}))
    return KeyGroup(keys, times=1 if VOID_CLASS in sources else 2)


def _rows(sources: SourceSet, sizes: Mapping[str, KeySize]) -> int:
    return sum(sizes[key].rows for key in _group(sources).keys if key in sizes)


def _iter_shared(
    version: Version, groups: Sequence[KeyGroup], sizes: Mapping[str, KeySize]
) -> Iterable[SharedImages]:
    keys = {key for group in groups for key in group.keys} & sizes.keys()
    if not keys:
        return ()
    last_chunk = max(sizes[key].last_chunk for key in keys)
    return iter_shared(version.dataset_id, groups, last_chunk=last_chunk)


def _count(
    version: Version,
    sets: Sequence[SourceSet],
    numbers: Iterable[int],
    held: HeldImages,
    progress: Progress,
    total: int,
) -> Counts:
    """Count sets of which the images outside of `numbers`, which ascend, have no surplus."""
    surplus: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(sets), np.int64))
    nodes = SqlNodes()
    done = 0
    for batch in batched(numbers, _BATCH):
        entries = get_entries(nodes, version.root, batch)
        weights = Counter(
            (entry.split, entry.label) for entry in entries.values() if entry.label is not None
        )
        for split, row in sum_over_labels(weights, sets, LabelTable.surplus).items():
            surplus[split] += row
        done += len(batch)
        progress(done, total, "images counted")
    return {
        sources: {
            split: images
            for split in held.splits
            if (images := held.sum(split, sources) - int(surplus[split][place]))
        }
        for place, sources in enumerate(sets)
    }
