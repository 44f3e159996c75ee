"""Branch main is at v3 (without c.png, with night/d.png), feature/night at v2."""

import pytest

from api.merges import MergePreviewSerializer
from datasets_app.models import Branch, Version
from labels_app.actions.taxonomies import publish_version
from labels_app.classes import ClassSpec
from tests.api.builders import CLASSES, STREETS, build_world, person
from tests.datasets_app.builders import commit_to, names, put_label

MAIN = f"{STREETS}/branches/main"
PREVIEW = f"{MAIN}/merge-preview/"
MERGES = f"{MAIN}/merges/"
REVERTS = f"{MAIN}/reverts/"


@pytest.fixture
def night(world):
    """A version of feature/night that gives b.png another split, and c.png one at all."""
    changes = [*names("b.png", split="test"), *names("c.png", split="test")]
    return commit_to(world.dataset, changes, branch="feature/night", author=person("ada"))


@pytest.fixture
def dusk(world):
    """As `night`, without a conflict."""
    changes = names("b.png", "e.png", split="test")
    return commit_to(world.dataset, changes, branch="feature/night", author=person("ada"))


def merge_of(world, **fields):
    return {"from": "feature/night", "expected_head": world.ids[2]} | fields


def revert_of(world, rev="v3", **fields):
    return {"version": rev, "expected_head": world.ids[2]} | fields


def splits_of(client, rev="main"):
    rows = client.get(f"{STREETS}/versions/{rev}/images/").json()["results"]
    return {row["name"]: row["split"] for row in rows}


def test_a_merge_answers_a_version_with_two_parents(annotator, world, dusk):
    response = annotator.post(MERGES, merge_of(world, message="Dusk"))
    assert response.status_code == 201
    body = response.json()
    assert body["parents"] == [world.ids[2], dusk.id_hex]
    assert (body["number"], body["message"], body["author"]) == (5, "Dusk", "a-annotator")
    assert splits_of(annotator) == {
        "a.png": "train", "b.png": "test", "night/d.png": None, "e.png": "test",
    }  # fmt: skip


def test_conflicts_are_answered_as_a_list(annotator, world, night):
    response = annotator.post(MERGES, merge_of(world))
    assert (response.status_code, response.json()["code"]) == (409, "merge_conflicts")
    body = response.json()
    assert body["conflict_count"] == 1
    [conflict] = body["conflicts"]
    assert (conflict["name"], conflict["number"]) == ("c.png", 3)
    assert (conflict["field"], conflict["ours"]) == ("presence", None)
    assert (conflict["base"]["split"], conflict["theirs"]["split"]) == ("val", "test")
    assert Version.objects.count() == 4


def test_a_preview_lists_the_conflicts_that_a_merge_would_answer(reader, annotator, world, night):
    preview = reader.get(PREVIEW, {"from": "feature/night"}).json()
    assert preview["conflicts"] == annotator.post(MERGES, merge_of(world)).json()["conflicts"]
    assert (preview["clean"], preview["conflict_count"]) == (False, 1)


def test_a_preview_counts_what_a_merge_would_change(reader, world, dusk):
    preview = reader.get(PREVIEW, {"from": "feature/night"}).json()
    assert preview == {
        "base": world.ids[1],
        "ours": world.ids[2],
        "theirs": dusk.id_hex,
        "up_to_date": False,
        "fast_forward": False,
        "clean": True,
        "images": {"added": 1, "removed": 0, "changed": 1},
        "taxonomy": {
            "old": {"slug": "streets-classes", "number": 1},
            "new": {"slug": "streets-classes", "number": 1},
        },
        "unknown_classes": [],
        "conflict_count": 0,
        "conflicts": [],
    }
    assert preview.keys() == MergePreviewSerializer().fields.keys()


@pytest.mark.parametrize(
    ("settled", "split"),
    [
        ({"strategy": "theirs"}, "test"),
        ({"strategy": "ours"}, "gone"),
        ({"resolutions": [{"name": "c.png", "take": "theirs"}]}, "test"),
        ({"resolutions": [{"name": "c.png", "field": "presence", "take": "ours"}]}, "gone"),
        ({"resolutions": [{"name": "c.png", "take": "base"}]}, "val"),
        ({"strategy": "theirs", "resolutions": [{"name": "c.png", "take": "ours"}]}, "gone"),
    ],
)
def test_conflicts_are_settled_by_strategy_and_resolutions(annotator, world, night, settled, split):
    assert annotator.post(MERGES, merge_of(world, **settled)).status_code == 201
    assert splits_of(annotator).get("c.png", "gone") == split


