"""The page of one image of a comparison: its list of changes, its place, what it says and costs."""

from __future__ import annotations

import re

import numpy as np
import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.models import Dataset, Version
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import Label, label_from_id_map
from panoptic.segments import Origin, Segment
from tests.builders import stack
from tests.datasets_app.builders import author, commit_to, put_label
from tests.web.builders import CAR, ROAD, SKY, Page, history, shared_dataset

pytestmark = pytest.mark.django_db

Town = tuple[Dataset, Version, Version]


@pytest.fixture
def town() -> Town:
    dataset = shared_dataset("town", public=True)
    return dataset, *history(dataset)


def html(client: Client, address: str) -> str:
    return client.get(f"/datasets/town/compare/{address}").content.decode()


def text(client: Client, address: str) -> str:
    return Page(html(client, address)).text


def pair(old: bytes | None, new: bytes | None) -> None:
    """A public dataset "town" whose image 1 has these labels in v1 and v2."""
    dataset = shared_dataset("town", public=True)
    for label in (old, new):
        commit_to(dataset, [ImageChange("a.png", label=label)])


def put(label: Label) -> bytes:
    packed = pack_label(label)
    register_labels([packed])
    return packed.digest


def cars(count: int) -> bytes:
    """A label of so many cars in a row, with ids from 1; the later ones are larger."""
    widths = np.arange(1, count + 1)
    row = np.repeat(widths, widths).astype(np.uint32)
    return put(label_from_id_map(row[None], [Segment(int(one), CAR) for one in widths]))


def numbers(rows: str) -> list[int]:
    return [int(one) for one in re.findall(r'data-change="(\d+)"', rows)]


def test_a_row_tells_the_segment_once_where_its_id_and_class_stay(
    client: Client, town: Town
) -> None:
    assert "reshaped car #2 −2 0.500" in text(client, "v1..v2:1/")


def test_a_row_tells_the_class_before_and_after(client: Client) -> None:
    pair(put_label("112 112", {1: ROAD, 2: CAR}), put_label("112 112", {1: ROAD, 2: SKY}))
    assert "reclassified car #2 → became sky #2" in text(client, "v1..v2:1/")


def test_of_many_pieces_a_row_names_the_first(client: Client) -> None:
    pair(put_label("11111111", {1: CAR}), put_label("11112345", dict.fromkeys(range(1, 6), CAR)))
    assert "car #1 → became car #1 , car #2 , car #3 and 2 more" in text(client, "v1..v2:1/")
    assert 'data-new="1 2 3 4 5"' in html(client, "v1..v2:1/")


def test_a_row_tells_which_model_proposed_the_segment_and_that_a_person_took_over(
    client: Client,
) -> None:
    model = Origin("mask2former", "1.4", 0.625)
    pair(
        put_label("1122", {1: ROAD, 2: CAR}, origins={2: model}),
        put_label("1222", {1: ROAD, 2: CAR}),
    )
    assert "0.62 → a person by mask2former 1.4 → a person" in text(client, "v1..v2:1/")


def test_kinds_are_listed_with_how_many_changes_are_of_each(client: Client) -> None:
    pair(put_label("11....", {1: ROAD}), put_label("1..222", {1: ROAD, 2: CAR}))
    assert re.search(r"Changes 2 .* added 1 reshaped 1 Change ", text(client, "v1..v2:1/"))


def test_the_page_brings_the_first_rows_and_says_where_the_others_are(client: Client) -> None:
    pair(None, cars(130))
    page = html(client, "v1..v2:1/")
    assert numbers(page) == list(range(1, 101))
    assert 'data-count="130"' in page
    assert numbers(html(client, "v1..v2:1/?from=100")) == list(range(101, 131))


def test_rows_that_are_asked_for_come_alone(client: Client, town: Town) -> None:
    assert "<html" not in html(client, "v1..v2:1/?from=1")
    assert numbers(html(client, "v1..v2:1/?from=1")) == [2]


@pytest.mark.parametrize(
    "odd", ["from=x", "from=-1", "from=99999999999", "seg=x", "mode=odd&c=1&z="]
)
def test_what_a_query_says_that_nobody_understands_does_no_harm(
    client: Client, town: Town, odd: str
) -> None:
    assert len(numbers(html(client, f"v1..v2:1/?{odd}"))) == 2


