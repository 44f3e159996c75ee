from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.tags import create_tag
from datasets_app.models import Dataset
from tests.datasets_app.builders import author, commit_to, names
from tests.web.builders import Page, branch, history, shared_dataset
from web.version_graph import Lane, draw_graph, format_lanes, lanes_of, parse_lanes

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Dataset:
    """Two versions on main; night left after the first one and has one more."""
    dataset = shared_dataset("town", public=True)
    first, _ = history(dataset)
    branch(dataset, "night", first)
    commit_to(dataset, names("n.png"), branch="night", message="Look at the night")
    return dataset


def text(client: Client, url: str) -> str:
    return Page(client.get(url).content.decode()).text


def test_a_branch_tells_how_far_it_is_from_the_default_one(client: Client, town: Dataset) -> None:
    assert "night v3 Look at the night" in text(client, "/datasets/town/branches/")
    shown = client.get("/datasets/town/branches/").content.decode()
    assert '<span class="ahead">1</span>' in shown
    assert '<span class="behind">1</span>' in shown


def test_a_branch_is_compared_from_where_it_left(client: Client, town: Dataset) -> None:
    links = Page(client.get("/datasets/town/branches/").content.decode()).links
    assert "/datasets/town/compare/main...night/" in links


def test_tags_tell_what_they_say_and_who_made_them(client: Client, town: Dataset) -> None:
    head = town.versions.get(number=1)
    create_tag(dataset=town, name="r1", version=head, actor=author(), message="For training")
    assert f"r1 v1 Begin For training {author().username}" in text(
        client, "/datasets/town/branches/"
    )


def test_a_branch_without_a_version_says_what_fills_it(client: Client) -> None:
    shared_dataset("bare", public=True)
    assert "the first import goes here" in text(client, "/datasets/bare/branches/")


def test_the_page_costs_as_much_for_many_branches(
    client: Client, town: Dataset, django_assert_max_num_queries
) -> None:
    for number in range(20):
        branch(town, f"b{number}", town.versions.get(number=1))
    with django_assert_max_num_queries(8):
        client.get("/datasets/town/branches/")


# ---- the graph of versions --------------------------------------------------


def merged(town: Dataset) -> Dataset:
    """v4 merges night into main."""
    night = town.versions.get(number=3)
    commit_to(town, names("n.png"), other_parents=[night], message="Merge")
    return town


def test_a_merge_draws_a_lane_of_what_came_in(town: Dataset) -> None:
    graph = draw_graph(merged(town), lanes_of([4]), 25)
    assert [(row.number, row.x, row.is_merge) for row in graph.rows] == [
        (4, 8, True), (3, 24, False), (2, 8, False), (1, 8, False),
    ]  # fmt: skip
    assert graph.width == 40
    assert graph.following is None


def test_a_page_goes_on_with_the_lanes_that_are_open(town: Dataset) -> None:
    whole = draw_graph(merged(town), lanes_of([4]), 25)
    first = draw_graph(town, lanes_of([4]), 2)
    assert first.following == "2.1"
    rest = draw_graph(town, parse_lanes(first.following), 25)
    assert [*first.rows, *rest.rows] == whole.rows


def test_the_lane_of_a_branch_is_drawn_from_its_head_on(town: Dataset) -> None:
    rows = draw_graph(town, lanes_of([2, 3]), 25).rows
    assert [row.number for row in rows] == [3, 2, 1]
    assert [line.y1 for line in rows[0].lines] == ["50%"]


@pytest.mark.parametrize("odd", ["", "x", "..", "-1", "1.x", "9" * 12, ".".join("1" * 50)])
def test_what_no_page_said_is_no_place_to_go_on(odd: str) -> None:
    assert parse_lanes(odd) is None


def test_lanes_are_written_and_read_alike() -> None:
    lanes = [Lane(3), None, Lane(7, is_drawn=False)]
    assert format_lanes(lanes) == "3..h7"
    assert parse_lanes("3..h7") == lanes


def test_the_log_holds_what_was_merged_in(client: Client, town: Dataset) -> None:
    merged(town)
    shown = text(client, "/datasets/town/")
    assert shown.index("Merge") < shown.index("Look at the night") < shown.index("Begin")


def test_all_branches_stand_in_one_log(client: Client, town: Dataset) -> None:
    assert "Look at the night" not in text(client, "/datasets/town/")
    assert "Look at the night" in text(client, "/datasets/town/?all=1")


def test_a_dataset_costs_few_queries_at_its_first_view(
    client: Client, town: Dataset, django_assert_max_num_queries
) -> None:
    merged(town)
    with django_assert_max_num_queries(15):
        client.get("/datasets/town/?all=1")
