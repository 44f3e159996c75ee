"""Find all pairs of hashes that differ in few bits, without comparing all pairs.

The 64 bits of waves are dealt out to four bands of 16. If two hashes differ in at most 11 of
the 64, they differ in at most 2 of some band (four times 3 would be 12). So it is enough to
sort the hashes by each band and to look, for each, at those whose band differs in no bit, in
one, or in two: 137 places of 65,536. What is found there is compared in full. Nothing that is
near is missed, and of unrelated photographs one in 480 is looked at, band by band.

A mirrored pair is a pair that differs in few bits after some bits of one are turned
(`panoptic.perceptual.MIRROR_WAVES`), so it is found in the same way at other places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.jobs.kinds import Progress, silent
from panoptic.perceptual import MIRROR_WAVES, mirrored_slopes

# Of the 64 bits of waves, so many may differ in a pair, whatever the slopes say.
MOST_WAVES = 11
# Each photograph keeps its pairs with so many others, the nearest first: in a hundred frames
# of a standing camera each one is like each other, and nobody reads 4,950 lines about it.
PARTNERS = 8

_BANDS, _BAND_BITS = 4, 16
_CHUNK = 2**20  # candidates compared at once: some 50 MB
_PRUNED_AT = 2**20

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Hashes:
    """Hashes of photographs, one per row.

    waves : uint64 (n,)
    slopes : uint64 (n, 2)
    low, high : int (n,), the first and the last of the splits that a photograph is in, as
        numbers from 0; a pair counts only if it is not all in one split
    """

    waves: NDArray[np.uint64]
    slopes: NDArray[np.uint64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


class Pairs(NamedTuple):
    """Rows of two hashes each, `first` < `second`, and in how many of 192 bits they differ."""

    first: Indices
    second: Indices
    distance: Indices


class Found(NamedTuple):
    """The nearest pairs, sorted by distance, and how many there are in all."""

    pairs: Pairs
    total: int


def find_pairs(
    hashes: Hashes, most: int, *, mirrored: bool = False, progress: Progress = silent
) -> Found:
    """Find the pairs in different splits that differ in at most `most` bits.

    mirrored : find those where one looks like the mirror image of the other, and that are no
        plain pairs too

    Memory is bounded: some 100 MB beside 300 bytes per hash.
    """
    kept, count, waiting = _empty(), 0, 0
    parts = [kept]
    for pairs in _iter_pairs(hashes, most, mirrored, progress):
        count += len(pairs.first)
        parts.append(pairs)
        waiting += len(pairs.first)
        if waiting > _PRUNED_AT:
            parts, waiting = [_prune(_joined(parts))], 0
    found = _prune(_joined(parts))
    order = np.lexsort((found.second, found.first, found.distance))
    return Found(Pairs(*(column[order] for column in found)), count)


def _iter_pairs(hashes: Hashes, most: int, mirrored: bool, progress: Progress) -> Iterator[Pairs]:
    flips = MIRROR_WAVES if mirrored else 0
    others = mirrored_slopes(hashes.slopes) if mirrored else hashes.slopes
    most_waves = min(most, MOST_WAVES)
    bands = _bands_of(hashes.waves)
    flips_of = _bands_of(np.array([flips], np.uint64))[:, 0]
    radii = _radii(most_waves)
    for number, radius in enumerate(radii):
        for first, second in _iter_candidates(bands[number], int(flips_of[number]), radius):
            progress(number, _BANDS, "bands searched")
            pairs = _compare(hashes, others, flips, first, second, most, most_waves)
            if mirrored and len(pairs.first):
                plain = _compare(hashes, hashes.slopes, 0, *pairs[:2], 192, 64).distance
                waves = _ones(hashes.waves[pairs.first] ^ hashes.waves[pairs.second])
                pairs = _chosen(pairs, (plain > most) | (waves > most_waves))
            # A pair that several bands find is counted by the first.
            for earlier in range(number):
                ones = bands[earlier][pairs.first] ^ bands[earlier][pairs.second]
                near = _ones(ones ^ flips_of[earlier]) <= radii[earlier]
                pairs = _chosen(pairs, ~near)
            yield pairs
    progress(_BANDS, _BANDS, "bands searched")


def _compare(
    hashes: Hashes,
    others: NDArray[np.uint64],
    flips: int,
    first: Indices,
    second: Indices,
    most: int,
    most_waves: int,
) -> Pairs:
    """Keep of some candidates those that are near and in different splits."""
    low = np.minimum(hashes.low[first], hashes.low[second])
    apart = low != np.maximum(hashes.high[first], hashes.high[second])
    first, second = first[apart], second[apart]
    waves = _ones(hashes.waves[first] ^ hashes.waves[second] ^ np.uint64(flips))
    near = waves <= most_waves
    first, second, waves = first[near], second[near], waves[near]
    distance = waves + _ones(hashes.slopes[first] ^ others[second]).sum(axis=1)
    return _chosen(Pairs(first, second, distance), distance <= most)


def _iter_candidates(
    values: NDArray[np.uint16], flip: int, radius: int
) -> Iterator[tuple[Indices, Indices]]:
    """Yield all pairs whose values differ in at most `radius` bits from `flip`, each once."""
    order = np.argsort(values, kind="stable")
    held = values[order].astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(held, minlength=1 << _BAND_BITS))])
    for mask in _masks(radius):
        turn = mask ^ flip
        partners = held ^ turn
        begins, ends = starts[partners], starts[partners + 1]
        if turn == 0:
            begins = np.arange(1, len(held) + 1)
        else:
            # Each pair of places is seen from both of them: one is enough.
            ends = np.where(held < partners, ends, begins)
        for first, second in _expand(begins, ends):
            one, other = order[first], order[second]
            yield np.minimum(one, other), np.maximum(one, other)


def _expand(begins: Indices, ends: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yield the pairs (n, m) with begins[n] <= m < ends[n], in bounded parts."""
    rows = np.flatnonzero(ends > begins)
    lengths = (ends - begins)[rows]
    sums = np.cumsum(lengths)
    at, done = 0, 0
    while at < len(rows):
        end = max(at + 1, int(np.searchsorted(sums, done + _CHUNK, side="right")))
        some, counts = rows[at:end], lengths[at:end]
        total = int(counts.sum())
        offsets = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        yield np.repeat(some, counts), np.repeat(begins[some], counts) + offsets
        at, done = end, int(sums[end - 1])


