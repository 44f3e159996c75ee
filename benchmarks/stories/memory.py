"""The most memory that an import and an export take, at two sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.rows import Goal, Row
from benchmarks.scenes import write_coco
from datasets_app.sample.story import image_at
from panoptic.label import Label, renumber

# Pages of the database and what Python keeps of freed memory make some difference.
_GOAL = Goal(1.15, at_most=True)


def run(bench: Bench) -> Iterator[Row]:
    small, large = bench.scale.memory
    labels = _labels(bench)
    peaks = {count: _measure(bench, count, labels) for count in (small, large)}
    for work in ("import", "export"):
        ours, peer = peaks[large][work], peaks[small][work]
        note = f"most memory of the {work} of {large:,} images over that of {small:,}"
        yield Row(f"memory/{work}", ours, peer, "MB", ours / peer, _GOAL, None, note)


def _measure(bench: Bench, count: int, labels: list[Label]) -> dict[str, float]:
    folder = bench.path(f"memory-{count}")
    path = folder / "panoptic.json"
    write_coco(path, [_copy(labels, number) for number in range(count)])
    return {
        work: _run_alone(work, folder / "service", path, folder / "exported.json")
        for work in ("import", "export")
    }


def _copy(labels: list[Label], number: int) -> Label:
    """Return a label that no other image has: the ids are its own."""
    turn, place = divmod(number, len(labels))
    label = labels[place]
    return renumber(label, label.segments.ids, label.segments.ids + 2_000 * turn)


def _labels(bench: Bench) -> list[Label]:
    images = (
        image_at(1, index, "classes", tiny=True)
        for index in range(min(2_000, bench.scale.memory[0]))
    )
    return [image.label for image in images if image is not None and image.label is not None]


def _run_alone(work: str, data: Path, source: Path, target: Path) -> float:
    """Run it in a process of its own; return its peak in megabytes."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.memory_child",
        work,
        *map(str, (data, source, target)),
    ]
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)["peak_bytes"] / 1e6
