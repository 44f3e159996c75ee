"""The operator's commands on a small generated dataset."""

import io

import pytest
from django.core.management import CommandError, call_command

from datasets_app.models import Branch, Dataset, Job, JobState, Photo, Tag, Version
from datasets_app.nodes import SqlNodes
from datasets_app.sample.story import STEPS
from datasets_app.tree import iter_entries
from tests.scenarios.commands import refuse, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample() -> Dataset:
    run("create_sample", "streets", "--images", 12, "--tiny", "--seed", 3)
    return Dataset.objects.get(slug="streets")


def told(name: str, *arguments: object) -> str:
    """What a command prints for people."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), stdout=out, stderr=out)
    return out.getvalue()


def test_the_sample_has_every_version_branch_and_tag_of_its_story(sample: Dataset) -> None:
    messages = list(sample.versions.order_by("number").values_list("message", flat=True))

    assert messages == [step.message for step in STEPS]
    assert set(Branch.objects.values_list("name", flat=True)) == {step.branch for step in STEPS}
    assert set(Tag.objects.values_list("name", flat=True)) == {s.tag for s in STEPS if s.tag}


def test_the_same_seed_makes_the_same_versions(sample: Dataset) -> None:
    first = [version.id_hex for version in sample.versions.order_by("number")]
    tags = {tag.name: tag.manifest_sha256 for tag in Tag.objects.all()}

    again = run("create_sample", "again", "--images", 12, "--tiny", "--seed", 3)

    assert again["versions"] == first
    assert {tag.name: tag.manifest_sha256 for tag in Tag.objects.all()} == tags


def test_another_seed_makes_other_versions(sample: Dataset) -> None:
    other = run("create_sample", "other", "--images", 12, "--tiny", "--seed", 4)

    assert not set(other["versions"]) & {v.id_hex for v in sample.versions.all()}


@pytest.mark.slow
def test_a_sample_with_photographs_has_one_for_every_image() -> None:
    run("create_sample", "streets", "--images", 12)

    version = Version.objects.get(dataset__slug="streets", number=5)
    photos = [entry.image for _, entry in iter_entries(SqlNodes(), version.root)]
    assert len(photos) == 12
    assert None not in photos
    assert Photo.objects.count() == len(set(photos))
    assert run("verify_store", "--level", "data")["findings"] == []


@pytest.mark.parametrize("images", [0, 11, 100_001])
def test_a_sample_has_12_to_100_000_images(images: int) -> None:
    with pytest.raises(CommandError, match="12"):
        call_command("create_sample", "streets", images=images)


def test_a_sample_of_a_name_that_is_taken_is_refused(sample: Dataset) -> None:
    assert refuse("create_sample", "streets", "--images", 12, "--tiny")["code"] == "name_taken"


def test_the_log_goes_back_from_the_default_branch(sample: Dataset) -> None:
    rows = run("log", "streets")

    assert [row["number"] for row in rows] == [5, 3, 2, 1]
    assert rows[0]["parents"] == [rows[1]["id"]]
    assert [row["number"] for row in run("log", "streets", "relabel-persons")] == [4, 3, 2, 1]
    assert "v5" in told("log", "streets")


def test_statistics_agree_with_the_version(sample: Dataset) -> None:
    stats = run("stats", "streets", "main")
    version = sample.versions.get(number=5)

    assert stats["totals"]["images"] == version.image_count
    assert sum(row["segments"] for row in stats["classes"]) == version.segment_count
    assert sum(row["pixels"] for row in stats["classes"]) == stats["totals"]["pixels"]
    assert "sky" in told("stats", "streets", "main")


def test_a_diff_tells_images_segments_and_pixels(sample: Dataset) -> None:
    body = run("diff", "streets", "v1", "v2")

    assert body["images"]["changed"] == len(body["changed_images"]) > 0
    for kind, number in body["segments"].items():
        assert number == sum(row["segments"].get(kind, 0) for row in body["changed_images"])
    assert body["pixels"]["changed"] == sum(row["changed_pixels"] for row in body["changed_images"])
    assert "changed_images" not in run("diff", "streets", "v1..v2", "--stat")
    assert "PQ" in told("diff", "streets", "v1", "v2")


def test_a_diff_of_one_image_tells_its_segments(sample: Dataset) -> None:
    name = run("diff", "streets", "v1", "v2")["changed_images"][0]["name"]

    body = run("diff", "streets", "v1", "v2", "--image", name)

    assert body["name"] == name
    assert body["changes"] or body["facets"]
    assert told("diff", "streets", "v1", "v1", "--image", name).strip() == "no segment differs"


def test_three_dots_compare_with_the_merge_base(sample: Dataset) -> None:
    from_base = run("diff", "streets", "main...relabel-persons", "--stat")
    from_v3 = run("diff", "streets", "v3", "v4", "--stat")

    assert from_base == from_v3


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("log", ["nowhere"]),
        ("log", ["streets", "v99"]),
        ("stats", ["streets", "v99"]),
        ("diff", ["streets", "v1", "v99"]),
        ("diff", ["streets", "v1", "v2", "--image", "nothing.jpg"]),
        ("diff", ["streets", "v1"]),
        ("export_version", ["streets", "v99", "out", "--format", "coco_panoptic"]),
    ],
)
def test_what_does_not_exist_is_named(sample: Dataset, command: str, arguments: list[str]) -> None:
    problem = refuse(command, *arguments)

    assert problem["code"] == "not_found"
    assert problem["detail"]


def test_a_refused_import_tells_people_each_problem(sample: Dataset, tmp_path) -> None:
    err = io.StringIO()
    for name in ("a", "b"):
        (tmp_path / "masks" / name / "masks").mkdir(parents=True)
        (tmp_path / "masks" / name / "masks" / "1.png").write_bytes(b"no picture")

    with pytest.raises(CommandError):
        call_command(
            "import_labels", "streets", str(tmp_path / "masks"), "--format", "instance_masks",
            "--class", "person", stderr=err, stdout=err,
        )  # fmt: skip

    assert "a/masks/1.png" in err.getvalue()
    assert "b/masks/1.png" in err.getvalue()


def test_the_store_of_a_sample_is_clean(sample: Dataset) -> None:
    for level in ("refs", "tree", "data"):
        assert run("verify_store", "--level", level)["findings"] == []


def test_no_job_is_left_behind(sample: Dataset) -> None:
    assert not Job.objects.exclude(state=JobState.DONE).exists()
