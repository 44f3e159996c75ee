import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from datasets_app.actions.branches import create_branch
from datasets_app.jobs.running import run_job
from datasets_app.models import Job, Version
from datasets_app.sample.story import photo_at
from datasets_app.splitting import SplitRule
from datasets_app.staging import ImageChange
from tests.api.builders import STREETS, client_of, put_photo, walk
from tests.datasets_app.builders import commit_to, names

MAIN = f"{STREETS}/branches/main/splits/"
LEAKS = f"{STREETS}/versions/main/leaks/"
RATIOS = {"train": 0.5, "val": 0.3, "test": 0.2}


def by_group(world, **fields):
    return {"expected_head": world.ids[2], "by": "group", "ratios": RATIOS} | fields


def by_list(world, splits, **fields):
    return {"expected_head": world.ids[2], "by": "list", "splits": splits} | fields


def splits_of(client, rev="main"):
    rows = walk(client, f"{STREETS}/versions/{rev}/images/")
    return {row["name"]: row["split"] for row in rows}


def work():
    """Do what a worker would."""
    for job in Job.objects.filter(state="queued"):
        run_job(str(job.pk))


def report(client, **body):
    """Ask for a report, and wait for it."""
    assert client.post(LEAKS, body).status_code == 202
    work()
    return client.post(LEAKS, body)


# ---- splits -----------------------------------------------------------------


def test_images_get_splits_by_the_hash_of_their_names(annotator, world):
    response = annotator.post(MAIN, by_group(world, seed="3"))
    assert response.status_code == 201
    body = response.json()
    assert body["parents"] == [world.ids[2]]
    assert body["assignment"]["images"] == 3
    rule = SplitRule(RATIOS, "3")
    found = splits_of(annotator)
    assert found == {name: rule.split_of(name) for name in ("a.png", "b.png", "night/d.png")}


def test_images_are_grouped_by_folder_and_others_are_left(annotator, world):
    rule = {"ratios": {"test": 1.0}, "group": {"folders": 1}}
    body = annotator.post(MAIN, by_group(world, **rule)).json()
    assert body["assignment"]["without_key"] == {"images": 2, "names": ["a.png", "b.png"]}
    assert splits_of(annotator) == {"a.png": "train", "b.png": "val", "night/d.png": "test"}


def test_images_are_grouped_by_an_attribute(annotator, world):
    rule = {"ratios": {"test": 1.0}, "group": {"attribute": "scene"}}
    body = annotator.post(MAIN, by_group(world, **rule)).json()
    assert body["assignment"]["moves"] == [{"from": "train", "to": "test", "images": 1}]


def test_a_list_gives_and_takes_splits(annotator, world):
    response = annotator.post(MAIN, by_list(world, {"a.png": None, "night/d.png": "val"}))
    assert response.status_code == 201
    assert splits_of(annotator) == {"a.png": None, "b.png": "val", "night/d.png": "val"}


def test_a_dry_run_counts_and_commits_nothing(annotator, world):
    response = annotator.post(MAIN, by_group(world, dry_run=True))
    assert response.status_code == 200
    assert response.json()["assignment"]["images"] == 3
    assert Version.objects.count() == 3


def test_a_branch_with_a_slash_takes_splits(annotator, world):
    body = by_list(world, {"a.png": "val"}, expected_head=world.ids[1])
    url = f"{STREETS}/branches/feature/night/splits/"
    assert annotator.post(url, body).status_code == 201


def test_who_is_late_is_told_where_the_branch_is(annotator, world):
    for dry_run in (False, True):
        late = by_group(world, expected_head=world.ids[0], dry_run=dry_run)
        response = annotator.post(MAIN, late)
        assert (response.status_code, response.json()["code"]) == (409, "branch_moved")
        assert response.json()["actual"] == world.ids[2]


def test_a_head_that_no_version_has_is_a_branch_that_moved(annotator, world):
    response = annotator.post(MAIN, by_group(world, expected_head="0" * 64))
    assert (response.status_code, response.json()["code"]) == (409, "branch_moved")


