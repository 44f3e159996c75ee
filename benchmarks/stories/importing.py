"""Import COCO panoptic on all processors, commit included, against Pillow decoding the PNGs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.bench import Bench
from benchmarks.rows import Goal, Row
from benchmarks.scenes import write_coco
from benchmarks.service import the_user
from benchmarks.timing import duel
from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.actions.imports import import_labels
from datasets_app.imports.request import ImportRequest

_numbers = itertools.count()


def run(bench: Bench) -> Iterator[Row]:
    cores = os.cpu_count() or 1
    path = bench.path("import") / "panoptic.json"
    write_coco(path, bench.scenes.imported)
    files = sorted(path.with_suffix("").iterdir())
    found = duel(
        lambda: import_all(bench, path, len(files)),
        lambda: _decode(files),
        min(bench.scale.rounds, 3),
    )
    note = (
        f"{len(files)} images of 640×480, from files to a version on {cores} cores; "
        f"Pillow decoding the PNGs in one process"
    )
    yield Row(
        "import/coco-panoptic",
        len(files) / found.ours.wall,
        len(files) / found.peer.wall,
        "images/s",
        found.ratio,
        Goal(0.8 * cores),
        found.cpu_ratio,
        note,
    )


def import_all(
    bench: Bench,
    path: Path,
    count: int,
    export_to: Path | None = None,
    *,
    read: str = "coco_panoptic",
    write: str = "coco_panoptic",
) -> None:
    """Import into a new database, since what is known already would cost nothing; and export."""
    database = bench.service.new_database(f"import-{next(_numbers)}")
    with bench.service.using(database):
        request = ImportRequest("imported", path, read, taxonomy="scenes@1", create=True)
        report = import_labels(request, actor=the_user())
        if report.added != count or report.version is None:
            raise AssertionError(f"{report.added} of {count} images were imported")
        if export_to is not None:
            export_version(report.version, export_to, ExportRequest(write))


def _decode(files: list[Path]) -> None:
    for file in files:
        np.asarray(Image.open(file))
