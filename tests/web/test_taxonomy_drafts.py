"""The draft editor: each form is one act, a refusal is a sentence, nobody is written over."""

from __future__ import annotations

import io
import json

import pytest
from django.test import Client
from PIL import Image as Picture

from datasets_app.models import Branch, Dataset
from labels_app.actions.drafts import Draft, edit_draft, get_draft, publish_draft
from labels_app.class_spec import ClassSpec
from labels_app.models import Taxonomy, TaxonomyDraft
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from tests.datasets_app.builders import author
from tests.web.builders import CAR, ROAD, SKY, Page, history, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Dataset:
    dataset = shared_dataset("town")
    history(dataset)
    return dataset


@pytest.fixture
def line(town: Dataset) -> Taxonomy:
    return town.taxonomy


@pytest.fixture
def curator(town: Dataset, client: Client) -> Client:
    user = User.objects.create_user("cora")
    grant_role(user=user, resource=town.taxonomy, role=Role.OWNER, actor=author())
    grant_role(user=user, resource=town, role=Role.ANNOTATOR, actor=author())
    client.force_login(user)
    return client


def address(line: Taxonomy, path: str = "") -> str:
    return f"/taxonomies/{line.slug}/draft/{path}"


def act(client: Client, line: Taxonomy, op: str, **fields: object):  # type: ignore[no-untyped-def]
    """Post a form that was made for the draft as it stands."""
    seen = {"expected_revision": get_draft(line).revision, **fields}
    return client.post(address(line), {"op": op, **seen})


def find(line: Taxonomy, named: int | str) -> ClassSpec:
    return next(spec for spec in get_draft(line).classes if named in (spec.class_id, spec.name))


def told(draft: Draft) -> list[str]:
    return [change.kind.value for change in draft.changes]


def edit_form(line: Taxonomy, client: Client, class_id: int, **fields: object) -> dict[str, object]:
    """The fields of the edit form of a class as a browser would post them."""
    spec = find(line, class_id)
    shown = client.get(address(line), {"class": class_id}).context["shown"]
    return {
        "class": class_id,
        "shown": shown,
        "name": spec.name,
        "color": spec.color,
        "parent": spec.parent or "",
        "heading": spec.heading,
        "description": spec.description,
        **fields,
    }


@pytest.mark.parametrize(
    ("op", "fields", "kinds"),
    [
        ("add", {"name": "tram", "kind": "thing"}, ["added"]),
        ("rename", {"class": CAR, "name": "automobile"}, ["renamed"]),
        ("merge", {"classes": [ROAD, SKY], "into": ROAD}, ["merged"]),
        ("merge", {"classes": [ROAD, SKY], "new_name": "rest"}, ["merged"]),
        ("merge", {"classes": [ROAD, CAR], "new_name": "x", "kind": "stuff"}, ["merged"]),
        ("split", {"class": CAR, "into": "van\r\nsedan\r\n"}, ["split"]),
        ("retire", {"class": CAR, "into": ""}, ["retired"]),
        ("retire", {"class": ROAD, "into": SKY}, ["merged"]),
        ("flip", {"class": CAR}, ["flipped"]),
        ("import", {"preset": "voc"}, ["added"] * 19 + ["edited"]),
    ],
)
def test_each_form_does_what_it_says(
    curator: Client, line: Taxonomy, op: str, fields: dict[str, object], kinds: list[str]
) -> None:
    response = act(curator, line, op, **fields)
    assert response.status_code == 302
    assert sorted(told(get_draft(line))) == sorted(kinds)


def test_what_was_done_is_said(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "rename", **{"class": CAR, "name": "automobile"})
    assert "car is called automobile." in Page(curator.get(address(line)).content.decode()).text