def test_a_branch_that_is_not_there_is_not_found(annotator, world):
    response = annotator.post(f"{STREETS}/branches/none/splits/", by_group(world))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_the_same_key_answers_the_same_version(annotator, world):
    headers = {"Idempotency-Key": "k1"}
    first = annotator.post(MAIN, by_group(world), headers=headers)
    again = annotator.post(MAIN, by_group(world), headers=headers)
    assert first.json() == again.json()
    assert Version.objects.count() == 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"ratios": {"train": 0.5}},
        {"ratios": {"train": 2}},
        {"ratios": {}},
        {"ratios": {"": 1}},
        {"ratios": {"a\u0000": 1}},
        {"ratios": None},
        {"ratios": "train"},
        {"by": "luck"},
        {"by": "list"},
        {"by": "list", "splits": {}},
        {"by": "list", "splits": {"../x": "val"}},
        {"by": "list", "splits": {"a.png": 3.5e400}},
        {"by": "list", "splits": {"none.png": "val"}},
        {"by": "list", "splits": ["a.png"]},
        {"group": {"folders": 0}},
        {"group": {"folders": 1, "attribute": "scene"}},
        {"group": {"pattern": "no hole"}},
        {"group": []},
        {"expected_head": None},
        {"seed": "\ud800"},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(annotator, world, wrong):
    content = json.dumps(by_group(world) | wrong)
    response = annotator.post(MAIN, content, content_type="application/json")
    assert response.status_code == 400, response.content
    assert Version.objects.count() == 3


@pytest.mark.parametrize(
    ("caller", "status"),
    [("anonymous", 401), ("stranger", 404), ("reader", 403), ("annotator", 201), ("admin", 201)],
)
def test_splits_are_for_those_who_may_commit(world, request, caller, status):
    client = request.getfixturevalue(caller)
    assert client.post(MAIN, by_group(world)).status_code == status


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("by", ["group", "list"])
def test_many_images_are_a_job(annotator, world, monkeypatch, by, dry_run):
    monkeypatch.setattr("datasets_app.actions.splits.IMAGES_AT_ONCE", 1)
    listed = by_list(world, {"a.png": "test", "b.png": "test"})
    body = (listed if by == "list" else by_group(world)) | {"dry_run": dry_run}
    response = annotator.post(MAIN, body)
    assert response.status_code == 202
    work()
    job = annotator.get(response["Location"]).json()
    assert (job["kind"], job["state"]) == ("splits", "done")
    assert job["result"]["assignment"]["images"] == (2 if by == "list" else 3)
    head = annotator.get(f"{STREETS}/branches/main/").json()["head"]
    assert job["result"]["version"] == (None if dry_run else head)


# ---- leaks ------------------------------------------------------------------


@pytest.fixture
def leaking(world):
    """Two photographs: one of them in two splits, and once more in the third, mirrored."""
    first, second = (put_photo(photo_at(3, n), 240, 320, "image/jpeg") for n in range(2))
    changes = [
        ImageChange("x/1.jpg", image=first, split="train"),
        ImageChange("x/2.jpg", image=first, split="test"),
        ImageChange("y/1.jpg", image=second, split="val"),
    ]
    return commit_to(world.dataset, changes)


def test_nobody_asked_for_a_report_yet(reader, leaking):
    body = reader.get(LEAKS).json()
    assert (body["state"], body["results"], body["totals"]) == ("missing", [], None)


def test_a_report_is_asked_for_and_read(reader, leaking):
    made = report(reader)
    assert made.status_code == 200
    body = reader.get(LEAKS).json()
    assert body == made.json()
    assert body["state"] == "ready"
    [leak] = body["results"]
    assert (leak["kind"], leak["certainty"], leak["group"]) == ("exact", 1.0, 1)
    assert [image["name"] for image in leak["images"]] == ["x/1.jpg", "x/2.jpg"]
    assert [image["split"] for image in leak["images"]] == ["train", "test"]
    assert body["totals"]["counts"]["exact"] == 1


def test_a_report_on_its_way_is_a_job(reader, leaking):
    response = reader.post(LEAKS, {})
    assert response.status_code == 202
    assert response.json()["kind"] == "leaks"
    assert reader.get(LEAKS).json()["job"] == response.json()["id"]
    assert reader.get(LEAKS).json()["state"] == "pending"
    assert reader.post(LEAKS, {}).json()["id"] == response.json()["id"]
    assert Job.objects.filter(kind="leaks").count() == 1


def test_leaks_come_in_pages(reader, leaking):
    report(reader, group={"folders": 1})
    rows = walk(reader, f"{LEAKS}?folders=1&limit=1")
    assert [row["kind"] for row in rows] == ["exact", "group"]
    assert rows[1]["detail"] == {"key": "x", "splits": {"test": 1, "train": 1}}


def test_leaks_of_one_kind_are_listed(reader, leaking):
    report(reader, group={"folders": 1})
    rows = reader.get(f"{LEAKS}?folders=1&kind=group").json()["results"]
    assert [row["kind"] for row in rows] == ["group"]


