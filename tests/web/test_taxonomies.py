"""The pages of taxonomies: who sees them, what they say, what they cost."""

from __future__ import annotations

import io
import json

import pytest
from django.test import Client

from datasets_app.models import Branch, Dataset
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from labels_app.actions.mappings import create_mapping
from labels_app.classes import ClassSpec, settle_classes
from labels_app.models import Taxonomy, TaxonomyMapping, TaxonomyVersion
from labels_app.operations import apply_operation
from labels_app.rules import rules_from_plain
from labels_app.taxonomy_diff import diff_classes
from people_app.actions.roles import grant_role
from people_app.models import Membership, User
from people_app.roles import Role
from tests.datasets_app.builders import author, taxonomy
from tests.labels_app.builders import classes
from tests.web.builders import CAR, ROAD, Page, history, shared_dataset
from web.taxonomy_rule_words import tell_rule
from web.taxonomy_tree import read_tree
from web.taxonomy_words import tell_changes

pytestmark = pytest.mark.django_db

PAGES = {
    "/taxonomies/": 9,
    "/taxonomies/SLUG/": 9,
    "/taxonomies/SLUG/versions/1/": 10,
    "/taxonomies/SLUG/draft/": 7,
    "/taxonomies/SLUG/draft/?class=2": 7,
    "/taxonomies/SLUG/history/": 8,
    "/taxonomies/SLUG/compare/1..2/": 6,
    "/taxonomies/SLUG/members/": 5,
    "/taxonomies/SLUG/mappings/": 6,
    "/taxonomies/SLUG/mappings/new/?to=other@1": 7,
}


@pytest.fixture
def town() -> Dataset:
    """A dataset whose taxonomy has two versions, and another taxonomy that is mapped to."""
    dataset = shared_dataset("town")
    history(dataset)
    change(dataset.taxonomy, {"op": "rename", "class": CAR, "name": "automobile"})
    publish(dataset.taxonomy, "A car is an automobile")
    other = taxonomy("1:ground/stuff 2:vehicle").taxonomy
    Taxonomy.objects.filter(pk=other.pk).update(slug="other")
    return dataset


@pytest.fixture
def curator(town: Dataset, client: Client) -> Client:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR))
    return client


def person(
    name: str, taxonomy: Taxonomy, role: Role | None, dataset: Dataset | None = None
) -> User:
    user = User.objects.create_user(name, password="correct horse")
    if role is not None:
        grant_role(user=user, resource=taxonomy, role=role, actor=author())
    if dataset is not None:
        grant_role(user=user, resource=dataset, role=Role.ANNOTATOR, actor=author())
    return user


def change(taxonomy: Taxonomy, *operations: dict[str, object]) -> None:
    revision = get_draft(taxonomy).revision
    edit_draft(taxonomy=taxonomy, expected_revision=revision, operations=operations, actor=author())


def publish(taxonomy: Taxonomy, message: str = "Why not") -> TaxonomyVersion:
    revision = get_draft(taxonomy).revision
    return publish_draft(
        taxonomy=taxonomy, expected_revision=revision, message=message, actor=author()
    )


def at(taxonomy: Taxonomy, path: str) -> str:
    return path.replace("SLUG", taxonomy.slug)


def text_of(client: Client, taxonomy: Taxonomy, path: str) -> str:
    return Page(client.get(at(taxonomy, path)).content.decode()).text


@pytest.mark.parametrize("path", PAGES)
def test_a_curator_sees_the_page(town: Dataset, curator: Client, path: str) -> None:
    assert curator.get(at(town.taxonomy, path)).status_code == 200


@pytest.mark.parametrize("path", [path for path in PAGES if "SLUG" in path])
def test_a_stranger_is_told_that_there_is_nothing(town: Dataset, client: Client, path: str) -> None:
    client.force_login(User.objects.create_user("stranger"))
    assert client.get(at(town.taxonomy, path)).status_code == 404


@pytest.mark.parametrize(
    "path", [path for path in PAGES if "SLUG" in path and "mappings/new" not in path]
)
def test_what_public_datasets_use_is_open_to_everyone(client: Client, path: str) -> None:
    dataset = shared_dataset("open", public=True)
    history(dataset)
    change(dataset.taxonomy, {"op": "rename", "class": CAR, "name": "automobile"})
    publish(dataset.taxonomy)
    assert client.get(at(dataset.taxonomy, path)).status_code == 200


