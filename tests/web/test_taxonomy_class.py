"""The page of one class of a taxonomy."""

from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from tests.datasets_app.builders import author, commit_to, dataset, put_label
from tests.web.builders import Page, member
from web.class_plots import Sample, plot_line

pytestmark = pytest.mark.django_db

CLASSES = "1:road/stuff 2:car 3:van 4:sky/stuff"
ROAD, CAR, VAN, SKY = range(1, 5)
MERGE = {"op": "merge", "classes": ["car", "van"], "into": "car"}


@pytest.fixture
def town() -> Dataset:
    found = dataset("town", CLASSES)
    commit_to(
        found,
        [ImageChange("a.png", label=put_label("1123 1143", {1: ROAD, 2: CAR, 3: CAR, 4: VAN}))],
        message="Begin",
    )
    commit_to(
        found,
        [ImageChange("b.png", label=put_label("22 44", {2: CAR, 4: SKY}))],
        message="One more",
    )
    return found


@pytest.fixture
def reader(town: Dataset, client: Client) -> Client:
    client.force_login(member(town))
    return client


def publish(found: Dataset, *operations: dict, message: str = "Go") -> None:
    revision = get_draft(found.taxonomy).revision
    draft = edit_draft(
        taxonomy=found.taxonomy, expected_revision=revision, operations=operations, actor=author()
    )
    publish_draft(
        taxonomy=found.taxonomy,
        expected_revision=draft.revision,
        message=message,
        actor=author(),
    )


def address(found: Dataset, class_id: int, query: str = "") -> str:
    return f"/taxonomies/{found.taxonomy.slug}/classes/{class_id}/{query}"


def show(client: Client, found: Dataset, class_id: int, query: str = "", **headers: str) -> Page:
    response = client.get(address(found, class_id, query), headers=headers)
    assert response.status_code == 200
    return Page(response.content.decode())


# ---- what it is -------------------------------------------------------------


def test_a_class_says_what_it_is(reader, town) -> None:
    publish(
        town,
        {
            "op": "edit",
            "class": "car",
            "synonyms": ["auto", "saloon"],
            "description": "It drives.",
            "guideline": "With its mirrors.",
            "external": {"coco": 3},
            "attributes": [
                {"name": "doors", "type": "number", "minimum": 2, "maximum": 5, "required": True},
                {"name": "make", "type": "choice", "choices": ["a", "b"]},
            ],
        },
    )
    text = show(reader, town, CAR).text
    for told in (
        "car thing",
        "It drives.",
        "With its mirrors.",
        "Also called auto, saloon",
        "Id in coco 3",
        "doors required number from 2 to 5",
        "make one of a, b",
        "Colour #000002",
    ):
        assert told in text


def test_a_class_names_its_parents_and_children_as_links(reader, town) -> None:
    publish(
        town,
        {"op": "add", "name": "vehicle", "kind": "thing"},
        {"op": "reparent", "class": "car", "parent": "vehicle"},
        {"op": "reparent", "class": "van", "parent": "car"},
    )
    vehicle = town.taxonomy.versions.latest("number").classes.get(name="vehicle").class_id
    page = show(reader, town, CAR)
    assert "Below vehicle" in page.text
    assert "Children van" in page.text
    assert {address(town, vehicle), address(town, VAN)} <= set(page.links)


def test_a_retired_class_names_what_it_reads_as_and_that_one_names_it(reader, town) -> None:
    publish(town, MERGE)
    assert "No class any more: its labels read as car" in show(reader, town, VAN).text
    assert "Retired into it van" in show(reader, town, CAR).text


def test_a_split_class_names_its_parts_and_they_name_it(reader, town) -> None:
    parts = [{"name": "bus", "kind": "thing"}, {"name": "coach", "kind": "thing"}]
    publish(town, {"op": "split", "class": "van", "into": parts})
    bus = town.taxonomy.versions.latest("number").classes.get(name="bus").class_id
    assert "Split into bus , coach ." in show(reader, town, VAN).text
    assert "Split from van" in show(reader, town, bus).text


# ---- where it is used -------------------------------------------------------


def test_branches_are_counted_and_lead_to_the_images_with_the_class(reader, town) -> None:
    page = show(reader, town, CAR)
    assert "town main v2 read by 1 2 images of town main 3 5" in page.text
    assert "/datasets/town/images/main/?class=2" in page.links
    assert reader.get("/datasets/town/images/main/?class=2").status_code == 200


