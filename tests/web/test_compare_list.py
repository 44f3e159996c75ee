"""The sums and the list of changed images: filters and orders in the URL, the flow of classes."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset
from tests.datasets_app.builders import commit_to, dataset, put_label
from tests.web.builders import SKY, Page, history, shared_dataset

pytestmark = pytest.mark.django_db

URL = "/datasets/town/compare/v1..v2/"


@pytest.fixture
def town() -> Dataset:
    shared = shared_dataset("town", public=True)
    history(shared)
    return shared


def page(client: Client, query: str = "") -> Page:
    return Page(client.get(URL + query).content.decode())


def listed(shown: Page) -> list[str]:
    """The images of the list, in its order."""
    numbers = [re.search(r"v1\.\.v2:(\d+)/", link) for link in shown.links]
    names = {1: "a.png", 2: "b.png", 3: "c.png", 4: "d.png"}
    return [names[int(found[1])] for found in numbers if found]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?kind=added", ["d.png"]),
        ("?kind=added&kind=removed", ["b.png", "d.png"]),
        ("?change=reshaped", ["a.png"]),
        ("?facet=status", ["a.png"]),
        ("?class=2", ["d.png", "a.png"]),
        ("?class=car&kind=added", ["d.png"]),
        ("?severity=major&change=reshaped", ["a.png"]),
        ("?severity=minor", []),
        ("?flow=2-1", ["a.png"]),
        ("?flow=2-1&unit=segments", []),
        ("?order=segments", ["a.png", "b.png", "d.png"]),
        ("?order=quality", ["b.png", "a.png", "d.png"]),
    ],
)
def test_a_filter_keeps_what_matches(
    client: Client, town: Dataset, query: str, names: list[str]
) -> None:
    assert listed(page(client, query)) == names


@pytest.mark.parametrize("query", ["?kind=added", "?class=2&order=share", "?flow=2-1&unit=pixels"])
def test_the_api_lists_the_same_images_for_the_same_query(
    client: Client, town: Dataset, query: str
) -> None:
    there = client.get(f"/api/v1/datasets/town/compare/v1..v2/images/{query}").json()
    assert [row["name"] for row in there["results"]] == listed(page(client, query))


@pytest.mark.parametrize(
    "query", ["?class=9", "?change=vanished", "?flow=x", "?order=colour", "?class=%00"]
)
def test_what_makes_no_sense_is_told_and_left_out(
    client: Client, town: Dataset, query: str
) -> None:
    shown = page(client, query)
    assert "was left out of the filter" in shown.text
    assert listed(shown) == ["b.png", "d.png", "a.png"]


@pytest.mark.parametrize("cursor", ["nonsense", "1e999~1", "nan~1", "--~3", "1~", "9" * 30 + "~1"])
def test_a_cursor_that_no_page_gave_begins_at_the_beginning(
    client: Client, town: Dataset, cursor: str
) -> None:
    assert listed(page(client, f"?cursor={cursor}")) == ["b.png", "d.png", "a.png"]


@pytest.mark.parametrize("order", ["changed_pixels", "share", "quality", "segments", "boundary"])
def test_pages_hold_each_image_once_in_every_order(
    client: Client, town: Dataset, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = listed(page(client, f"?order={order}"))
    monkeypatch.setattr("web.views.compare._IMAGES_PER_PAGE", 1)
    found, query = [], f"?order={order}"
    while query:
        shown = page(client, query)
        found += listed(shown)
        onward = [link for link in shown.links if "cursor=" in link]
        query = onward[0].partition("#")[0] if onward else ""
    assert found == whole
    assert len(found) == 3


def test_a_chip_that_is_chosen_leads_back_to_the_list_without_it(
    client: Client, town: Dataset
) -> None:
    shown = page(client, "?kind=added&order=share")
    assert "?kind=added&kind=removed&order=share#images" in shown.links
    assert "?order=share#images" in shown.links


def test_swapping_the_sides_keeps_the_filter_the_other_way_round(
    client: Client, town: Dataset
) -> None:
    links = page(client, "?kind=added&flow=2-1").links
    assert "/datasets/town/compare/v2..v1/?kind=removed&flow=1-2" in links


def test_the_image_page_gets_the_filter(client: Client, town: Dataset) -> None:
    assert f"{URL[:-1]}:4/?kind=added&order=share" in page(client, "?kind=added&order=share").links


def test_the_flow_is_told_in_pixels_or_in_segments(client: Client, town: Dataset) -> None:
    assert "2 pixels: car → road" in client.get(URL).content.decode()
    html = client.get(f"{URL}?unit=segments").content.decode()
    assert "1 segments: no partner → car" in html
    assert "pixels: car → road" not in html


def test_a_cell_of_the_flow_leads_to_its_images(client: Client, town: Dataset) -> None:
    links = page(client, "?order=share").links
    assert "?flow=2-1&order=share#images" in links
    assert "?flow=0-2&unit=segments#images" in page(client, "?unit=segments").links


def test_sums_of_the_flow_are_what_both_sides_hold(client: Client, town: Dataset) -> None:
    html = client.get(URL).content.decode()
    row = html[html.index("<tfoot>") : html.index("</tfoot>")]
    after = re.findall(r'class="total" title="(\d+)"', row)
    # Cars, roads, sky and void of the new side: a.png and d.png, and b.png, which is gone.
    assert sorted(map(int, after)) == sorted([2 + 4, 6, 4, 12])


def test_many_classes_are_one_row_until_they_are_asked_for(client: Client) -> None:
    drawing = " ".join(f"{number}:class-{number}" for number in range(1, 31))
    many = dataset("rainbow", drawing)
    many.visibility = "public"
    many.save()
    ids = list(range(1, 31))
    for classes in (ids, ids[1:] + ids[:1]):
        label = put_label("123456789abcdefghijklmnopqrstu", dict(zip(ids, classes, strict=True)))
        commit_to(many, [ImageChange("a.png", label=label)])
    shown = Page(client.get("/datasets/rainbow/compare/v1..v2/").content.decode())
    assert "10 others" in shown.text
    assert "?classes=all#flow" in shown.links
    shown = Page(client.get("/datasets/rainbow/compare/v1..v2/?classes=all").content.decode())
    assert "10 others" not in shown.text
    assert "?flow=30-1#images" in shown.links


def test_a_segment_that_became_stuff_is_counted_and_listed(client: Client, town: Dataset) -> None:
    commit_to(
        town,
        [ImageChange("d.png", label=put_label("33 33", {3: SKY}))],
    )
    url = "/datasets/town/compare/v2..v3/"
    shown = Page(client.get(url).content.decode())
    assert "thing → stuff 1" in shown.text
    assert "?change=thing_to_stuff#images" in shown.links
    text = Page(client.get(f"{url}?change=thing_to_stuff").content.decode()).text
    assert "1 of 1" in text


def test_each_class_is_told_with_all_measures(client: Client, town: Dataset) -> None:
    html = client.get(URL).content.decode()
    for measure in ("PQ", "SQ", "RQ", "mIoU", "boundary IoU"):
        assert f">{measure}</abbr>" in html
    # Two of the four pixels of the only car are still one: at an IoU of 0.5 it is not found.
    table = Page(html[html.index('id="per-class"') : html.index('id="download"')]).text
    assert "car thing 0.000 – 0.000 0.500 – 0 1 1" in table


def test_a_first_view_is_light(client: Client, town: Dataset) -> None:
    assert len(client.get(URL).content) < 60_000