def test_a_resolution_of_no_conflict_is_refused(annotator, world, night):
    chosen = [{"name": "b.png", "take": "ours"}]
    response = annotator.post(MERGES, merge_of(world, strategy="ours", resolutions=chosen))
    assert (response.status_code, response.json()["code"]) == (422, "invalid_resolution")
    assert response.json()["name"] == "b.png"


def test_a_conflict_of_the_taxonomy_is_settled_by_taxonomy_true(annotator, world):
    dataset, ada = world.dataset, person("ada")
    classes = list(CLASSES)
    taxonomies = []
    for name in ("tree", "bus"):
        classes.append(ClassSpec(name, "thing", 4 + len(taxonomies)))
        taxonomies.append(
            publish_version(taxonomy=dataset.taxonomy, classes=classes, actor=ada, message=name)
        )
    head = commit_to(dataset, [], taxonomy_version=taxonomies[0])
    commit_to(dataset, [], branch="feature/night", taxonomy_version=taxonomies[1])
    body = merge_of(world, expected_head=head.id_hex)
    [conflict] = annotator.post(MERGES, body).json()["conflicts"]
    assert (conflict["field"], conflict["name"]) == ("taxonomy", None)
    assert conflict["theirs"] == {"slug": "streets-classes", "number": 3}
    chosen = [{"taxonomy": True, "take": "theirs"}]
    response = annotator.post(MERGES, body | {"resolutions": chosen})
    assert response.json()["taxonomy"] == {"slug": "streets-classes", "number": 3}


def test_a_fast_forward_answers_the_version_itself(annotator, world):
    url = f"{STREETS}/branches/feature/night/merges/"
    body = {"from": "main", "expected_head": world.ids[1]}
    assert annotator.get(f"{STREETS}/branches/feature/night/merge-preview/?from=main").json()[
        "fast_forward"
    ]
    response = annotator.post(url, body, headers={"Idempotency-Key": "k"})
    assert (response.status_code, response.json()["id"]) == (201, world.ids[2])
    assert annotator.get(f"{STREETS}/branches/feature/night/").json()["head"] == world.ids[2]
    again = annotator.post(url, body, headers={"Idempotency-Key": "k"})
    assert again.json() == response.json()


def test_a_merge_version_is_made_on_demand(annotator, world):
    url = f"{STREETS}/branches/feature/night/merges/"
    body = {"from": "main", "expected_head": world.ids[1], "fast_forward": False}
    assert annotator.post(url, body).json()["parents"] == [world.ids[1], world.ids[2]]


def test_a_branch_that_has_it_already_has_nothing_to_merge(annotator, world):
    response = annotator.post(MERGES, merge_of(world))
    assert (response.status_code, response.json()["code"]) == (409, "nothing_changed")
    assert annotator.get(PREVIEW, {"from": "v1"}).json()["up_to_date"] is True


def test_a_revert_answers_a_version_that_undoes_one(annotator, world):
    response = annotator.post(REVERTS, revert_of(world, "v2"))
    assert response.status_code == 201
    body = response.json()
    assert (body["parents"], body["message"]) == ([world.ids[2]], 'Revert v2 "Second"')
    first, main = (
        annotator.get(f"{STREETS}/versions/{rev}/images/1/").json()["label_digest"]
        for rev in ("v1", "main")
    )
    assert main == first


def test_a_revert_of_what_changed_again_is_a_conflict(annotator, world):
    head = commit_to(world.dataset, names("night/d.png", split="val"))
    body = revert_of(world, expected_head=head.id_hex)
    response = annotator.post(REVERTS, body)
    assert (response.status_code, response.json()["code"]) == (409, "merge_conflicts")
    [conflict] = response.json()["conflicts"]
    assert (conflict["name"], conflict["field"]) == ("night/d.png", "presence")
    chosen = [{"name": "night/d.png", "take": "ours"}]
    response = annotator.post(REVERTS, body | {"resolutions": chosen, "message": "Bring c back"})
    assert (response.status_code, response.json()["message"]) == (201, "Bring c back")
    assert splits_of(annotator)["c.png"] == "val"


def test_a_migration_that_labels_rely_on_is_not_reverted(annotator, world):
    taxonomy = publish_version(
        taxonomy=world.dataset.taxonomy,
        classes=[*CLASSES, ClassSpec("tree", "thing")],
        actor=person("ada"),
        message="Trees",
    )
    commit_to(world.dataset, [], taxonomy_version=taxonomy)
    head = commit_to(world.dataset, names("x.png", label=put_label("4", {4: 4})))
    response = annotator.post(REVERTS, revert_of(world, "v4", expected_head=head.id_hex))
    assert (response.status_code, response.json()["code"]) == (409, "unknown_class")
    assert response.json()["classes"] == [{"class_id": 4, "segments": 1}]
    assert "revives" in response.json()["hint"]


