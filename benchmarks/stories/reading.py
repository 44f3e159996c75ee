"""Read labels as a training loop does, from bytes in memory to an array, against Pillow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.bench import Bench
from benchmarks.pillow_png import pillow_pixels, pillow_png
from benchmarks.rows import Goal, Row
from benchmarks.scenes import rgb_of
from benchmarks.timing import duel
from panoptic.codec import encode_label
from panoptic.dense import decode_class_map, decode_partition
from panoptic.kinds import Kinds
from panoptic.label import Label
from panoptic.reading import LabelReading
from panoptic.runs import decode_runs
from panoptic.views import ClassMap, semantic_runs

_GOAL = Goal(10)
_AS_STORED = LabelReading.identity_of(Kinds(frozenset()))


def run(bench: Bench) -> Iterator[Row]:
    labels, large = bench.scenes.normal, bench.scenes.large
    yield _row(bench, "reading/ids", labels, _read_ids, rgb_of, "id maps, 640×480")
    yield _row(bench, "reading/classes", labels, _read_classes, _classes, "class maps, 640×480")
    yield _row(bench, "reading/ids-large", large, _read_ids, rgb_of, "id maps, 2048×1024")


def _row(
    bench: Bench,
    name: str,
    labels: list[Label],
    read: Callable[[bytes], Any],
    as_pixels: Callable[[Label], Any],
    what: str,
) -> Row:
    stored = [encode_label(label) for label in labels]
    pngs = [pillow_png(as_pixels(label)) for label in labels]
    found = duel(
        lambda: _each(read, stored),
        lambda: _each(pillow_pixels, pngs),
        bench.scale.rounds,
    )
    each = 1e6 / len(labels)
    note = f"{what}: stored bytes, checked, to an array; Pillow decoding, ids not composed"
    return Row(
        name,
        found.ours.wall * each,
        found.peer.wall * each,
        "µs",
        found.ratio,
        _GOAL,
        found.cpu_ratio,
        note,
    )


def _each(function: Callable[[bytes], Any], files: list[bytes]) -> None:
    """Use and forget, as a loop does: memory that is kept would have to be fetched anew."""
    for file in files:
        function(file)


def _read_ids(data: bytes) -> np.ndarray:
    found = decode_partition(data, _AS_STORED)
    assert found is not None  # scenes are flat
    return found.id_map


def _read_classes(data: bytes) -> np.ndarray:
    return decode_class_map(data, ClassMap.identity, np.uint8)


def _classes(label: Label) -> np.ndarray:
    return decode_runs(semantic_runs(label), np.uint8)
