"""The official evaluator on an export against the original: 100 in every row.

panopticapi is not on PyPI: install it from its repository to run this.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.real_data import real_data
from tests.scenarios.commands import run
from tests.store_app.builders import use_storage

pytest.importorskip(
    "panopticapi.evaluation", reason="panopticapi is not installed (it is not on PyPI)"
)


@pytest.mark.django_db
def test_an_export_scores_100_against_its_original(settings, tmp_path: Path) -> None:
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(tmp_path / "blobs"),
    )
    original = real_data("coco_panoptic_sample") / "panoptic_examples.json"
    exported = tmp_path / "out.json"
    run("import_labels", "sample", original, "--format", "coco_panoptic", "--create")
    run("export_version", "sample", "v1", exported, "--format", "coco_panoptic")

    # In a process of its own: the tool forks a pool and never closes it.
    call = "import sys; from panopticapi.evaluation import pq_compute; pq_compute(*sys.argv[1:])"
    paths = (original, exported, original.with_suffix(""), exported.with_suffix(""))
    printed = subprocess.run(
        [sys.executable, "-c", call, *map(str, paths)], capture_output=True, text=True, check=True
    ).stdout

    rows = {line.split()[0]: line.split()[2:5] for line in printed.splitlines() if "|" in line}
    assert {rows[name] == ["100.0"] * 3 for name in ("All", "Things", "Stuff")} == {True}