def test_htmx_gets_the_draft_alone_and_the_words_for_the_live_region(
    curator: Client, line: Taxonomy
) -> None:
    fields = {"op": "flip", "class": CAR, "expected_revision": 0}
    response = curator.post(address(line), fields, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert html.startswith('<p id="said" hx-swap-oob="innerHTML">car was a thing')
    assert "<html" not in html


def test_htmx_gets_a_panel_alone(curator: Client, line: Taxonomy) -> None:
    query = {"panel": 1, "seen": 0, "do": "rename", "class": CAR}
    html = curator.get(address(line), query, headers={"HX-Request": "true"}).content.decode()
    assert html.startswith('<section class="card panel"')


def test_a_panel_for_an_older_draft_brings_the_whole_draft(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "flip", **{"class": CAR})
    query = {"panel": 1, "seen": 0, "do": "rename", "class": CAR}
    response = curator.get(address(line), query, headers={"HX-Request": "true"})
    assert response["HX-Retarget"] == "#draft"
    assert "Somebody edited the draft meanwhile" in response.content.decode()


@pytest.mark.parametrize("do", ["", "add", "edit", "rename", "merge", "split", "retire", "flip"])
def test_every_panel_opens_without_scripts(curator: Client, line: Taxonomy, do: str) -> None:
    query = {"do": do, "class": CAR} if do else {"class": CAR}
    html = curator.get(address(line), query).content.decode()
    assert f'name="op" value="{do or "edit"}"' in html


@pytest.mark.parametrize("do", ["import", "rules", "undo", "merge", "add"])
def test_a_panel_about_no_class_opens(curator: Client, line: Taxonomy, do: str) -> None:
    assert curator.get(address(line), {"do": do}).context["panel"].do == do


def test_a_key_without_a_class_says_what_to_do(curator: Client, line: Taxonomy) -> None:
    text = Page(curator.get(address(line), {"do": "flip"}).content.decode()).text
    assert "Choose a class first" in text


def test_the_edit_form_sets_every_field(curator: Client, line: Taxonomy) -> None:
    fields = edit_form(
        line,
        curator,
        CAR,
        name="automobile",
        color="#112233",
        heading="vehicles",
        description="Cars\r\nand vans",
        synonyms="auto, motorcar",
        external="coco = 3\nwikidata=Q1420\ncityscapes = -1",
        guideline="Mirrors too",
        attribute_name=["colour", "doors", ""],
        attribute_type=["choice", "number", "text"],
        attribute_choices=["red, blue", "", ""],
        attribute_minimum=["", "2", ""],
        attribute_maximum=["", "5.5", ""],
        attribute_required=["yes", "no", "no"],
        attribute_description=["of the paint", "", ""],
    )
    act(curator, line, "edit", **fields)
    spec = find(line, CAR)
    assert (spec.name, spec.color, spec.heading) == ("automobile", "#112233", "vehicles")
    assert spec.description == "Cars\nand vans"
    assert spec.synonyms == ("auto", "motorcar")
    assert spec.external == {"coco": 3, "wikidata": "Q1420", "cityscapes": -1}
    assert [one.name for one in spec.attributes] == ["colour", "doors"]
    assert spec.attributes[0].choices == ("red", "blue")
    assert (spec.attributes[1].minimum, spec.attributes[1].maximum) == (2, 5.5)


def test_saving_an_unchanged_form_edits_nothing(curator: Client, line: Taxonomy) -> None:
    fields = edit_form(line, curator, CAR)
    response = curator.post(address(line), {"op": "edit", "expected_revision": 0, **fields})
    assert response.status_code == 302
    assert not TaxonomyDraft.objects.exists()


def test_an_example_picture_is_kept_described_and_dropped(curator: Client, line: Taxonomy) -> None:
    file = io.BytesIO()
    Picture.new("RGB", (8, 6), "red").save(file, "PNG")
    file.seek(0)
    file.name = "car.png"
    fields = edit_form(line, curator, CAR, new_picture=file, caption_new="So", good_new="no")
    act(curator, line, "edit", **fields)
    [example] = find(line, CAR).examples
    assert (example.caption, example.good) == ("So", False)
    fields = edit_form(line, curator, CAR, picture=example.picture, caption_0="Thus", good_0="yes")
    act(curator, line, "edit", **fields)
    assert find(line, CAR).examples[0].caption == "Thus"
    act(curator, line, "edit", **edit_form(line, curator, CAR, picture=example.picture, drop_0=1))
    assert find(line, CAR).examples == ()


@pytest.mark.parametrize(
    ("op", "fields", "problem"),
    [
        ("rename", {"class": CAR, "name": "road"}, "road"),
        ("rename", {"class": CAR, "name": ""}, "A class has no name."),
        ("rename", {"class": 99, "name": "x"}, "Choose a class first."),
        ("rename", {"name": "x"}, "Choose a class first."),
        ("merge", {"classes": [ROAD, CAR], "into": ROAD}, "say of which kind"),
        ("merge", {"classes": [ROAD]}, "Choose the class that they become"),
        ("merge", {"into": ROAD}, "A merge takes at least two classes."),
        ("split", {"class": CAR, "into": "van"}, "A class is split into at least two others."),
        ("add", {"name": "car", "kind": "thing"}, "car"),
        ("add", {"name": "x", "kind": "odd"}, "kind is stuff or thing"),
        ("add", {"name": "x\x00", "kind": "thing"}, "zero character"),
        ("import", {}, "Choose a list, or a file."),
        ("import", {"preset": "nowhere"}, "There is no preset 'nowhere'."),
        ("add_rule", {"rule": "smallest_area", "severity": "error"}, "needs a value"),
        ("add_rule", {"rule": "smallest_area", "severity": "error", "value": "x"}, "whole number"),
        ("undo", {"number": 1}, "There is no version 1 that changed another one."),
        ("undo", {"number": "x"}, "Undo takes the number of a version."),
        ("take_back", {"change": "added:9"}, "This change is not in the draft any more."),
        ("again", {"operations": "{"}, "Load the page again."),
        ("again", {"operations": "7"}, "An operation is an object"),
        ("odd", {}, "This form is not known here"),
        ("remove", {"class": CAR}, "is published and may be in labels"),
        ("edit", {"class": CAR, "external": "coco"}, "no line of the form scheme = id"),
        (
            "edit",
            {"class": CAR, "attribute_name": "x", "attribute_minimum": "y"},
            "Attribute x: “y” is no number.",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    curator: Client, line: Taxonomy, op: str, fields: dict[str, object], problem: str
) -> None:
    response = act(curator, line, op, **fields)
    assert response.status_code == 422
    assert problem.lower() in Page(response.content.decode()).text.lower()
    assert not TaxonomyDraft.objects.exists()


def test_a_refused_form_keeps_what_was_written(curator: Client, line: Taxonomy) -> None:
    html = act(curator, line, "rename", **{"class": CAR, "name": "road"}).content.decode()
    assert 'value="road"' in html


def test_a_merge_of_both_kinds_asks_which(curator: Client, line: Taxonomy) -> None:
    html = curator.get(address(line), {"do": "merge", "classes": [ROAD, CAR]}).content.decode()
    assert "of which kind?" in html
    same = curator.get(address(line), {"do": "merge", "classes": [ROAD, SKY]}).content.decode()
    assert "of which kind?" not in same


def test_rules_are_added_told_and_removed(curator: Client, line: Taxonomy) -> None:
    act(
        curator,
        line,
        "add_rule",
        rule="most_instances",
        severity="warning",
        value=5,
        classes=[CAR],
    )
    page = curator.get(address(line), {"do": "rules"})
    assert "At most 5 instances of car in an image" in Page(page.content.decode()).text
    [(_, plain)] = page.context["rules"]
    act(curator, line, "remove_rule", rule=plain)
    assert get_draft(line).rules == ()


@pytest.mark.parametrize(
    ("op", "fields"),
    [
        ("add", {"name": "tram", "kind": "thing"}),
        ("rename", {"class": CAR, "name": "automobile"}),
        ("merge", {"classes": [ROAD, SKY], "into": ROAD}),
        ("merge", {"classes": [ROAD, SKY], "new_name": "rest"}),
        ("merge", {"classes": [ROAD, CAR], "into": ROAD, "kind": "thing"}),
        ("retire", {"class": CAR}),
        ("retire", {"class": ROAD, "into": SKY}),
        ("flip", {"class": CAR}),
        ("flip", {"class": ROAD}),
        ("split", {"class": CAR, "into": "van\nsedan"}),
    ],
)
def test_a_change_that_is_taken_back_leaves_nothing(
    curator: Client, line: Taxonomy, op: str, fields: dict[str, object]
) -> None:
    before = get_draft(line).classes
    act(curator, line, op, **fields)
    [change] = get_draft(line).changes
    act(curator, line, "take_back", change=f"{change.kind.value}:{change.class_id}")
    assert get_draft(line).classes == before


def test_a_change_is_taken_back_and_others_stay(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "rename", **{"class": CAR, "name": "automobile"})
    act(curator, line, "flip", **{"class": ROAD})
    act(curator, line, "take_back", change=f"renamed:{CAR}")
    assert told(get_draft(line)) == ["flipped"]


def test_what_another_change_needs_is_not_taken_back(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "add", name="vehicle", kind="thing")
    vehicle = find(line, "vehicle").class_id
    act(curator, line, "edit", **edit_form(line, curator, CAR, parent=vehicle))
    response = act(curator, line, "take_back", change=f"added:{vehicle}")
    assert "car needs vehicle" in Page(response.content.decode()).text.replace("Car", "car")


def test_a_published_version_is_undone_in_the_draft(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "rename", **{"class": CAR, "name": "automobile"})
    revision = get_draft(line).revision
    publish_draft(taxonomy=line, expected_revision=revision, message="Automobiles", actor=author())
    act(curator, line, "undo", number=2)
    assert find(line, CAR).name == "car"


@pytest.fixture
def moved(curator: Client, line: Taxonomy) -> Taxonomy:
    """A draft that somebody edited after the page was loaded, at revision 0."""
    edit_draft(
        taxonomy=line,
        expected_revision=0,
        operations=[{"op": "rename", "class": CAR, "name": "automobile"}],
        actor=author(),
    )
    return line


def test_a_draft_that_moved_shows_both_sides(curator: Client, moved: Taxonomy) -> None:
    response = curator.post(address(moved), {"op": "flip", "class": ROAD, "expected_revision": 0})
    assert response.status_code == 409
    text = Page(response.content.decode()).text
    assert "ada" in text
    assert "Rename car to automobile" in text
    assert "Flip road between stuff and thing" in text
    assert told(get_draft(moved)) == ["renamed"]


def test_mine_is_done_on_top(curator: Client, moved: Taxonomy) -> None:
    response = curator.post(address(moved), {"op": "flip", "class": ROAD, "expected_revision": 0})
    again = dict(response.context["moved"].again)
    curator.post(address(moved), {**again, "expected_revision": get_draft(moved).revision})
    assert told(get_draft(moved)) == ["flipped", "renamed"]


def test_an_old_edit_form_on_top_leaves_what_it_did_not_touch(
    curator: Client, line: Taxonomy
) -> None:
    fields = edit_form(line, curator, CAR, description="With wheels")
    edit_draft(
        taxonomy=line,
        expected_revision=0,
        operations=[{"op": "rename", "class": CAR, "name": "automobile"}],
        actor=author(),
    )
    response = curator.post(address(line), {"op": "edit", "expected_revision": 0, **fields})
    again = dict(response.context["moved"].again)
    curator.post(address(line), {**again, "expected_revision": get_draft(line).revision})
    assert (find(line, CAR).name, find(line, CAR).description) == ("automobile", "With wheels")


@pytest.mark.parametrize("path", ["publish/", "discard/"])
def test_a_draft_that_moved_is_neither_published_nor_discarded(
    curator: Client, moved: Taxonomy, path: str
) -> None:
    fields = {"message": "Mine", "expected_revision": 0}
    response = curator.post(address(moved, path), fields)
    assert response.status_code == 409
    assert response.context["moved"].action == address(moved, path)
    assert TaxonomyDraft.objects.exists()


def test_a_form_without_a_revision_counts_as_older(curator: Client, moved: Taxonomy) -> None:
    assert curator.post(address(moved), {"op": "flip", "class": ROAD}).status_code == 409


def publish(client: Client, line: Taxonomy, **fields: object):  # type: ignore[no-untyped-def]
    seen = {"expected_revision": get_draft(line).revision, **fields}
    return client.post(address(line, "publish/"), seen, follow=True)


def test_publishing_moves_the_ticked_branches(
    curator: Client, line: Taxonomy, town: Dataset
) -> None:
    act(curator, line, "flip", **{"class": CAR})
    [used] = curator.get(address(line)).context["branches"]
    text = Page(
        publish(curator, line, message="Cars are stuff", moves=[used.key]).content.decode()
    ).text
    assert "Version 2 is published." in text
    assert "town main is read by version 2 now" in text
    head = Branch.objects.select_related("head__taxonomy_version").get(dataset=town).head
    assert head.taxonomy_version.message == "Cars are stuff"


def test_publishing_needs_a_message(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "flip", **{"class": CAR})
    response = publish(curator, line, message=" ")
    assert response.status_code == 422
    assert "Say in a message what changed, and why." in Page(response.content.decode()).text


def test_what_cannot_be_moved_is_not_published(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "flip", **{"class": CAR})
    row = Branch.objects.get().pk
    response = publish(curator, line, message="Why not", moves=[f"{row}:{'00' * 32}"])
    assert response.status_code == 422
    assert line.versions.count() == 1


def test_publishing_what_changes_nothing_is_refused(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "flip", **{"class": CAR})
    act(curator, line, "flip", **{"class": find(line, "car").class_id})
    live = [spec for spec in get_draft(line).classes if spec.name == "car" and not spec.retired]
    act(curator, line, "flip", **{"class": live[0].class_id})
    assert publish(curator, line, message="").status_code == 422


def test_a_discarded_draft_is_gone(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "flip", **{"class": CAR})
    revision = get_draft(line).revision
    curator.post(address(line, "discard/"), {"expected_revision": revision})
    assert not TaxonomyDraft.objects.exists()


def test_finding_looks_at_names_synonyms_and_numbers(curator: Client, line: Taxonomy) -> None:
    act(curator, line, "edit", **edit_form(line, curator, CAR, synonyms="auto"))
    for text, names in [("AUT", ["car"]), ("road", ["road"]), ("3", ["sky"]), ("zz", [])]:
        rows = curator.get(address(line), {"find": text}).context["rows"]
        assert [row.spec.name for row in rows] == names


def test_a_list_is_imported_from_a_file(curator: Client, line: Taxonomy) -> None:
    file = io.BytesIO(json.dumps([{"name": "tram", "kind": "thing"}]).encode())
    file.name = "classes.json"
    act(curator, line, "import", file=file)
    assert find(line, "tram").kind == "thing"
