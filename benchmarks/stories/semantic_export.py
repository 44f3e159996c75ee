"""Semantic PNGs of stored labels, against panoptic2semantic_segmentation on their PNGs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.bench import Bench
from benchmarks.dense import write_semantic
from benchmarks.panopticapi import PANOPTICAPI_MISSING, find_panopticapi
from benchmarks.rows import Goal, Row, left_out
from benchmarks.stored import StoredLabels, store_labels
from benchmarks.timing import duel
from labels_app.revisions import get_labels
from panoptic.png import encode_class_png
from panoptic.views import semantic_runs

_GOAL = Goal(20)


def run(bench: Bench) -> Iterator[Row]:
    for size, labels in (("640x480", bench.scenes.normal), ("2048x1024", bench.scenes.large)):
        stored = store_labels(bench, f"semantic-{size}", labels)
        ours, peer = bench.path(f"semantic-{size}-ours"), bench.path(f"semantic-{size}-peer")
        with bench.service.using(stored.database):
            _export(stored, ours)
            write_semantic(stored.folder, stored.annotations, peer)
            _check_same(ours, peer)
            yield _row(bench, f"semantic-export/{size}", stored, ours, peer, write_semantic)
            real = find_panopticapi()
            name = f"semantic-export/{size}/panopticapi"
            if real is None:
                yield left_out(name, PANOPTICAPI_MISSING)
            else:
                yield _row(bench, name, stored, ours, peer, real.write_semantic)


def _row(
    bench: Bench,
    name: str,
    stored: StoredLabels,
    ours: Path,
    peer: Path,
    write: Callable[..., None],
) -> Row:
    found = duel(
        lambda: _export(stored, ours),
        lambda: write(stored.folder, stored.annotations, peer),
        bench.scale.rounds,
    )
    each = 1e3 / len(stored.digests)
    return Row(
        name,
        found.ours.wall * each,
        found.peer.wall * each,
        "ms",
        found.ratio,
        _GOAL,
        found.cpu_ratio,
        "per image, from the store to files; the dense way from PNGs to files",
    )


def _export(stored: StoredLabels, target: Path) -> None:
    labels = get_labels(stored.digests)
    for digest, annotation in zip(stored.digests, stored.annotations, strict=True):
        png = encode_class_png(semantic_runs(labels[digest]))
        (target / annotation["file_name"]).write_bytes(png)


def _check_same(ours: Path, peer: Path) -> None:
    for path in peer.iterdir():
        if not np.array_equal(Image.open(path), Image.open(ours / path.name)):
            raise AssertionError(f"class maps differ: {path.name}")
