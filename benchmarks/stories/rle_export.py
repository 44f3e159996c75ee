"""COCO RLE JSON of stored labels, against panoptic2detection_coco_format on their PNGs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.dense import write_detection
from benchmarks.panopticapi import PANOPTICAPI_MISSING, find_panopticapi
from benchmarks.rows import Goal, Row, left_out
from benchmarks.scenes import write_coco
from benchmarks.stored import StoredLabels, store_labels
from benchmarks.timing import duel
from labels_app.revisions import get_labels

_GOAL = Goal(15)


def run(bench: Bench) -> Iterator[Row]:
    if find_spec("pycocotools") is None:
        yield left_out("rle-export", "pycocotools is not installed (extra `coco`)")
        return
    for size, labels in (("640x480", bench.scenes.normal), ("2048x1024", bench.scenes.large)):
        stored = store_labels(bench, f"rle-{size}", labels)
        folder = bench.path(f"rle-{size}-json")
        with bench.service.using(stored.database):
            _export(stored, folder / "ours.json")
            write_detection(stored.folder, stored.annotations, folder / "peer.json")
            _check_same(folder)
            yield _row(bench, f"rle-export/{size}", stored, folder, write_detection)
            real = find_panopticapi()
            name = f"rle-export/{size}/panopticapi"
            if real is None:
                yield left_out(name, PANOPTICAPI_MISSING)
            else:
                yield _row(bench, name, stored, folder, real.write_detection)


def _row(
    bench: Bench, name: str, stored: StoredLabels, folder: Path, write: Callable[..., None]
) -> Row:
    found = duel(
        lambda: _export(stored, folder / "ours.json"),
        lambda: write(stored.folder, stored.annotations, folder / "peer.json"),
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
        "per image, from the store to one file of coco_instances; the dense way with pycocotools",
    )


def _export(stored: StoredLabels, target: Path) -> None:
    target.unlink(missing_ok=True)
    labels = get_labels(stored.digests)
    write_coco(target, [labels[digest] for digest in stored.digests], "coco_instances")


def _check_same(folder: Path) -> None:
    """Compare the masks; crowds are lists of counts in ours, strings in theirs."""
    ours, peer = (
        {
            (row["image_id"], row["segmentation"]["counts"], row["area"])
            for row in json.loads((folder / name).read_bytes())["annotations"]
            if not row["iscrowd"]
        }
        for name in ("ours.json", "peer.json")
    )
    if ours != peer or not ours:
        raise AssertionError("the masks of the two exports differ")
