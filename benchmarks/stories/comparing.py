"""PQ and diff of stored labels, against pq_compute on their PNGs; one process each.

All pairs differ. Of two versions only such pairs are opened: what is equal on both sides costs
nothing, which is not counted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.bench import Bench
from benchmarks.dense import count_quality
from benchmarks.panopticapi import PANOPTICAPI_MISSING, find_panopticapi
from benchmarks.rows import Goal, Row, left_out
from benchmarks.scenes import Pair, classes_of_scenes, describe, kinds_of_scenes
from benchmarks.stored import StoredLabels, store_labels
from benchmarks.timing import duel
from datasets_app.sample.taxonomy import sample_classes
from labels_app.revisions import get_labels
from panoptic.diff import DiffSummary, diff_labels
from panoptic.label import Label
from panoptic.metrics import PanopticTally, panoptic_quality

_GOAL = Goal(100)
_KINDS = kinds_of_scenes()


class _Sides(NamedTuple):
    old: StoredLabels
    new: StoredLabels


def run(bench: Bench) -> Iterator[Row]:
    for size, pairs in (
        ("640x480", bench.scenes.pairs),
        ("2048x1024", bench.scenes.large_pairs),
    ):
        sides = _store(bench, size, pairs)
        _check_same(bench, sides)
        peers = {"": lambda sides=sides: _count_dense(sides)}
        real = find_panopticapi()
        if real is None:
            yield left_out(f"comparing/pq-{size}/panopticapi", PANOPTICAPI_MISSING)
        else:
            peers["/panopticapi"] = lambda sides=sides, real=real: real.count_quality(
                sides.old.folder, sides.new.folder, _annotations(sides), classes_of_scenes()
            )
        what = describe([pair.new for pair in pairs])
        for suffix, peer in peers.items():
            name = f"comparing/pq-{size}{suffix}"
            yield _row(bench, name, sides, _count_quality, peer, what)
            name = f"comparing/diff-{size}{suffix}"
            yield _row(bench, name, sides, _count_changes, peer, what)


def _row(
    bench: Bench,
    name: str,
    sides: _Sides,
    ours: Callable[[Bench, _Sides], object],
    peer: Callable[[], object],
    what: str,
) -> Row:
    found = duel(lambda: ours(bench, sides), peer, bench.scale.rounds)
    each = 1e3 / len(sides.old.digests)
    note = f"{what}: a pair from the store, verified; pq_compute's way from PNGs"
    return Row(
        name,
        found.ours.wall * each,
        found.peer.wall * each,
        "ms",
        found.ratio,
        _GOAL,
        found.cpu_ratio,
        note,
    )


def _store(bench: Bench, size: str, pairs: list[Pair]) -> _Sides:
    return _Sides(
        store_labels(bench, f"comparing-{size}-old", [pair.old for pair in pairs]),
        store_labels(bench, f"comparing-{size}-new", [pair.new for pair in pairs]),
    )


def _read(bench: Bench, side: StoredLabels) -> dict[bytes, Label]:
    with bench.service.using(side.database):
        return get_labels(side.digests)


def _count_quality(bench: Bench, sides: _Sides) -> PanopticTally:
    old, new = _read(bench, sides.old), _read(bench, sides.new)
    total = PanopticTally()
    for one, other in zip(sides.old.digests, sides.new.digests, strict=True):
        total += panoptic_quality(old[one], new[other], _KINDS)
    return total


def _count_changes(bench: Bench, sides: _Sides) -> DiffSummary:
    old, new = _read(bench, sides.old), _read(bench, sides.new)
    total = DiffSummary()
    for one, other in zip(sides.old.digests, sides.new.digests, strict=True):
        total += diff_labels(old[one], new[other], kinds=_KINDS).summary()
    return total


def _count_dense(sides: _Sides) -> dict[int, list[float]]:
    return count_quality(sides.old.folder, sides.new.folder, _annotations(sides))


def _annotations(sides: _Sides) -> list[tuple[Any, Any]]:
    return list(zip(sides.old.annotations, sides.new.annotations, strict=True))


def _check_same(bench: Bench, sides: _Sides) -> None:
    """Compare TP, FN and IoUs; FP differ where a class has two crowds (panopticapi sees one)."""
    ours, dense = _count_quality(bench, sides), _count_dense(sides)
    for row in sample_classes():
        tally = ours.classes.get(row.class_id)
        counts = (tally.tp, tally.fn, round(tally.iou_sum, 4)) if tally else (0, 0, 0)
        tp, _, fn, iou = dense.get(row.class_id, (0, 0, 0, 0.0))
        if counts != (tp, fn, round(iou, 4)):
            raise AssertionError(f"class {row.name}: {counts}, densely {(tp, fn, iou)}")
