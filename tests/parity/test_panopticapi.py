"""The official evaluator on an export against the original: 100 in every row.

panopticapi is not on PyPI: install it from its repository to run this.
"""

from pathlib import Path

import pytest

from tests.real_data import real_data
from tests.scenarios.commands import run
from tests.store_app.builders import use_storage

evaluation = pytest.importorskip(
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

    scores = evaluation.pq_compute(
        str(original), str(exported), str(original.with_suffix("")), str(exported.with_suffix(""))
    )

    for row in ("All", "Things", "Stuff"):
        assert [scores[row][name] for name in ("pq", "sq", "rq")] == [1.0, 1.0, 1.0]
