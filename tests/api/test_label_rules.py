"""Label rules through the API: commits that are refused or warned, violations of versions."""

import pytest

from datasets_app.actions.commits import ImageChange
from datasets_app.holdings import hold_blobs
from datasets_app.models import Version
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from labels_app.reading import reading_of
from tests.api.builders import CAR, ROAD, STREETS, person, walk
from tests.datasets_app.builders import commit_to, put_label

MAIN = f"{STREETS}/branches/main/commits/"
NO_VOID = {"rule": "no_unlabelled_pixels"}
ONE_CAR = {"rule": "most_instances", "classes": ["car"], "value": 1, "severity": "warning"}
SMALL_CARS = {"rule": "smallest_area", "classes": ["car"], "value": 3}


def edit(world, *operations):
    fields = {"taxonomy": world.dataset.taxonomy, "actor": person("ada")}
    revision = get_draft(world.dataset.taxonomy).revision
    return edit_draft(expected_revision=revision, operations=operations, **fields)


def publish(world, *operations):
    """Publish the next version of the taxonomy; return its name."""
    revision = edit(world, *operations).revision
    taxonomy = world.dataset.taxonomy
    version = publish_draft(
        taxonomy=taxonomy, expected_revision=revision, message="Rules", actor=person("ada")
    )
    return {"slug": taxonomy.slug, "number": version.number}


def label_for(world, *drawn):
    digest = put_label(*drawn)
    hold_blobs(world.dataset, [digest])
    return digest.hex()


def commit(client, world, taxonomy, **labels):
    body = {
        "expected_head": world.ids[2],
        "taxonomy": taxonomy,
        "changes": [{"name": name, "label": label} for name, label in labels.items()],
    }
    return client.post(MAIN, body)


def test_a_commit_that_breaks_a_rule_is_refused_image_by_image(annotator, world):
    taxonomy = publish(world, {"op": "rules", "rules": [NO_VOID, ONE_CAR]})
    bad = label_for(world, "12.", {1: CAR, 2: CAR})
    response = commit(annotator, world, taxonomy, x=bad, y=bad)
    body = response.json()
    assert (response.status_code, body["code"]) == (422, "label_rules_broken")
    assert (body["error_count"], body["warning_count"]) == (2, 2)
    assert [(row["image"], row["rule"], row["severity"]) for row in body["errors"]] == [
        ("x", "no_unlabelled_pixels", "error"),
        ("y", "no_unlabelled_pixels", "error"),
        ("x", "most_instances", "warning"),
        ("y", "most_instances", "warning"),
    ]
    assert Version.objects.count() == 3
    assert annotator.get(f"{STREETS}/branches/main/").json()["head"] == world.ids[2]


def test_a_warning_is_in_the_answer_of_the_commit(annotator, world):
    taxonomy = publish(world, {"op": "rules", "rules": [ONE_CAR]})
    response = commit(annotator, world, taxonomy, x=label_for(world, "12", {1: CAR, 2: CAR}))
    body = response.json()
    assert (response.status_code, body["number"], body["warning_count"]) == (201, 4, 1)
    assert body["warnings"] == [
        {
            "image": "x",
            "rule": "most_instances",
            "severity": "warning",
            "class_id": CAR,
            "class_name": "car",
            "segment": None,
            "attribute": None,
            "value": 2,
            "limit": 1,
            "message": "car has 2 instances, at most 1 may be",
        }
    ]