def test_a_reader_sees_no_controls(town: Dataset, client: Client) -> None:
    client.force_login(person("rhea", town.taxonomy, Role.READER))
    change(town.taxonomy, {"op": "add", "name": "tram", "kind": "thing"})
    for path in ("draft/", "history/", "members/", "mappings/", ""):
        html = client.get(at(town.taxonomy, f"/taxonomies/SLUG/{path}")).content.decode()
        main = html.partition("<main")[2].partition("</main>")[0]
        assert 'method="post"' not in main
    assert "tram" in text_of(client, town.taxonomy, "/taxonomies/SLUG/draft/")


@pytest.mark.parametrize(
    "path",
    ["draft/", "draft/publish/", "draft/discard/", "members/", "mappings/new/"],
)
def test_what_a_reader_posts_is_refused(town: Dataset, client: Client, path: str) -> None:
    client.force_login(person("rhea", town.taxonomy, Role.READER))
    assert client.post(at(town.taxonomy, f"/taxonomies/SLUG/{path}")).status_code == 403


@pytest.mark.parametrize(("path", "queries"), PAGES.items())
def test_a_page_costs_no_more_queries_than_pinned(
    town: Dataset, curator: Client, path: str, queries: int, django_assert_max_num_queries
) -> None:
    change(town.taxonomy, {"op": "add", "name": "tram", "kind": "thing"})
    cora = User.objects.get(username="cora")
    grant_role(user=cora, resource=town, role=Role.ANNOTATOR, actor=author())
    curator.get(at(town.taxonomy, path))
    with django_assert_max_num_queries(queries):
        curator.get(at(town.taxonomy, path))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_heading_and_nothing_inline(
    town: Dataset, curator: Client, path: str
) -> None:
    change(town.taxonomy, {"op": "add", "name": "<b>tram", "kind": "thing"})
    html = curator.get(at(town.taxonomy, path)).content.decode()
    page = Page(html)
    assert page.headings == 1
    assert page.inline == []
    assert "<b>tram" not in html


@pytest.mark.parametrize("path", PAGES)
def test_links_of_a_page_lead_somewhere(town: Dataset, client: Client, path: str) -> None:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR, town))
    address = at(town.taxonomy, path)
    page = Page(client.get(address).content.decode())
    inside = {link.partition("#")[0] for link in page.links if link.startswith("/taxonomies/")}
    assert {link: client.get(link).status_code for link in inside} == dict.fromkeys(inside, 200)


@pytest.mark.parametrize(
    "path",
    [
        "/taxonomies/nowhere/",
        "/taxonomies/SLUG/versions/9/",
        "/taxonomies/SLUG/versions/999999999/",
        "/taxonomies/SLUG/compare/1..9/",
        "/taxonomies/SLUG/compare/?old=1",
    ],
)
def test_what_is_not_there_answers_404(town: Dataset, curator: Client, path: str) -> None:
    assert curator.get(at(town.taxonomy, path)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/taxonomies/?after=%00",
        "/taxonomies/SLUG/?in=nowhere/main",
        "/taxonomies/SLUG/draft/?class=²&do=odd",
        "/taxonomies/SLUG/draft/?do=rename&class=999",
        "/taxonomies/SLUG/draft/?find=%00&at=x",
        "/taxonomies/SLUG/history/?before=x",
    ],
)
def test_odd_parameters_are_no_error(town: Dataset, curator: Client, path: str) -> None:
    assert curator.get(at(town.taxonomy, path)).status_code == 200


def test_the_list_tells_classes_datasets_draft_and_role(town: Dataset, client: Client) -> None:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR, town))
    change(town.taxonomy, {"op": "add", "name": "tram", "kind": "thing"})
    text = text_of(client, town.taxonomy, "/taxonomies/")
    assert "version 2" in text
    assert "town" in text
    assert "edited by ada" in text
    assert "curator" in text


def test_counts_are_of_the_branch_asked_for(town: Dataset, client: Client) -> None:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR, town))
    Branch.objects.create(dataset=town, name="old", head=town.versions.get(number=1))
    counted = client.get(at(town.taxonomy, "/taxonomies/SLUG/?in=town/old"))
    newest = client.get(at(town.taxonomy, "/taxonomies/SLUG/"))
    segments = [
        {row.chip.class_id: count.segments for row, count in page.context["rows"] if count}[ROAD]
        for page in (counted, newest)
    ]
    assert segments == [2, 1]