def test_labels_count_as_the_newest_version_reads_them(reader, town) -> None:
    publish(town, MERGE)
    assert "town main v2 read by 1 2 images of town main 4 6" in show(reader, town, CAR).text


def test_a_class_that_a_branch_does_not_know_yet_has_no_list_of_images_there(reader, town) -> None:
    publish(town, {**MERGE, "into": {"name": "motor", "kind": "thing"}})
    motor = town.taxonomy.versions.latest("number").classes.get(name="motor").class_id
    page = show(reader, town, motor)
    assert "town main v2 read by 1 2 4 6" in page.text
    assert not [link for link in page.links if "?class=" in link]


def test_datasets_that_one_may_not_read_are_not_counted(reader, town) -> None:
    hidden = dataset("hidden", CLASSES)
    Dataset.objects.filter(pk=hidden.pk).update(taxonomy=town.taxonomy)
    hidden.taxonomy = town.taxonomy
    commit_to(hidden, [ImageChange("a.png", label=put_label("2", {2: CAR}))])
    assert "hidden" not in show(reader, town, CAR).text


def test_who_sees_no_dataset_sees_the_class_all_the_same(client, town) -> None:
    curator = User.objects.create_user("cleo")
    grant_role(user=curator, resource=town.taxonomy, role=Role.CURATOR, actor=author())
    client.force_login(curator)
    text = show(client, town, CAR).text
    assert "No dataset that you see is read by this taxonomy." in text
    assert "How often" not in text


def test_a_stranger_is_told_that_there_is_nothing(client, town) -> None:
    client.force_login(User.objects.create_user("stranger"))
    assert client.get(address(town, CAR)).status_code == 404


@pytest.mark.parametrize("class_id", [0, 9, 999_999_999])
def test_a_class_that_is_not_published_is_not_found(reader, town, class_id: int) -> None:
    assert reader.get(address(town, class_id)).status_code == 404


# ---- how often --------------------------------------------------------------


def test_the_plot_has_a_point_and_a_row_of_the_table_for_each_version(reader, town) -> None:
    text = show(reader, town, CAR, "?show=plot").text
    assert "Segments of car in town main, v1 to v2" in text
    assert "v1: 2 segments v2: 3 segments" in text
    assert "v2 One more 2 3 5 v1 Begin 1 2 3" in text


def test_the_plot_is_of_the_branch_and_the_measure_that_are_chosen(reader, town) -> None:
    create_branch(dataset=town, name="feature/x", head=town.versions.first(), actor=author())
    commit_to(town, [ImageChange("b.png", delete=True)], branch="feature/x")
    text = show(reader, town, CAR, "?show=plot&in=town/feature/x&of=pixels").text
    assert "Pixels of car in town feature/x, v1 to v3" in text
    assert "v2: 5 pixels v3: 3 pixels" in text


def test_htmx_gets_the_plot_alone(reader, town) -> None:
    page = show(reader, town, CAR, "?show=plot", HX_Request="true")
    assert page.headings == 0
    assert "v1: 2 segments" in page.text


def test_without_scripts_plot_and_segments_are_a_link_away(reader, town) -> None:
    links = show(reader, town, CAR).links
    query = "?in=town%2Fmain&of=segments&show="
    assert address(town, CAR, f"{query}plot#often") in links
    assert address(town, CAR, f"{query}segments#looks") in links


def test_a_gap_of_the_plot_is_where_nobody_counted() -> None:
    plot = plot_line([Sample(f"v{n}", value, "") for n, value in enumerate([1, None, 3, 4])])
    assert [len(line.split()) for line in plot.lines] == [1, 2]
    assert len(plot.points) == 3


def test_a_plot_of_nothing_at_all_lies_on_zero() -> None:
    plot = plot_line([Sample("v1", 0, ""), Sample("v2", 0, "")])
    assert {mark.y for mark in plot.points} == {plot.bottom}


def test_the_axis_of_a_plot_ends_at_a_round_number_above_all_values() -> None:
    for value in (1, 5, 9, 10, 99, 100, 101, 12_345, 999_999_999_999):
        plot = plot_line([Sample("v1", value, "")])
        assert plot.points[0].y >= plot.up[-1].y
    assert [mark.text for mark in plot_line([Sample("v1", 272_373, "")]).up] == [
        "0",
        "80 k",
        "160 k",
        "240 k",
        "320 k",
    ]


