"""Import: modes, what is kept, what is refused, and that a dry run changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

from datasets_app.actions import imports
from datasets_app.actions.imports import import_labels
from datasets_app.attributes import get_attributes
from datasets_app.entries import Entry, Status
from datasets_app.errors import BranchMoved, NotFound
from datasets_app.imports import reading
from datasets_app.imports.errors import ImportRefused
from datasets_app.imports.reading import ReadImage, Shard
from datasets_app.imports.request import ImportMode, ImportReport, ImportRequest
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.models import Dataset, Image, Photo, Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.staging import ImageChange
from datasets_app.tree import iter_entries
from labels_app.models import LabelRevision, Taxonomy
from labels_app.reading import reading_of
from panoptic import parallel
from panoptic.formats.base import ReadOptions
from panoptic.formats.coco.source import CocoItem
from panoptic.formats.problems import Problem
from tests.datasets_app.builders import author, commit_to
from tests.panoptic.formats.files import panoptic_json, write_panoptic

pytestmark = pytest.mark.django_db
_CATEGORIES = {1: 1, 2: 200, 3: 3, 4: 1}


@pytest.fixture
def bring(tmp_path: Path):
    """Import drawings by image name into the dataset `streets`."""
    count = 0

    def bring(
        drawings: dict[str, str], *, progress: Progress = silent, **fields: Any
    ) -> ImportReport:
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        path = write_panoptic(folder, panoptic_json(drawings, _CATEGORIES), drawings)
        return import_labels(_request(path, **fields), actor=author(), progress=progress)

    return bring


def _request(path: Path, **fields: Any) -> ImportRequest:
    given = {"create": True, **fields}
    return ImportRequest(dataset="streets", path=path, format="coco_panoptic", **given)


def _entries(version: Version | None) -> dict[str, Entry]:
    assert version is not None
    entries = dict(iter_entries(SqlNodes(), version.root))
    names = names_of(version.dataset_id, list(entries))
    return {names[number]: entry for number, entry in entries.items()}


def _counts(report: ImportReport) -> dict[str, int]:
    fields = ("added", "changed", "removed", "unchanged", "conflicting")
    return {field: getattr(report, field) for field in fields if getattr(report, field)}


def test_the_first_import_makes_dataset_taxonomy_and_version(bring) -> None:
    report = bring({"a.jpg": "112", "b.jpg": "333"})

    assert _counts(report) == {"added": 2}
    assert (report.version.number, report.version.image_count) == (1, 2)
    assert report.version.segment_count == report.segments == 3
    classes = reading_of(report.version.taxonomy_version).live_classes
    assert [(spec.name, spec.kind, spec.external) for spec in classes] == [
        ("person", "thing", {"coco": 1}),
        ("car", "thing", {"coco": 3}),
        ("sky", "stuff", {"coco": 200}),
    ]


def test_append_refuses_names_that_exist(bring) -> None:
    bring({"a.jpg": "11"})

    with pytest.raises(ImportRefused, match=r"a\.jpg") as refused:
        bring({"a.jpg": "1.", "b.jpg": "33"})

    assert _counts(refused.value.report) == {"added": 1, "conflicting": 1}
    assert Version.objects.count() == 1


def test_append_adds_new_names(bring) -> None:
    bring({"a.jpg": "11"})

    report = bring({"b.jpg": "33"})

    assert sorted(_entries(report.version)) == ["a.jpg", "b.jpg"]


def test_update_adds_and_changes_and_never_removes(bring) -> None:
    bring({"a.jpg": "11", "b.jpg": "33", "c.jpg": "22"})

    report = bring({"a.jpg": "1.", "b.jpg": "33", "d.jpg": "44"}, mode=ImportMode.UPDATE)

    assert _counts(report) == {"added": 1, "changed": 1, "unchanged": 1}
    assert sorted(_entries(report.version)) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_replace_removes_what_the_import_lacks(bring) -> None:
    bring({"a.jpg": "11", "b.jpg": "33", "c.jpg": "22"})

    report = bring({"a.jpg": "11", "d.jpg": "44"}, mode=ImportMode.REPLACE)

    assert _counts(report) == {"added": 1, "removed": 2, "unchanged": 1}
    assert sorted(_entries(report.version)) == ["a.jpg", "d.jpg"]


def test_replace_within_a_split_leaves_the_others(bring) -> None:
    bring({"a.jpg": "11", "b.jpg": "33"}, split="train")
    bring({"c.jpg": "22", "d.jpg": "44"}, split="val")

    report = bring({"c.jpg": "22"}, split="val", mode=ImportMode.REPLACE)

    assert _counts(report) == {"removed": 1, "unchanged": 1}
    assert sorted(_entries(report.version)) == ["a.jpg", "b.jpg", "c.jpg"]


def test_an_import_that_changes_nothing_makes_no_version(bring) -> None:
    bring({"a.jpg": "11"})

    report = bring({"a.jpg": "11"}, mode=ImportMode.REPLACE)

    assert (report.version, _counts(report)) == (None, {"unchanged": 1})


def test_a_split_that_is_not_given_is_kept(bring) -> None:
    bring({"a.jpg": "11"}, split="val")

    report = bring({"a.jpg": "1."}, mode=ImportMode.UPDATE)

    assert _entries(report.version)["a.jpg"].split == "val"


def test_a_new_label_takes_the_review_of_the_old_one_away(bring) -> None:
    version = bring({"a.jpg": "11", "b.jpg": "33"}).version
    reviewed = [ImageChange(name, status=Status.REVIEWED) for name in ("a.jpg", "b.jpg")]
    commit_to(version.dataset, reviewed)

    report = bring({"a.jpg": "1.", "b.jpg": "33"}, mode=ImportMode.UPDATE)

    statuses = {name: entry.status for name, entry in _entries(report.version).items()}
    assert statuses == {"a.jpg": Status.LABELLED, "b.jpg": Status.REVIEWED}


def test_the_id_of_an_image_in_its_file_is_kept(bring) -> None:
    entry = _entries(bring({"a.jpg": "11"}).version)["a.jpg"]

    assert get_attributes([entry.attributes])[entry.attributes]["source_id"] == 1


@pytest.mark.parametrize("mode", list(ImportMode))
def test_a_dry_run_tells_and_changes_nothing(bring, mode: ImportMode) -> None:
    bring({"a.jpg": "11", "b.jpg": "33"})
    before = _rows()

    report = bring({"a.jpg": "1.", "c.jpg": "22"}, mode=mode, dry_run=True)

    assert (
        _counts(report)
        == {
            ImportMode.APPEND: {"added": 1, "conflicting": 1},
            ImportMode.UPDATE: {"added": 1, "changed": 1},
            ImportMode.REPLACE: {"added": 1, "changed": 1, "removed": 1},
        }[mode]
    )
    assert _rows() == before


def test_a_dry_run_tells_of_a_dataset_that_does_not_exist_yet(bring) -> None:
    assert _counts(bring({"a.jpg": "11"}, dry_run=True)) == {"added": 1}
    assert not Dataset.objects.exists()


def test_photographs_are_stored_with_their_headers(tmp_path: Path, bring) -> None:
    (tmp_path / "photos").mkdir()
    Picture.new("RGB", (3, 1), "red").save(tmp_path / "photos/a.jpg")

    report = bring({"a.jpg": "112"}, images=tmp_path / "photos")

    photo = Photo.objects.get()
    assert _entries(report.version)["a.jpg"].image == photo.digest
    assert (photo.media_type, photo.width, photo.height) == ("image/jpeg", 3, 1)


def test_labels_without_photographs_keep_those_that_are_there(tmp_path: Path, bring) -> None:
    (tmp_path / "photos").mkdir()
    Picture.new("RGB", (3, 1), "red").save(tmp_path / "photos/a.jpg")
    bring({"a.jpg": "112"}, images=tmp_path / "photos")

    report = bring({"a.jpg": "11."}, mode=ImportMode.UPDATE)

    assert _entries(report.version)["a.jpg"].image == Photo.objects.get().digest


def test_classes_are_bound_to_the_taxonomy_of_the_branch(bring) -> None:
    first = bring({"a.jpg": "11"}).version

    second = bring({"b.jpg": "22"}).version

    assert second.taxonomy_version == first.taxonomy_version
    assert Taxonomy.objects.count() == 1


def test_a_class_that_the_taxonomy_lacks_refuses_the_import(tmp_path: Path, bring) -> None:
    taxonomy = tmp_path / "classes.json"
    taxonomy.write_text(json.dumps([{"name": "person", "kind": "thing"}]))

    with pytest.raises(ImportRefused) as refused:
        bring({"a.jpg": "12"}, taxonomy=str(taxonomy))

    assert {problem.code for problem in refused.value.report.problems} == {"unknown_class"}
    assert refused.value.report.unknown_classes == ["car", "sky"]
    assert not Dataset.objects.exists()


def test_a_taxonomy_can_be_named_by_slug_and_number(bring) -> None:
    first = bring({"a.jpg": "11"}).version

    other = bring({"a.jpg": "11"}, taxonomy="streets@1", mode=ImportMode.UPDATE)

    assert (first.number, other.unchanged) == (1, 1)
    with pytest.raises(NotFound, match="streets@7"):
        bring({"b.jpg": "11"}, taxonomy="streets@7")


def test_a_branch_must_exist(bring) -> None:
    bring({"a.jpg": "11"})

    with pytest.raises(NotFound, match="night"):
        bring({"b.jpg": "11"}, branch="night")


def test_an_import_that_was_committed_is_found_by_its_key(tmp_path: Path, bring) -> None:
    bring({"a.jpg": "11"})
    drawings = {"a.jpg": "1."}
    path = write_panoptic(tmp_path, panoptic_json(drawings, _CATEGORIES), drawings)
    request = _request(path, mode=ImportMode.UPDATE)

    first = import_labels(request, actor=author(), idempotency_key="k")
    second = import_labels(request, actor=author(), idempotency_key="k")

    assert first.version == second.version
    assert Version.objects.count() == 2


def test_a_branch_that_moved_meanwhile_refuses_the_commit(bring) -> None:
    version = bring({"a.jpg": "11"}).version
    moved = []

    def move(done: int, total: int | None = None, message: str = "") -> None:
        if not moved:
            moved.append(commit_to(version.dataset, [ImageChange("a.jpg", split="val")]))

    with pytest.raises(BranchMoved):
        bring({"b.jpg": "33"}, progress=move)

    assert Version.objects.latest("number") == moved[0]


def test_an_import_tells_how_far_it_is_in_all_its_phases(bring) -> None:
    told: list[tuple[int, int | None, str]] = []

    bring({"a.jpg": "11", "b.jpg": "22"}, progress=lambda *step: told.append(step))

    assert told == [
        (1, 2, "a.jpg"),
        (2, 2, "b.jpg"),
        (2, 2, "images stored"),
        (2, 2, "images committed"),
    ]


def test_the_scan_of_a_long_file_tells_how_far_it_is(
    bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_MEGABYTE", 100)
    told: list[tuple[int, int | None, str]] = []

    bring({"a.jpg": "11"}, progress=lambda *step: told.append(step))

    scan = [step for step in told if step[2] == "MB of labels.json scanned"]
    done, total, _ = scan[-1]
    assert total is not None
    assert 1 < total <= done + 1
    assert told[len(scan)] == (1, 1, "a.jpg")


def test_files_are_read_in_other_processes_where_there_are_many(
    bring, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TESSERA_WORKERS = 2
    monkeypatch.setattr(parallel, "SECONDS_ALONE", 0.0)

    report = bring({f"{number:03d}.jpg": "112" for number in range(100)})

    assert (report.added, report.segments) == (100, 200)


def test_large_images_travel_in_shards_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def count(function: object, shards: Iterator[Shard]) -> Iterator[list[ReadImage]]:
        sizes.extend(len(shard.items) for shard in shards)
        return iter(())

    monkeypatch.setattr(reading, "map_shards", count)
    large = CocoItem("a.jpg", "x.json", b"{}", (b" " * 1_500_000,))
    small = CocoItem("a.jpg", "x.json", b"{}", ())
    items = [large] * 7 + [small] * 40
    list(reading.read_images("coco_panoptic", items, {}, ReadOptions(), dict))
    assert sizes == [3, 3, 32, 9]


def test_only_so_many_problems_are_kept_and_all_are_counted() -> None:
    report = ImportReport()
    for number in range(ImportReport.MOST_PROBLEMS + 5):
        report.add_problem(Problem("code", "message", image=str(number)))

    assert len(report.problems) == ImportReport.MOST_PROBLEMS
    assert report.problem_count == report.error_count == ImportReport.MOST_PROBLEMS + 5


def test_the_queries_of_an_import_do_not_grow_with_its_images(
    bring, django_assert_max_num_queries
) -> None:
    bring({"first.jpg": "11"})

    with django_assert_max_num_queries(60):
        bring({f"{number}.jpg": "1." for number in range(3)}, mode=ImportMode.UPDATE)
    with django_assert_max_num_queries(60):
        bring({f"x{number}.jpg": "1." for number in range(300)}, mode=ImportMode.UPDATE)


def _rows() -> list[int]:
    models = (Dataset, Image, Version, Taxonomy, LabelRevision, Photo)
    return [model.objects.count() for model in models]