def test_counts_follow_a_merge(town: Dataset, client: Client) -> None:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR, town))
    change(town.taxonomy, {"op": "retire", "class": CAR})
    publish(town.taxonomy)
    rows = client.get(at(town.taxonomy, "/taxonomies/SLUG/")).context["rows"]
    assert CAR not in {row.chip.class_id for row, _ in rows}
    assert "Retired classes" in text_of(client, town.taxonomy, "/taxonomies/SLUG/")


def test_children_stand_below_their_parents() -> None:
    rows = read_tree(
        [
            ClassSpec("car", "thing", 1, "#000001", parent=3),
            ClassSpec("road", "stuff", 2, "#000002", heading="flat"),
            ClassSpec("vehicle", "thing", 3, "#000003"),
        ]
    ).rows
    told = [(row.spec.name, row.depth, row.heading) for row in rows]
    assert told == [("vehicle", 0, "No heading"), ("car", 1, None), ("road", 0, "flat")]


def test_a_flipped_class_stays_where_it_was() -> None:
    rows = read_tree(
        [
            ClassSpec("road", "stuff", 1, "#000001", retired=True, forwards_to=3),
            ClassSpec("car", "thing", 2, "#000002"),
            ClassSpec("road", "thing", 3, "#000003"),
        ]
    ).rows
    assert [row.spec.name for row in rows] == ["road", "car"]


def test_a_branch_moves_to_the_version_that_is_shown(town: Dataset, client: Client) -> None:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR, town))
    branch = Branch.objects.select_related("head").get(dataset=town, name="main")
    address = at(town.taxonomy, "/taxonomies/SLUG/versions/2/move/")
    client.post(address, {"moves": f"{branch.pk}:{branch.head.id_hex}"})
    branch.refresh_from_db()
    assert branch.head.taxonomy_version.number == 2


@pytest.mark.parametrize("key", ["ROW:", "ROW:zz", "ROW:00ff", "999:00"])
def test_a_move_that_cannot_be_done_says_so(town: Dataset, client: Client, key: str) -> None:
    client.force_login(person("cora", town.taxonomy, Role.CURATOR, town))
    row = Branch.objects.get(dataset=town, name="main").pk
    address = at(town.taxonomy, "/taxonomies/SLUG/versions/2/move/")
    response = client.post(address, {"moves": key.replace("ROW", str(row))}, follow=True)
    assert "was not moved" in Page(response.content.decode()).text


def test_who_may_not_write_to_a_dataset_moves_no_branch(town: Dataset, client: Client) -> None:
    client.force_login(person("cora", town.taxonomy, Role.OWNER))
    branch = Branch.objects.select_related("head").get(dataset=town, name="main")
    address = at(town.taxonomy, "/taxonomies/SLUG/versions/2/move/")
    client.post(address, {"moves": f"{branch.pk}:{branch.head.id_hex}"})
    branch.refresh_from_db()
    assert branch.head.taxonomy_version.number == 1


def make(client: Client, **fields: object) -> str:
    response = client.post("/taxonomies/", {"slug": "new", **fields}, follow=True)
    return Page(response.content.decode()).text


def test_a_taxonomy_is_made_from_a_preset(client: Client) -> None:
    client.force_login(User.objects.create_user("cora"))
    assert "new begins with 20 classes" in make(client, preset="voc")
    assert Taxonomy.objects.get(slug="new").role_of(User.objects.get(username="cora")) == "owner"


def test_a_taxonomy_is_made_from_one_class(client: Client) -> None:
    client.force_login(User.objects.create_user("cora"))
    assert "new begins with 1 classes" in make(client, first_class="road", first_kind="stuff")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ([{"name": "car", "kind": "thing"}], ["car"]),
        ({"classes": [{"name": "car", "kind": "thing"}]}, ["car"]),
        (
            {
                "images": [{"id": 1}],
                "categories": [
                    {"id": 3, "name": "car", "isthing": 1, "supercategory": "vehicle"},
                    {"id": 9, "name": "sky", "isthing": 0},
                ],
            },
            ["car", "sky"],
        ),
    ],
)
def test_a_taxonomy_is_made_from_a_file(client: Client, content: object, names: list[str]) -> None:
    client.force_login(User.objects.create_user("cora"))
    file = io.BytesIO(json.dumps(content).encode())
    file.name = "classes.json"
    make(client, file=file)
    made = TaxonomyVersion.objects.get(taxonomy__slug="new")
    assert list(made.classes.values_list("name", flat=True).order_by("class_id")) == names


