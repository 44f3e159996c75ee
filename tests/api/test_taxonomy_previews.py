"""The preview of a draft, the use of classes and their segments, as programs ask for them."""

from __future__ import annotations

import json
from io import StringIO
from unittest.mock import patch

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.datasets import create_dataset
from datasets_app.jobs.running import run_job
from datasets_app.models import Job, TreeNode
from datasets_app.staging import ImageChange
from datasets_app.unions import counting
from labels_app.actions.drafts import edit_draft, get_draft
from labels_app.models import LabelRevision, TaxonomyDraft
from tests.api.builders import (
    API,
    CAR,
    ROAD,
    SKY,
    STREETS,
    World,
    build_world,
    client_of,
    person,
    pixels_of,
    png,
    put_photo,
)
from tests.datasets_app.builders import commit_to, put_label

pytestmark = pytest.mark.django_db

TAXONOMY = f"{API}/taxonomies/streets-classes"
PREVIEW = f"{TAXONOMY}/draft/preview/"
MERGE = {"op": "merge", "classes": ["road", "sky"], "into": "ground"}
FLIP = {"op": "flip", "class": "car"}


def edit(world: World, *operations):
    """Store operations in the draft."""
    taxonomy = world.dataset.taxonomy
    return edit_draft(
        taxonomy=taxonomy,
        expected_revision=get_draft(taxonomy).revision,
        operations=operations,
        actor=person("ada"),
    )


def ask(client, **body):
    response = client.post(PREVIEW, body)
    assert response.status_code == 200, response.content
    return response.json()


def test_a_preview_tells_the_effect_of_each_change_on_each_branch(world, admin):
    edit(world, MERGE, {"op": "rename", "class": "car", "name": "auto"})
    found = ask(admin, examples=0)
    assert (found["taxonomy"], found["base"], found["revision"]) == ("streets-classes", 1, 1)
    assert [(row["kind"], row["changes_reading"]) for row in found["changes"]] == [
        ("merged", True),
        ("renamed", False),
    ]
    (branch,) = found["branches"]
    assert (branch["dataset"], branch["branch"]) == ("streets", "main")
    assert (branch["version"], branch["number"]) == (world.ids[2], 3)
    assert (branch["can_move"], branch["earlier"], branch["unknown_classes"]) == (True, [], [])
    merged, renamed = branch["effects"]
    numbers = {"images": 3, "segments": 4, "pixels": 15, "joined": 1, "crowds": 0}
    assert merged == {**numbers, "examples": []}
    assert (renamed["images"], renamed["segments"]) == (3, 4)
    turns = {row["name"]: (row["before"], row["after"]) for row in branch["classes"]}
    assert turns["ground"] == (None, {"images": 3, "segments": 3, "pixels": 15})


def test_examples_have_pictures_before_and_after(world, admin):
    edit(world, FLIP)
    (effect,) = ask(admin, examples=1)["branches"][0]["effects"]
    (example,) = effect["examples"]
    path = f"{STREETS}/versions/{world.ids[2]}/images/{example['number']}/overlay.png?size=512"
    assert example["before"] == path
    assert example["after"] == f"{path}&taxonomy=streets-classes@draft"
    assert admin.get(example["before"]).status_code == 200


def test_operations_are_previewed_and_not_stored(world, admin):
    found = ask(admin, operations=[FLIP])
    assert [row["kind"] for row in found["changes"]] == ["flipped"]
    examples = found["branches"][0]["effects"][0]["examples"]
    assert {example["after"] for example in examples} == {None}
    assert not TaxonomyDraft.objects.exists()


def test_a_draft_that_changes_nothing_has_no_effect(world, admin):
    found = ask(admin)
    assert (found["changes"], found["branches"][0]["effects"]) == ([], [])
    assert (found["pending"], found["jobs"]) == (False, [])


