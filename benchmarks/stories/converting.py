"""From one COCO form to the other, files to files, against the converters of panopticapi."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench
from benchmarks.panopticapi import PANOPTICAPI_MISSING, find_panopticapi
from benchmarks.rows import Row, left_out
from benchmarks.scenes import write_coco
from benchmarks.stories.importing import import_all
from benchmarks.timing import measure

_CHILD = Path(__file__).parent.parent / "panopticapi_child.py"
# The converter of panopticapi, what it reads, and what it writes.
_ACTS = (
    ("to_detection", "coco_panoptic", "coco_instances"),
    ("to_panoptic", "coco_instances", "coco_panoptic"),
)


def run(bench: Bench) -> Iterator[Row]:
    for act, source, target in _ACTS:
        name = f"converting/{act.replace('_', '-')}"
        if find_panopticapi() is None:
            yield left_out(name, PANOPTICAPI_MISSING)
        else:
            yield _row(bench, name, act, source, target)


def _row(bench: Bench, name: str, act: str, source: str, target: str) -> Row:
    path = bench.path(act) / "source.json"
    labels = bench.scenes.imported
    write_coco(path, labels, source)
    categories = path.with_name("categories.json")
    categories.write_text(json.dumps(json.loads(path.read_bytes())["categories"]))

    def ours() -> None:
        import_all(bench, path, len(labels), bench.new_path("converted"), read=source, write=target)

    def theirs() -> float:
        return _seconds(act, path, categories, bench.new_path("converted-peer"))

    ours()
    rounds = [(measure(ours).wall, theirs()) for _ in range(min(bench.scale.rounds, 3))]
    return Row(
        name,
        median(len(labels) / own for own, _ in rounds),
        median(len(labels) / peer for _, peer in rounds),
        "images/s",
        median(peer / own for own, peer in rounds),
        note=f"{len(labels)} images of 640×480, all cores: {source} to a version to {target}, "
        "all checks and the commit included, against the converter of panopticapi",
    )


def _seconds(act: str, source: Path, categories: Path, target: Path) -> float:
    target.mkdir()
    # -P: beside the child lies a module of ours that is called panopticapi, too.
    finished = subprocess.run(
        [
            sys.executable,
            "-P",
            "-W",
            "ignore",
            _CHILD,
            act,
            source,
            categories,
            target / "out.json",
        ],
        env={**os.environ, "PYTHONPATH": os.environ["PANOPTICAPI_PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])["seconds"]