def test_a_long_plot_names_a_few_versions_the_newest_among_them() -> None:
    plot = plot_line([Sample(f"v{n}", n, "") for n in range(200)])
    assert len(plot.across) <= 12
    assert plot.across[-1].text == "v199"


# ---- what it looks like -----------------------------------------------------


def test_segments_are_pictures_that_lead_to_their_images(reader, town) -> None:
    page = show(reader, town, CAR, "?show=segments")
    head = town.branches.get(name="main").head.id_hex
    assert [one["alt"] for one in page.pictures] == [
        "car in a.png, segment 3",
        "car in b.png, segment 2",
        "car in a.png, segment 2",
    ]
    assert f"/datasets/town/images/{head}:1/" in page.links
    assert [reader.get(one["src"]).status_code for one in page.pictures] == [200] * 3


def test_segments_of_a_branch_behind_are_drawn_as_the_newest_version_reads_them(
    reader, town
) -> None:
    publish(town, MERGE)
    page = show(reader, town, CAR, "?show=segments")
    assert len(page.pictures) == 4
    assert [reader.get(one["src"]).status_code for one in page.pictures] == [200] * 4


def test_a_class_without_pixels_says_so(reader, town) -> None:
    publish(town, {"op": "add", "name": "tram", "kind": "thing"})
    tram = town.taxonomy.versions.latest("number").classes.get(name="tram").class_id
    assert "No visible segment there." in show(reader, town, tram).text


# ---- what became of it ------------------------------------------------------


def test_versions_that_touched_a_class_are_told_newest_first(reader, town) -> None:
    publish(town, {"op": "rename", "class": "car", "name": "auto"}, message="German")
    publish(town, {"op": "recolor", "class": "sky", "color": "#123456"}, message="Not it")
    publish(town, {**MERGE, "classes": ["auto", "van"], "into": "auto"}, message="Fewer")
    text = show(reader, town, CAR).text.partition("What became of it")[2]
    assert text.index("van reads as auto version 4 : Fewer") < text.index("car is called auto")
    assert "version 2 : German" in text
    assert "There from the beginning version 1" in text
    assert "Not it" not in text


def test_a_class_that_came_later_is_told_from_then_on(reader, town) -> None:
    publish(town, {"op": "add", "name": "tram", "kind": "thing"}, message="Rails")
    tram = town.taxonomy.versions.latest("number").classes.get(name="tram").class_id
    text = show(reader, town, tram).text
    assert "tram is new, a thing version 2 : Rails" in text
    assert "from the beginning" not in text


# ---- the page ---------------------------------------------------------------


# A page answers at once, and lets what is below be asked for by itself. Of the segments most
# queries walk down the tree of images, a query per level.
@pytest.mark.parametrize(
    ("query", "queries", "headers"),
    [
        ("", 11, {}),
        ("?show=plot", 18, {}),
        ("?show=plot", 15, {"HX_Request": "true"}),
        ("?show=segments", 21, {}),
        ("?show=segments", 18, {"HX_Request": "true"}),
    ],
)
def test_the_page_costs_no_more_queries_than_pinned(
    reader, town, query: str, queries: int, headers: dict, django_assert_max_num_queries
) -> None:
    publish(town, MERGE)
    show(reader, town, CAR, query)
    with django_assert_max_num_queries(queries):
        show(reader, town, CAR, query, **headers)


def test_the_plot_costs_the_same_for_any_number_of_versions(
    reader, town, django_assert_max_num_queries
) -> None:
    for place in range(12):
        commit_to(town, [ImageChange(f"{place}.png", label=put_label("2", {2: CAR}))])
    show(reader, town, CAR, "?show=plot", HX_Request="true")
    with django_assert_max_num_queries(15):
        show(reader, town, CAR, "?show=plot", HX_Request="true")


@pytest.mark.parametrize("query", ["", "?show=plot", "?show=segments"])
def test_the_page_has_nothing_inline_one_heading_and_pictures_with_texts(
    reader, town, query: str
) -> None:
    page = show(reader, town, CAR, query)
    assert (page.inline, page.headings) == ([], 1)
    assert all(one.get("alt") and one.get("width") for one in page.pictures)


def test_odd_parameters_are_no_error(reader, town) -> None:
    for query in ("?in=nowhere", "?in=%00&of=%00&show=%00", "?of=odd&show=plot", "?show=odd"):
        assert reader.get(address(town, CAR, query)).status_code == 200


def test_posting_to_the_page_is_refused(reader, town) -> None:
    assert reader.post(address(town, CAR)).status_code == 405