@pytest.mark.parametrize("content", [b"no JSON", b"[]", b'{"images": []}', b"[1]", b'[{"x": 1}]'])
def test_a_file_without_classes_is_refused_in_a_sentence(client: Client, content: bytes) -> None:
    client.force_login(User.objects.create_user("cora"))
    file = io.BytesIO(content)
    file.name = "classes.json"
    response = client.post("/taxonomies/", {"slug": "new", "file": file})
    assert response.status_code == 422
    assert response.context["problems"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"slug": "No slug", "preset": "voc"}, "is no slug"),
        ({"slug": "other", "preset": "voc"}, "A taxonomy named other exists."),
        ({"preset": "nowhere"}, "There is no preset 'nowhere'."),
        ({}, "Choose a list, a file, or name a first class."),
    ],
)
def test_a_taxonomy_that_cannot_be_is_refused_in_a_sentence(
    town: Dataset, curator: Client, fields: dict[str, str], problem: str
) -> None:
    assert problem in make(curator, **fields)


def test_who_is_not_signed_in_makes_no_taxonomy(client: Client) -> None:
    assert "Sign in" in make(client, preset="voc")
    assert not Taxonomy.objects.exists()


def test_the_history_tells_versions_in_words(town: Dataset, curator: Client) -> None:
    text = text_of(curator, town.taxonomy, "/taxonomies/SLUG/history/")
    assert "A car is an automobile" in text
    assert "car is called automobile" in text
    assert "ada" in text


def test_a_comparison_the_wrong_way_round_is_turned(town: Dataset, curator: Client) -> None:
    response = curator.get(at(town.taxonomy, "/taxonomies/SLUG/compare/2..1/"))
    assert response["Location"].endswith("/compare/1..2/")


def test_a_comparison_tells_classes_and_rules(town: Dataset, curator: Client) -> None:
    change(town.taxonomy, {"op": "rules", "rules": [{"rule": "stuff_not_crowd"}]})
    publish(town.taxonomy)
    text = text_of(curator, town.taxonomy, "/taxonomies/SLUG/compare/1..3/")
    assert "car is called automobile" in text
    assert "Stuff is never a crowd" in text


def test_an_owner_gives_changes_and_takes_roles(town: Dataset, client: Client) -> None:
    client.force_login(person("olga", town.taxonomy, Role.OWNER))
    User.objects.create_user("mia")
    address = at(town.taxonomy, "/taxonomies/SLUG/members/")
    for fields, role in [
        ({"act": "grant", "role": "reader"}, Role.READER),
        ({"act": "grant", "role": "curator"}, Role.CURATOR),
        ({"act": "remove"}, None),
    ]:
        client.post(address, {"username": "mia", **fields})
        found = Membership.objects.filter(user__username="mia").first()
        assert (found.role if found else None) == role


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"username": "nobody", "role": "curator"}, "Nobody here is called “nobody”."),
        ({"username": "\x00", "role": "curator"}, "Nobody here is called"),
        ({"username": "ada", "role": "admin"}, "Choose a role."),
        ({"username": "ada", "act": "remove"}, "ada"),
    ],
)
def test_a_role_that_cannot_be_given_is_refused_in_a_sentence(
    town: Dataset, client: Client, fields: dict[str, str], problem: str
) -> None:
    Membership.objects.all().delete()
    grant_role(user=author(), resource=town.taxonomy, role=Role.OWNER, actor=None)
    client.force_login(author())
    response = client.post(at(town.taxonomy, "/taxonomies/SLUG/members/"), fields)
    assert response.status_code == 422
    assert problem in Page(response.content.decode()).text


def test_a_mapping_begins_with_a_proposal(curator: Client, town: Dataset) -> None:
    cars = taxonomy("1:automobile 2:tree").taxonomy
    address = at(town.taxonomy, f"/taxonomies/SLUG/mappings/new/?to={cars.slug}")
    rows = curator.get(address).context["rows"]
    assert [(chip.name, into) for chip, into, _ in rows] == [
        ("automobile", 1),
        ("road", None),
        ("sky", None),
    ]


def test_a_mapping_is_kept_and_proposed_again(curator: Client, town: Dataset) -> None:
    address = at(town.taxonomy, "/taxonomies/SLUG/mappings/new/")
    fields = {"to": "other@1", "from": "2", "class_1": "1", "class_2": "2", "class_3": ""}
    response = curator.post(address, {**fields, "message": "By hand"}, follow=True)
    assert "By hand" in Page(response.content.decode()).text
    assert TaxonomyMapping.objects.get().entries == {"1": 1, "2": 2, "3": None}
    again = curator.get(f"{address}?to=other@1").context["rows"]
    assert [into for _, into, _ in again] == [2, 1, None]


