"""Import a COCO JSON that is larger than the memory it may take, again, and export it.

python -m benchmarks.big_coco_json coco_instances --megabytes 2000 --folder /tmp/big

Runs the commands that people run, on SQLite in a data folder of its own, and fails where all
processes of one together took more than the limit. The folder is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.big_coco_data import write_big_instances, write_big_panoptic
from benchmarks.process_tree import watch

_ROOT = Path(__file__).resolve().parent.parent
_WRITE = {"coco_instances": write_big_instances, "coco_panoptic": write_big_panoptic}
_MEGABYTE = 1e6


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 where a step took more memory than the limit."""
    parser = argparse.ArgumentParser(prog="benchmarks.big_coco_json", description=__doc__)
    parser.add_argument("format", choices=_WRITE)
    parser.add_argument("--megabytes", type=float, default=2_000, help="default: %(default)s")
    parser.add_argument("--limit", type=float, default=1_000, help="in MB; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    parser.add_argument("--no-export", action="store_true", help="the import only")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tessera-big-", dir=options.folder) as name:
        rows = []
        for row in _run(Path(name), options.format, options.megabytes, not options.no_export):
            rows.append(row)
            if not options.json:
                print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    if options.json:
        print(json.dumps(rows, indent=1))
    return int(any(row["peak MB"] > options.limit for row in rows))


def _run(folder: Path, form: str, megabytes: float, export: bool) -> Iterator[dict[str, Any]]:
    path = folder / "big.json"
    images = _WRITE[form](path, int(megabytes * _MEGABYTE))
    scratch = folder / "scratch"
    scratch.mkdir()
    environment = _environment(folder / "data", scratch)
    manage = [sys.executable, "manage.py"]
    migrate = [*manage, "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=_ROOT, env=environment, check=True)
    target = folder / "exported"
    steps = {
        "import": ["import_labels", "big", str(path), "--format", form, "--create", "--json"],
        "import again": [
            "import_labels", "big", str(path), "--format", form, "--mode", "update", "--json",
        ],
        "export": ["export_version", "big", "main", str(target), "--format", form, "--json"],
    }  # fmt: skip
    for step, words in steps.items():
        if step == "export" and not export:
            continue
        done = watch([*manage, *words], environment, _ROOT)
        _check(step, json.loads(done.output), images)
        size = path.stat().st_size
        if step == "export":
            size = sum(file.stat().st_size for file in target.glob("*.json"))
        yield {
            "step": step,
            "format": form,
            "images": images,
            "JSON MB": round(size / _MEGABYTE),
            "peak MB": round(done.peak_bytes / _MEGABYTE),
            "spool MB": round(done.spooled_bytes / _MEGABYTE),
            "seconds": round(done.seconds, 1),
            "images/s": round(images / done.seconds),
            "MB/s": round(size / _MEGABYTE / done.seconds, 1),
        }


def _environment(data: Path, scratch: Path) -> dict[str, str]:
    """Return an environment that does not lead to anybody's own data."""
    own = {
        "TESSERA_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TMPDIR": str(scratch),
    }
    strange = ("DATABASE_URL", "TESSERA_STORAGE_URL", "SQLITE_TMPDIR")
    return {key: value for key, value in os.environ.items() if key not in strange} | own


def _check(step: str, report: Any, images: int) -> None:
    """A run that did something else says nothing of memory."""
    counts = report["images"]
    found = {"import": "added", "import again": "unchanged"}
    number = counts if step == "export" else counts[found[step]]
    if number != images or report["problems"]:
        raise AssertionError(f"{step}: {number} of {images} images; {report['problems'][:3]}")


if __name__ == "__main__":
    sys.exit(main())