def test_a_version_of_another_branch_is_not_reverted(annotator, world, night):
    response = annotator.post(REVERTS, revert_of(world, night.id_hex))
    assert (response.status_code, response.json()["code"]) == (409, "not_in_history")


@pytest.mark.parametrize(
    ("url", "body"), [(MERGES, merge_of), (REVERTS, revert_of)], ids=["merge", "revert"]
)
class TestBoth:
    def test_who_is_late_is_told_where_the_branch_is(self, annotator, world, dusk, url, body):
        response = annotator.post(url, body(world, expected_head=world.ids[0]))
        assert (response.status_code, response.json()["code"]) == (409, "branch_moved")
        assert response.json()["actual"] == world.ids[2]

    def test_the_same_key_answers_the_same_version(self, annotator, world, dusk, url, body):
        headers = {"Idempotency-Key": "k"}
        first = annotator.post(url, body(world), headers=headers)
        assert first.status_code == 201
        assert annotator.post(url, body(world), headers=headers).json() == first.json()
        other = annotator.post(url, body(world, message="Other"), headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")

    def test_readers_may_not(self, reader, world, dusk, url, body):
        response = reader.post(url, body(world))
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")

    def test_a_branch_that_is_not_there_is_not_found(self, annotator, world, dusk, url, body):
        response = annotator.post(url.replace("main", "nowhere"), body(world))
        assert (response.status_code, response.json()["kind"]) == (404, "branch")

    def test_nothing_is_written_by_what_is_refused(self, annotator, world, dusk, url, body):
        annotator.post(url, body(world, expected_head=world.ids[0]))
        annotator.post(url, body(world, strategy="none"))
        assert Version.objects.count() == 4
        assert Branch.objects.get(name="main").head == world.versions[2]

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"expected_head": "main"}, "expected_head"),
            ({"message": "x" * 10_001}, "message"),
            ({"strategy": "base"}, "strategy"),
            ({"resolutions": {}}, "resolutions"),
            ({"resolutions": ["a"]}, "resolutions.0"),
            ({"resolutions": [{"name": "a"}]}, "resolutions.0.take"),
            ({"resolutions": [{"name": "a", "take": "mine"}]}, "resolutions.0.take"),
            ({"resolutions": [{"take": "ours"}]}, "resolutions.0"),
            ({"resolutions": [{"name": "a", "field": "x", "take": "ours"}]}, "resolutions.0.field"),
            ({"resolutions": [{"name": "a", "taxonomy": True, "take": "ours"}]}, "resolutions.0"),
            (
                {"resolutions": [{"taxonomy": True, "field": "label", "take": "ours"}]},
                "resolutions.0",
            ),
            ({"resolutions": [{"name": "a", "take": "ours"}] * 10_001}, "resolutions"),
        ],
    )
    def test_a_body_that_cannot_be_read_is_named(
        self, annotator, world, dusk, url, body, wrong, field
    ):
        response = annotator.post(url, body(world, **wrong))
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == field

    def test_a_resolution_of_a_name_that_cannot_be_is_refused(
        self, annotator, world, dusk, url, body
    ):
        chosen = [{"name": "../a", "take": "ours"}]
        response = annotator.post(url, body(world, resolutions=chosen))
        assert (response.status_code, response.json()["code"]) == (400, "invalid_name")


@pytest.mark.parametrize("rev", ["nowhere", "v99", "main~9", "f" * 64, "\x7f", "é" * 200])
def test_a_revision_that_is_not_there_is_not_found(annotator, world, rev):
    assert annotator.get(PREVIEW, {"from": rev}).status_code == 404
    assert annotator.post(MERGES, merge_of(world) | {"from": rev}).status_code == 404
    assert annotator.post(REVERTS, revert_of(world, rev)).status_code == 404


@pytest.mark.parametrize("rev", ["", None, 5, [], "x" * 301])
def test_a_body_without_a_revision_is_refused(annotator, world, rev):
    response = annotator.post(MERGES, merge_of(world) | {"from": rev})
    assert response.status_code in (400, 404)
    assert annotator.post(REVERTS, revert_of(world, rev)).status_code == response.status_code


def test_a_preview_without_a_revision_is_refused(reader, world):
    response = reader.get(PREVIEW)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "from")


@pytest.mark.parametrize("path", ["merge-preview/?from=v1", "merges/", "reverts/"])
def test_a_dataset_of_others_is_not_there(stranger, world, path):
    method = stranger.get if "?" in path else stranger.post
    assert method(f"{MAIN}/{path}").status_code == 404


def test_a_version_of_another_dataset_is_not_found(annotator, world):
    other = build_world("parks").versions[2]
    response = annotator.post(MERGES, merge_of(world) | {"from": other.id_hex})
    # Equal histories could have equal ids; here author and times differ.
    assert response.status_code == 404