@pytest.mark.parametrize(
    "fields",
    [
        {"to": "nowhere@1"},
        {"to": "OWN@1"},
        {"to": "other@1", "class_1": "77", "class_2": "", "class_3": ""},
        {"to": "other@1", "class_1": "1"},
    ],
)
def test_a_mapping_that_cannot_be_is_refused_in_a_sentence(
    curator: Client, town: Dataset, fields: dict[str, str]
) -> None:
    fields = {**fields, "to": fields["to"].replace("OWN", town.taxonomy.slug)}
    response = curator.post(at(town.taxonomy, "/taxonomies/SLUG/mappings/new/"), fields)
    assert response.status_code == 422
    assert response.context["problems"]


def test_mappings_of_taxonomies_that_one_may_not_see_are_not_listed(
    curator: Client, town: Dataset
) -> None:
    hidden = shared_dataset("hidden").taxonomy
    create_mapping(
        source=hidden.versions.get(),
        target=town.taxonomy.versions.get(number=1),
        entries={1: None, 2: None, 3: None},
        actor=author(),
    )
    assert hidden.slug not in text_of(curator, town.taxonomy, "/taxonomies/SLUG/mappings/")


@pytest.mark.parametrize(
    ("operation", "sentence"),
    [
        ({"op": "add", "name": "tram", "kind": "thing"}, "tram is new, a thing."),
        ({"op": "rename", "class": 2, "name": "auto"}, "car is called auto."),
        ({"op": "recolor", "class": 2, "color": "#123456"}, "car has the colour #123456."),
        ({"op": "reparent", "class": 2, "parent": 4}, "car moved from the top to van."),
        (
            {"op": "reparent", "class": 2, "parent": None, "heading": "wheels"},
            "car moved from the top to “wheels”.",
        ),
        (
            {"op": "edit", "class": 2, "guideline": "Mirrors too", "synonyms": ["auto"]},
            "car has other guideline and synonyms.",
        ),
        ({"op": "merge", "classes": [2, 4], "into": "vehicle"}, "car and van became vehicle."),
        ({"op": "merge", "classes": [4], "into": 2}, "van reads as car."),
        (
            {"op": "merge", "classes": [1, 2], "into": "rest", "kind": "stuff"},
            "road and car became rest, stuff.",
        ),
        (
            {"op": "split", "class": 2, "into": ["sedan", "cab"]},
            "car is split into sedan and cab; its labels stay until they are relabelled.",
        ),
        ({"op": "retire", "class": 2}, "car is retired; its labels read as void."),
        (
            {"op": "flip", "class": 2},
            "car was a thing and is stuff now: the instances of an image read as one segment.",
        ),
        (
            {"op": "revive", "class": 5},
            "bike is a class again; its labels do not read as car any more.",
        ),
    ],
)
def test_each_change_is_a_sentence(operation: dict[str, object], sentence: str) -> None:
    old = settle_classes(classes("1:road/stuff 2:car 3:sky/stuff 4:van 5:bike->2")).classes
    new = settle_classes(apply_operation(old, operation), previous=old, next_class_id=6).classes
    sides = [{spec.class_id or 0: spec for spec in side} for side in (old, new)]
    assert [told.text for told in tell_changes(diff_classes(old, new), *sides)] == [sentence]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"rule": "no_unlabelled_pixels"}, "No unlabelled pixels"),
        ({"rule": "no_unlabelled_pixels", "value": 9}, "At most 9 unlabelled pixels in an image"),
        (
            {"rule": "smallest_area", "value": 1000, "classes": [1, 2]},
            "A segment of road, car has at least 1,000 pixels",
        ),
        ({"rule": "most_instances", "value": 3}, "At most 3 instances of any class in an image"),
        ({"rule": "stuff_not_crowd"}, "Stuff is never a crowd"),
        ({"rule": "attributes_fit"}, "The attributes of any class fit their types"),
    ],
)
def test_each_rule_is_a_sentence(rule: dict[str, object], sentence: str) -> None:
    settled = settle_classes(classes("1:road/stuff 2:car")).classes
    [found] = rules_from_plain([rule], settled)
    assert tell_rule(found, {spec.class_id or 0: spec for spec in settled}).text == sentence