def test_a_commit_that_is_repeated_answers_the_same_warnings(annotator, world):
    taxonomy = publish(world, {"op": "rules", "rules": [ONE_CAR]})
    label = label_for(world, "12", {1: CAR, 2: CAR})
    body = {
        "expected_head": world.ids[2],
        "taxonomy": taxonomy,
        "changes": [{"name": "x", "label": label}],
    }
    answers = [annotator.post(MAIN, body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].json()["warning_count"] == 1


def test_a_commit_without_rules_has_no_warnings(annotator, world):
    body = {"expected_head": world.ids[2], "changes": [{"name": "x"}]}
    answer = annotator.post(MAIN, body).json()
    assert (answer["warning_count"], answer["warnings"]) == (0, [])


def test_new_segments_of_a_split_class_are_told_what_to_use(annotator, world):
    taxonomy = publish(world, {"op": "split", "class": "car", "into": ["taxi", "van"]})
    label = label_for(world, "12", {1: CAR, 2: ROAD})
    response = commit(annotator, world, taxonomy, x=label)
    body = response.json()
    assert (response.status_code, body["code"], body["count"]) == (422, "class_not_open", 1)
    [row] = body["errors"]
    assert (row["image"], row["class_name"], row["segments"]) == ("x", "car", 1)
    assert [use["class_name"] for use in row["use"]] == ["taxi", "van"]


def test_a_label_of_others_is_missing_whatever_it_breaks(annotator, world):
    taxonomy = publish(world, {"op": "rules", "rules": [NO_VOID, SMALL_CARS]})
    foreign = put_label("1.", {1: CAR}).hex()
    response = commit(annotator, world, taxonomy, x=foreign)
    assert (response.status_code, response.json()["code"]) == (409, "object_missing")


# --- violations of a version -------------------------------------------------------------------

VIOLATIONS = f"{STREETS}/versions/main/violations/"


def migrate(world, *rules):
    """Commit images that break rules, then move to the taxonomy version that has those."""
    broken = put_label("1.2 ...", {1: CAR, 2: CAR})
    changes = [ImageChange(f"x/{n}.png", label=broken) for n in range(3)]
    commit_to(world.dataset, changes, author=person("ada"))
    publish(world, {"op": "rules", "rules": list(rules)})
    newest = world.dataset.taxonomy.versions.select_related("taxonomy").latest("number")
    reading_of(newest)
    return commit_to(world.dataset, [], taxonomy_version=newest, author=person("ada"))


def test_the_violations_of_a_version_are_listed_by_image(reader, world):
    migrate(world, NO_VOID, ONE_CAR, SMALL_CARS)
    rows = walk(reader, f"{VIOLATIONS}?limit=1")
    assert [row["name"] for row in rows] == [
        "b.png",
        "night/d.png",
        *(f"x/{n}.png" for n in range(3)),
    ]
    found = rows[2]
    assert (found["error_count"], found["warning_count"]) == (3, 1)
    assert [(row["rule"], row["segment"], row["value"]) for row in found["violations"]] == [
        ("no_unlabelled_pixels", None, 4),
        ("most_instances", None, 2),
        ("smallest_area", 1, 1),
        ("smallest_area", 2, 1),
    ]


@pytest.mark.parametrize(
    ("query", "counts"),
    [
        ("severity=warning", [0, 1]),
        ("severity=error", [3, 0]),
        ("rule=smallest_area", [2, 0]),
        ("rule=most_instances&severity=warning", [0, 1]),
    ],
)
def test_violations_are_filtered_by_severity_and_rule(reader, world, query, counts):
    migrate(world, NO_VOID, ONE_CAR, SMALL_CARS)
    [found] = [row for row in walk(reader, f"{VIOLATIONS}?{query}") if row["name"] == "x/0.png"]
    assert [found["error_count"], found["warning_count"]] == counts


@pytest.mark.parametrize("query", ["severity=error&rule=most_instances", "rule=stuff_not_crowd"])
def test_a_filter_that_no_rule_passes_lists_nothing(reader, world, query):
    migrate(world, NO_VOID, ONE_CAR)
    answer = reader.get(f"{VIOLATIONS}?{query}").json()
    assert (answer["results"], answer["next"]) == ([], None)


def test_a_version_is_checked_by_the_rules_of_another_taxonomy_version_or_draft(reader, world):
    slug = world.dataset.taxonomy.slug
    assert walk(reader, VIOLATIONS) == []
    publish(world, {"op": "rules", "rules": [SMALL_CARS]})
    edit(world, {"op": "rules", "rules": [{"rule": "smallest_area", "value": 6}]})
    by_two = walk(reader, f"{VIOLATIONS}?taxonomy={slug}@2")
    by_draft = walk(reader, f"{VIOLATIONS}?taxonomy={slug}@draft")
    assert [row["name"] for row in by_two] == ["b.png", "night/d.png"]
    assert [row["name"] for row in by_draft] == ["a.png", "b.png", "night/d.png"]


def test_other_rules_of_a_draft_are_another_answer(reader, world):
    slug = world.dataset.taxonomy.slug
    tags = set()
    for value in (3, 6):
        edit(world, {"op": "rules", "rules": [{"rule": "smallest_area", "value": value}]})
        tags.add(reader.get(f"{VIOLATIONS}?taxonomy={slug}@draft")["ETag"])
    assert len(tags) == 2


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("severity=fatal", 400),
        ("rule=nice_colours", 400),
        ("limit=0", 400),
        ("cursor=x", 400),
        ("taxonomy=nothing@1", 404),
        ("taxonomy=%00", 404),
    ],
)
def test_what_cannot_be_listed_is_refused(reader, world, query, status):
    assert reader.get(f"{VIOLATIONS}?{query}").status_code == status


def test_a_stranger_finds_no_violations(stranger, world):
    assert stranger.get(VIOLATIONS).status_code == 404


def test_a_page_of_violations_costs_as_many_queries_for_many_images(
    admin, world, django_assert_max_num_queries
):
    migrate(world, NO_VOID, ONE_CAR)
    with django_assert_max_num_queries(16):
        assert admin.get(f"{VIOLATIONS}?limit=5").status_code == 200