def test_branches_may_be_named(world, admin):
    names = [{"dataset": "streets", "branch": "feature/night"}, {"dataset": "streets"}]
    found = ask(admin, branches=names, operations=[FLIP])
    assert [row["branch"] for row in found["branches"]] == ["feature/night", "main"]
    assert ask(admin, branches=[])["branches"] == []


def test_a_dataset_that_the_caller_may_not_read_is_not_counted_and_not_named(world, admin):
    hidden = create_dataset(slug="hidden", taxonomy=world.dataset.taxonomy, actor=person("eve"))
    commit_to(hidden, [ImageChange("a", label=put_label("2", {2: CAR}))])
    found = ask(admin, operations=[FLIP])
    assert [row["dataset"] for row in found["branches"]] == ["streets"]
    assert "hidden" not in json.dumps(found)
    response = admin.post(PREVIEW, {"branches": [{"dataset": "hidden"}]})
    assert response.status_code == 404
    usage = admin.get(f"{TAXONOMY}/classes/{CAR}/").json()
    assert {row["dataset"] for row in usage["used"]} == {"streets"}


def test_strangers_and_the_anonymous_see_nothing(world, stranger, anonymous):
    assert stranger.post(PREVIEW, {}).status_code == 404
    assert anonymous.post(PREVIEW, {}).status_code == 401
    for path in ("classes/1/", "classes/9/"):
        assert stranger.get(f"{TAXONOMY}/{path}").status_code == 404
        assert anonymous.get(f"{TAXONOMY}/{path}").status_code == 404
    crop = f"{STREETS}/versions/main/images/1/segments/2/crop.webp"
    for path in (f"{STREETS}/versions/main/classes/1/history/", crop):
        assert stranger.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"branches": {}}, 400),
        ({"branches": [3]}, 400),
        ({"branches": [{"branch": "main"}]}, 400),
        ({"branches": [{"dataset": "a b"}]}, 400),
        ({"branches": [{"dataset": "streets"}] * 21}, 400),
        ({"branches": [{"dataset": "nowhere"}]}, 404),
        ({"branches": [{"dataset": "streets", "branch": "nope"}]}, 404),
        ({"examples": 13}, 400),
        ({"examples": -1}, 400),
        ({"examples": None}, 400),
        ({"operations": "flip"}, 400),
        ({"operations": [3]}, 422),
        ({"operations": [{"op": "flip"}]}, 422),
        ({"operations": [{"op": "flip", "class": "nope"}]}, 422),
        ({"operations": [{"op": "undo", "number": 10**30}]}, 422),
    ],
)
def test_a_bad_question_is_refused(world, admin, body, status):
    response = admin.post(PREVIEW, body)
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"


def test_what_takes_long_is_pending_and_asking_again_has_it(world, admin):
    road = put_label("1", {1: ROAD})
    commit_to(
        world.dataset,
        [ImageChange(f"{n}", label=road, split="train") for n in range(3)]
        + [ImageChange("sky", label=put_label("3", {3: SKY}), split="train")],
    )
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        response = admin.post(PREVIEW, {"operations": [MERGE]})
        waiting = response.json()
        (branch,) = waiting["branches"]
        assert (waiting["pending"], waiting["jobs"]) == (True, [branch["job"]])
        assert (branch["effects"][0]["images"], branch["effects"][0]["joined"]) == (None, None)
        assert branch["effects"][0]["segments"] == 8
        assert response["Cache-Control"] == "no-store"
        assert admin.get(f"{API}/jobs/{branch['job']}/").status_code == 200
        run_job(branch["job"])
        (effect,) = ask(admin, operations=[MERGE])["branches"][0]["effects"]
    assert (effect["images"], effect["joined"]) == (7, 1)


# ---- classes ----------------------------------------------------------------


