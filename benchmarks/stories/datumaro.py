"""Import, import with export, and comparison of COCO panoptic, against Datumaro."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench
from benchmarks.rows import Row, left_out
from benchmarks.scenes import kinds_of_scenes, write_coco
from benchmarks.stories.importing import import_all
from benchmarks.timing import measure
from panoptic.codec import decode_label, pack_label
from panoptic.diff import DiffSummary, diff_labels
from panoptic.label import Label

_CHILD = Path(__file__).parent.parent / "datumaro_child.py"
_KINDS = kinds_of_scenes()


def run(bench: Bench) -> Iterator[Row]:
    python = _find_python()
    if python is None:
        reason = "no Datumaro; DATUMARO_PYTHON names the Python of an environment that has it"
        yield from (left_out(f"datumaro/{act}", reason) for act in ("read", "convert", "compare"))
        return
    imported = _write(bench, "datumaro-import", bench.scenes.imported)
    count = len(bench.scenes.imported)
    yield _row(
        bench, python, "read", count, lambda: import_all(bench, imported, count), imported,
        note="files to a version, all checks and the commit included, against import and masks",
    )  # fmt: skip
    yield _row(
        bench, python, "convert", count,
        lambda: import_all(bench, imported, count, export_to=bench.new_path("exported")), imported,
        note="import and export",
    )  # fmt: skip
    pairs = bench.scenes.pairs
    old = _write(bench, "datumaro-old", [pair.old for pair in pairs])
    new = _write(bench, "datumaro-new", [pair.new for pair in pairs])
    stored = [(pack_label(pair.old).stored, pack_label(pair.new).stored) for pair in pairs]
    yield _row(
        bench, python, "compare", len(pairs), lambda: _compare(stored), old, new,
        note="every pair differs: diff from stored bytes, against EqualityComparator",
    )  # fmt: skip


def _row(
    bench: Bench,
    python: str,
    act: str,
    count: int,
    ours: Callable[[], object],
    *files: Path,
    note: str,
) -> Row:
    """Take turns, ours first; the child tells its own seconds, without its start."""
    ours()
    rounds = [
        (measure(ours).wall, _seconds(python, act, files))
        for _ in range(min(bench.scale.rounds, 3))
    ]
    return Row(
        f"datumaro/{act}",
        median(count / own for own, _ in rounds),
        median(count / peer for _, peer in rounds),
        "images/s",
        median(peer / own for own, peer in rounds),
        note=f"{count} images of 640×480: {note}",
    )


def _seconds(python: str, act: str, files: tuple[Path, ...]) -> float:
    # A dataset of theirs is the folder above `annotations`.
    folders = [str(path.parent.parent) for path in files]
    finished = subprocess.run(
        [python, _CHILD, act, *folders], capture_output=True, text=True, check=True
    )
    return json.loads(finished.stdout.splitlines()[-1])["seconds"]


def _write(bench: Bench, name: str, labels: list[Label]) -> Path:
    path = bench.path(name) / "annotations" / "panoptic_all.json"
    path.parent.mkdir()
    # Datumaro knows the format by this folder, also where it is empty.
    (path.parent.parent / "images" / "all").mkdir(parents=True)
    write_coco(path, labels)
    return path


def _compare(stored: list[tuple[bytes, bytes]]) -> DiffSummary:
    total = DiffSummary()
    for old, new in stored:
        total += diff_labels(decode_label(old), decode_label(new), kinds=_KINDS).summary()
    return total


def _find_python() -> str | None:
    named = os.environ.get("DATUMARO_PYTHON")
    if named:
        return named
    return sys.executable if importlib.util.find_spec("datumaro") else None