def test_the_chosen_change_is_marked_in_the_list_and_boxed_in_the_pictures(
    client: Client, town: Town
) -> None:
    page = html(client, "v1..v2:1/?seg=2")
    assert re.search(r'data-change="2"[^>]*aria-current="true"', page)
    assert page.count('<rect class="is-lit" x="2" y="1" width="2" height="2"') == 3


def test_the_place_in_the_list_is_told(client: Client, town: Town) -> None:
    assert "Count the changed images" in text(client, "v1..v2:4/")
    get_pixel_comparison(*town[1:], actor=author())
    assert "2 of 3 ← Previous p Next n →" in text(client, "v1..v2:4/")


def test_the_first_and_the_last_image_have_one_neighbour(client: Client, town: Town) -> None:
    get_pixel_comparison(*town[1:], actor=author())
    assert 'rel="prev"' not in html(client, "v1..v2:2/")
    assert 'rel="next"' not in html(client, "v1..v2:1/")


def test_a_comparison_made_the_other_way_round_knows_the_place_too(
    client: Client, town: Town
) -> None:
    get_pixel_comparison(*town[1:], actor=author())
    assert "2 of 3" in text(client, "v2..v1:4/")
    # What was added on the way there is removed on the way back.
    assert "1 of 1 listed" in text(client, "v2..v1:4/?kind=removed")


def test_an_image_that_a_filter_leaves_out_still_has_neighbours(client: Client, town: Town) -> None:
    get_pixel_comparison(*town[1:], actor=author())
    page = html(client, "v1..v2:4/?kind=changed")
    assert "compare/v1..v2:1/?kind=changed" in page
    assert "desk-place" not in page


def test_the_sides_swap_with_their_filter(client: Client, town: Town) -> None:
    assert "/datasets/town/compare/v2..v1:4/?kind=removed" in html(client, "v1..v2:4/?kind=added")


def test_the_sides_of_a_comparison_from_the_merge_base_swap_as_they_are(
    client: Client, town: Town
) -> None:
    base = town[1].id_hex
    assert f"/datasets/town/compare/v2..{base}:1/" in html(client, "v1...v2:1/")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("v1..v2:2/", "This image is not in v2: everything on it counts as removed."),
        ("v1..v2:4/", "This image is not in v1: everything on it counts as added."),
        ("v1..v2:3/", "Neither version has a label for this image"),
        ("v2..main:1/", "Both versions hold the same label."),
    ],
)
def test_what_cannot_be_compared_is_said(
    client: Client, town: Town, address: str, said: str
) -> None:
    assert said in text(client, address)


def test_a_side_without_a_label_is_told(client: Client) -> None:
    pair(None, put_label("11", {1: ROAD}))
    assert "There is no label in v1: all segments count as added." in text(client, "v1..v2:1/")
    assert "There is no label in v1 any more" in text(client, "v2..v1:1/")


def test_labels_of_two_sizes_are_told_with_both_sizes(client: Client) -> None:
    pair(put_label("111 111", {1: ROAD}), put_label("11 11", {1: ROAD}))
    assert "different sizes, 3 × 2 and 2 × 2 pixels" in text(client, "v1..v2:1/")


def test_layers_can_be_chosen_where_there_are_several(client: Client, town: Town) -> None:
    assert "topmost" not in text(client, "v1..v2:1/")
    stacked = stack("1111", ".22.", classes={1: ROAD, 2: CAR})
    commit_to(town[0], [ImageChange("a.png", label=put(stacked))])
    assert "topmost 1 (lowest) 2" in text(client, "v2..v3:1/")


def test_the_html_of_a_page_of_many_changes_stays_light(client: Client) -> None:
    pair(None, cars(400))
    assert len(html(client, "v1..v2:1/").encode()) < 150_000


def test_more_changes_cost_no_more_queries(client: Client, django_assert_max_num_queries) -> None:
    pair(cars(120), None)
    html(client, "v1..v2:1/")
    with django_assert_max_num_queries(15):
        html(client, "v1..v2:1/")