def test_a_class_tells_where_it_is_used(world, admin):
    found = admin.get(f"{TAXONOMY}/classes/{CAR}/").json()
    assert (found["class"]["name"], found["taxonomy"], found["number"]) == (
        "car",
        "streets-classes",
        1,
    )
    main, night = found["used"]
    assert (main["branch"], main["images"], main["segments"]) == ("main", 3, 4)
    assert (night["branch"], night["images"], night["segments"]) == ("feature/night", 2, 3)
    assert (found["pending"], found["jobs"], found["left_out"]) == (False, [], 0)
    assert admin.get(f"{TAXONOMY}/classes/77/").status_code == 404


def test_the_history_of_a_class_is_a_row_per_version(world, admin):
    url = f"{STREETS}/versions/{world.ids[2]}/classes/{CAR}/history/"
    response = admin.get(url)
    rows = response.json()["versions"]
    assert [(row["number"], row["images"], row["pixels"]) for row in rows] == [
        (1, 2, 7),
        (2, 2, 8),
        (3, 3, 9),
    ]
    assert admin.get(url, HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
    assert len(admin.get(f"{url}?limit=2").json()["versions"]) == 2
    assert admin.get(f"{url}?limit=201").status_code == 400
    assert admin.get(f"{STREETS}/versions/main/classes/9/history/").status_code == 404


def test_a_history_is_read_by_the_draft_where_asked(world, admin):
    edit(world, {"op": "merge", "classes": ["road", "sky"], "into": "road"})
    url = f"{STREETS}/versions/main/classes/{ROAD}/history/"
    pixels = [
        [row["pixels"] for row in admin.get(f"{url}{under}").json()["versions"]]
        for under in ("", "?taxonomy=streets-classes@draft")
    ]
    assert [after - before for before, after in zip(*pixels, strict=True)] == [4, 4, 4]


# ---- crops ------------------------------------------------------------------


def test_the_picture_of_a_segment_shows_the_photograph_around_it(world, admin):
    drawing = " ".join(["1" * 40] * 10 + ["1" * 10 + "2" * 8 + "1" * 22] * 8 + ["1" * 40] * 12)
    photo = put_photo(png(30, 40), 30, 40)
    label = put_label(drawing, {1: ROAD, 2: CAR})
    version = commit_to(world.dataset, [ImageChange("e.png", photo, label)])
    number = admin.get(f"{STREETS}/versions/main/images/?name=e.png").json()["results"][0]["number"]
    url = f"{STREETS}/versions/{version.id_hex}/images/{number}/segments/2/crop.webp"
    response = admin.get(f"{url}?size=64")
    picture = pixels_of(response.content)
    assert response["Content-Type"] == "image/webp"
    assert "immutable" in response["Cache-Control"]
    # The box of 8 × 8 pixels with a margin of 4, four times as large.
    assert picture.shape == (64, 64, 3)
    assert picture[16, 32].min() > 150  # the outline within
    assert picture[15, 32].max() < 100  # and around
    assert admin.get(f"{url}?size=64", HTTP_IF_NONE_MATCH=response["ETag"]).status_code == 304
    assert pixels_of(admin.get(url).content).shape == (128, 128, 3)  # eight times, not more


def test_without_a_photograph_a_crop_has_the_colours_of_the_label(world, admin):
    samples = admin.get(f"{STREETS}/versions/main/classes/{CAR}/samples/").json()["results"]
    (night,) = (row for row in samples if row["name"] == "night/d.png")
    assert (night["area"], night["bbox"]) == (1, [1, 1, 1, 1])
    picture = pixels_of(admin.get(night["crop"]).content).astype(int)
    assert picture.shape == (16, 16, 3)
    road = np.array([0x80, 0x40, 0x80])
    assert np.abs(picture[2, 2] - road).max() < 40


def test_samples_come_from_many_images_first(world, admin):
    url = f"{STREETS}/versions/main/classes/{CAR}/samples/"
    assert [row["name"] for row in admin.get(url).json()["results"]] == [
        "b.png",
        "a.png",
        "night/d.png",
        "b.png",
    ]
    assert len(admin.get(f"{url}?limit=1").json()["results"]) == 1
    assert admin.get(f"{url}?limit=0").status_code == 400
    assert admin.get(f"{STREETS}/versions/main/classes/9/samples/").status_code == 404


def test_crops_are_read_by_the_draft_where_asked(world, admin):
    edit(world, FLIP)
    url = f"{STREETS}/versions/main/images/2/segments/3/crop.webp"
    assert admin.get(url).status_code == 200
    # Joined with segment 2.
    assert admin.get(f"{url}?taxonomy=streets-classes@draft").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("1/segments/9/crop.webp", 404),
        ("1/segments/0/crop.webp", 404),
        ("1/segments/1073741823/crop.webp", 404),
        ("3/segments/1/crop.webp", 404),
        ("99/segments/1/crop.webp", 404),
        ("1/segments/1/crop.webp?size=31", 400),
        ("1/segments/1/crop.webp?size=x", 400),
    ],
)
def test_a_segment_that_is_not_there_has_no_picture(world, admin, path, status):
    assert admin.get(f"{STREETS}/versions/v1/images/{path}").status_code == status


