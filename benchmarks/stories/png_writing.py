"""Write PNGs from runs, against Pillow saving the same array."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.bench import Bench
from benchmarks.pillow_png import pillow_pixels, pillow_png
from benchmarks.rows import Goal, Row, left_out
from benchmarks.scenes import describe, rgb_of
from benchmarks.timing import duel
from panoptic.label import Label
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import Runs, decode_runs
from panoptic.views import panoptic_runs, semantic_runs

_BYTES = Goal(1.05, at_most=True)


def run(bench: Bench) -> Iterator[Row]:
    scenes = bench.scenes
    for name, labels, goal in (
        ("640x480", scenes.normal, Goal(30)),
        ("2048x1024", scenes.large, Goal(90)),
        ("real-coco", scenes.real_panoptic, Goal(30)),
    ):
        yield from _rows(bench, f"png/panoptic-{name}", labels, _panoptic, goal, _BYTES)
    for name, labels in (("640x480", scenes.normal), ("2048x1024", scenes.large)):
        yield from _rows(bench, f"png/classes-{name}", labels, _classes, None, None)


def _rows(
    bench: Bench,
    name: str,
    labels: list[Label],
    prepare: Callable[[Label], tuple[Runs, NDArray[np.uint8], Callable[[Runs], bytes]]],
    quick: Goal | None,
    small: Goal | None,
) -> Iterator[Row]:
    if not labels:
        yield left_out(name, "real labels are missing (set TESSERA_REAL_DATA)")
        return
    prepared = [prepare(label) for label in labels]
    ours = [encode(runs) for runs, _, encode in prepared]
    for (_, pixels, _), png in zip(prepared, ours, strict=True):
        if not np.array_equal(pillow_pixels(png), pixels):
            raise AssertionError(f"{name}: the PNG does not decode to its label")
    found = duel(
        lambda: [encode(runs) for runs, _, encode in prepared],
        lambda: [pillow_png(pixels) for _, pixels, _ in prepared],
        bench.scale.rounds,
    )
    each = 1e6 / len(labels)
    note = f"{describe(labels)}: from runs; Pillow saving the array, already in memory"
    yield Row(
        f"{name}/time",
        found.ours.wall * each,
        found.peer.wall * each,
        "µs",
        found.ratio,
        quick,
        found.cpu_ratio,
        note,
    )
    own_bytes = sum(map(len, ours)) / len(labels)
    pillow_bytes = sum(len(pillow_png(pixels)) for _, pixels, _ in prepared) / len(labels)
    note = "mean size of the files; ratio is ours over Pillow's"
    yield Row(
        f"{name}/bytes", own_bytes, pillow_bytes, "B", own_bytes / pillow_bytes, small, None, note
    )


def _panoptic(label: Label) -> tuple[Runs, NDArray[np.uint8], Callable[[Runs], bytes]]:
    return panoptic_runs(label), rgb_of(label), encode_panoptic_png


def _classes(label: Label) -> tuple[Runs, NDArray[np.uint8], Callable[[Runs], bytes]]:
    runs = semantic_runs(label)
    return runs, decode_runs(runs, np.uint8), encode_class_png