@pytest.mark.parametrize(
    "query",
    ["distance=41", "distance=x", "folders=0", "pattern=x", "folders=1&attribute=a", "kind=sly",
     "attribute=%00", "cursor=x"],
)  # fmt: skip
def test_a_query_that_makes_no_sense_is_refused(reader, leaking, query):
    report(reader)
    assert reader.get(f"{LEAKS}?{query}").status_code == 400


@pytest.mark.parametrize(
    "body", [{"distance": 41}, {"distance": -1}, {"group": {"pattern": "x"}}, {"group": 7}]
)
def test_a_request_that_makes_no_sense_is_refused(reader, leaking, body):
    assert reader.post(LEAKS, body).status_code == 400


@pytest.mark.parametrize(
    ("caller", "get", "post"),
    [("anonymous", 404, 401), ("stranger", 404, 404), ("reader", 200, 202), ("admin", 200, 202)],
)
def test_reports_are_for_those_who_may_read(world, request, leaking, caller, get, post):
    client = request.getfixturevalue(caller)
    assert client.get(LEAKS).status_code == get
    assert client.post(LEAKS, {}).status_code == post


def test_a_token_that_may_only_read_asks_for_a_report(world, leaking):
    client = client_of("ada", read_only=True)
    assert client.post(LEAKS, {}).status_code == 202
    assert client.post(MAIN, by_group(world)).status_code == 403


def test_a_public_dataset_makes_no_report_for_strangers_without_a_name(anonymous, world, leaking):
    type(world.dataset).objects.update(visibility="public")
    assert anonymous.get(LEAKS).status_code == 200
    assert anonymous.post(LEAKS, {}).status_code == 401


# ---- commands ---------------------------------------------------------------


def run(*arguments):
    out = io.StringIO()
    code = 0
    try:
        call_command(*map(str, arguments), "--json", stdout=out)
    except CommandError as error:
        code = error.returncode
    return code, json.loads(out.getvalue())


def test_a_command_assigns_splits(world, reader):
    ratios = ("--ratios", "train=0.5,val=0.3,test=0.2", "--seed", "3")
    code, tried = run("assign_splits", "streets", *ratios, "--dry-run")
    assert (code, tried["version"]) == (0, None)
    code, made = run("assign_splits", "streets", *ratios)
    assert (code, made["version"]["number"]) == (0, 4)
    assert made["assignment"] == tried["assignment"]
    assert splits_of(reader)["a.png"] == SplitRule(RATIOS, "3").split_of("a.png")


@pytest.mark.parametrize(
    ("file_name", "text"),
    [
        ("names.json", '{"a.png": "test", "b.png": null}'),
        ("splits.json", '{"test": ["a.png"], "": ["b.png"]}'),
        ("list.csv", "a.png,test\nb.png,\n"),
        ("list.tsv", "a.png\ttest\nb.png\t\n"),
    ],
)
def test_a_command_reads_lists(world, reader, tmp_path: Path, file_name, text):
    path = tmp_path / file_name
    path.write_text(text)
    assert run("assign_splits", "streets", "--list", path)[0] == 0
    assert splits_of(reader) == {"a.png": "test", "b.png": None, "night/d.png": None}


@pytest.mark.parametrize(
    ("file_name", "text"),
    [
        ("list.json", "{"),
        ("list.json", "[]"),
        ("list.json", '{"a.png": 3}'),
        ("list.csv", "a.png"),
        ("list.csv", "a.png,test\na.png,val\n"),
    ],
)
def test_a_list_that_cannot_be_read_fails(world, tmp_path: Path, file_name, text):
    path = tmp_path / file_name
    path.write_text(text)
    code, problem = run("assign_splits", "streets", "--list", path)
    assert (code, problem["code"]) == (1, "invalid_splitting")


def test_a_command_finds_leaks_and_fails(leaking):
    code, body = run("find_leaks", "streets", "main")
    assert code == 1
    assert body["totals"]["leaks"] == 1
    assert body["leaks"][0]["images"] == ["x/1.jpg", "x/2.jpg"]


def test_a_command_that_finds_no_leaks_succeeds(world):
    create_branch(dataset=world.dataset, name="clean", head=world.versions[2], actor=None)
    commit_to(world.dataset, names("z.png", split="val"), branch="clean")
    code, body = run("find_leaks", "streets", "clean", "--distance", 8)
    assert (code, body["leaks"]) == (0, [])