# ---- command ----------------------------------------------------------------


def run(*arguments):
    output = StringIO()
    call_command("preview_taxonomy", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_prints_a_table_or_json(world):
    assert "Nothing would change" in run("streets-classes")
    edit(world, FLIP)
    table = run("streets-classes", "--dataset", "streets", "--branch", "feature/night")
    assert "streets feature/night (v2, taxonomy 1)" in table
    assert "flipped" in table
    found = json.loads(run("streets-classes", "--json"))
    assert found["branches"][0]["effects"][0]["joined"] == 1


def test_the_command_names_what_it_does_not_find(world):
    for arguments in (["nope"], ["streets-classes", "--branch", "main"]):
        with pytest.raises(CommandError, match="not_found"):
            run(*arguments)


# ---- size -------------------------------------------------------------------


@pytest.mark.slow
def test_a_merge_on_100_000_images_costs_what_it_costs_on_ten():
    world = build_world()
    labels = [
        put_label("1132", {1: ROAD, 2: CAR, 3: SKY}),
        put_label("1122", {1: ROAD, 2: CAR}),
        put_label("3322", {3: SKY, 2: CAR}),
    ]

    def commit(images):
        return commit_to(
            world.dataset,
            (ImageChange(f"x/{n:06}", label=labels[n % 3], split="train") for n in range(images)),
        )

    def cost(**body):
        with CaptureQueriesContext(connection) as seen:
            found = ask(client, operations=[MERGE], **body)
        tables = (LabelRevision._meta.db_table, TreeNode._meta.db_table)
        read = [row for row in seen if any(table in row["sql"] for table in tables)]
        return found, len(seen), len(read)

    client = client_of("ada")
    commit(10)
    ask(client, operations=[MERGE], examples=0)  # readings are kept
    _, few, _ = cost(examples=0)
    commit(100_000)
    waiting, many, read = cost(examples=0)
    (effect,) = waiting["branches"][0]["effects"]
    assert waiting["pending"]
    assert (effect["images"], effect["joined"]) == (None, None)
    # A third of the images has both, another one road and another one sky.
    assert effect["segments"] == 2 * 33_334 + 33_333 + 33_333 + 4
    assert effect["pixels"] == 3 * 33_334 + 2 * 33_333 + 2 * 33_333 + 15
    assert read == 0
    assert few <= 11
    assert many <= 24  # with those that ask for the job

    run_job(str(Job.objects.latest("created_at").pk))
    ready, again, read = cost(examples=0)
    (effect,) = ready["branches"][0]["effects"]
    assert (ready["pending"], effect["images"], effect["joined"]) == (False, 100_003, 33_334 + 1)
    assert (again, read) == (few, 0)
    examples, with_examples, _ = cost(examples=3)
    assert len(examples["branches"][0]["effects"][0]["examples"]) == 3
    assert with_examples <= again + 10