def _bands_of(waves: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Return the bands (4, n). Bits are dealt out in turn: the low waves, whose signs vary
    less from street to street, would make one band that tells nothing apart."""
    bits = np.unpackbits(
        np.ascontiguousarray(waves, "<u8").view(np.uint8).reshape(-1, 8), axis=1, bitorder="little"
    )
    dealt = bits.reshape(-1, _BAND_BITS, _BANDS).transpose(2, 0, 1)
    packed = np.packbits(np.ascontiguousarray(dealt), axis=2, bitorder="little")
    return packed.view("<u2").reshape(_BANDS, -1).astype(np.uint16)


def _radii(most: int) -> list[int]:
    """Return how many bits of each band to try, -1 for none: together with one more each they
    are more than `most`, so that no pair can be beyond all of them."""
    share, rest = divmod(most + 1, _BANDS)
    return [share - 1 + (band < rest) for band in range(_BANDS)]


def _masks(radius: int) -> list[int]:
    return [
        sum(1 << bit for bit in bits)
        for count in range(radius + 1)
        for bits in itertools.combinations(range(_BAND_BITS), count)
    ]


def _prune(pairs: Pairs) -> Pairs:
    """Keep the pairs that are among the nearest of either side."""
    count = len(pairs.first)
    sides = np.concatenate([pairs.first, pairs.second])
    others = np.concatenate([pairs.second, pairs.first])
    order = np.lexsort((others, np.tile(pairs.distance, 2), sides))
    held = sides[order]
    starts = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]])) if count else held
    ranks = np.arange(2 * count) - np.repeat(starts, np.diff(np.append(starts, 2 * count)))
    wanted = np.zeros(count, bool)
    wanted[order[ranks < PARTNERS] % max(count, 1)] = True
    return _chosen(pairs, wanted)


def _ones(words: NDArray[np.unsignedinteger]) -> Indices:
    ones: Indices = np.bitwise_count(words).astype(np.int64)
    return ones


def _chosen(pairs: Pairs, wanted: NDArray[np.bool_]) -> Pairs:
    return Pairs(*(column[wanted] for column in pairs))


def _joined(parts: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _empty() -> Pairs:
    return Pairs(*(np.zeros(0, np.int64) for _ in range(3)))
