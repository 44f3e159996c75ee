from __future__ import annotations

import io

import numpy as np
import pytest
from django.test import Client
from PIL import Image as Picture

from datasets_app.actions.commits import ImageChange
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import label_from_id_map
from panoptic.segments import Origin, Segment
from tests.datasets_app.builders import commit_to, names, put_label
from tests.web.builders import CAR, ROAD, Page, history, member, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    dataset = shared_dataset("town", public=True)
    return dataset, *history(dataset)


def page(client: Client, url: str) -> Page:
    return Page(client.get(url).content.decode())


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["a.png", "c.png", "d.png"]),
        ("?class=2", ["a.png", "d.png"]),
        ("?split=val", ["d.png"]),
        ("?status=reviewed", ["a.png"]),
        ("?prefix=c", ["c.png"]),
        ("?class=2&split=train", ["a.png"]),
        ("?class=2&split=test", []),
        ("?q=class:car+split:val", ["d.png"]),
        ("?q=class:car+area>3", ["d.png"]),
        ("?q=-class:car", ["c.png"]),
        ("?q=split:val&was=split:val&split=", ["a.png", "c.png", "d.png"]),
        ("?q=split:val&was=split:val&split=train", ["a.png"]),
        ("?q=class:car&was=&split=", ["a.png", "d.png"]),
        ("?q=class:car&was=class:car&class=car&area=3", ["d.png"]),
    ],
)
def test_the_grid_shows_what_matches(client: Client, town, query: str, shown: list[str]) -> None:
    text = page(client, f"/datasets/town/images/v2/{query}").text
    assert [name for name in ("a.png", "b.png", "c.png", "d.png") if name in text] == shown


def test_the_grid_keeps_its_filter_on_the_next_page(client: Client) -> None:
    dataset = shared_dataset("wide", public=True)
    commit_to(dataset, names(*(f"{number:03}.png" for number in range(70)), split="train"))
    first = page(client, "/datasets/wide/images/main/?q=split:train")
    following = next(link for link in first.links if "cursor=" in link)
    assert "q=split%3Atrain" in following
    assert "069.png" in page(client, f"/datasets/wide/images/main/{following}").text


def test_the_grid_of_a_whole_version_begins_at_any_place(client: Client) -> None:
    dataset = shared_dataset("wide", public=True)
    commit_to(dataset, names(*(f"{number:03}.png" for number in range(200))))
    commit_to(dataset, names(*(f"{number:03}.png" for number in range(0, 200, 2)), delete=True))
    shown = page(client, "/datasets/wide/images/main/?from=60")
    assert [name for name in ("119.png", "121.png", "199.png") if name in shown.text] == [
        "121.png", "199.png",
    ]  # fmt: skip


def test_a_part_of_the_grid_is_its_cells_alone(client: Client, town) -> None:
    html = client.get("/datasets/town/images/v2/?part=1&q=class:car").content.decode()
    assert html.startswith("<ul")
    assert "a.png" in html
    assert "<html" not in html


@pytest.mark.parametrize("query", ["q=split:val", "q=class:car+area>0", "q=prefix:a", ""])
def test_an_image_of_the_grid_is_opened_with_its_filter(client: Client, town, query: str) -> None:
    links = page(client, f"/datasets/town/images/v2/?{query}").links
    opened = next(link for link in links if "/images/v2:" in link)
    assert ("?q=" in opened) == bool(query)


def test_a_filter_that_means_nothing_is_told_with_its_place(client: Client, town) -> None:
    response = client.get("/datasets/town/images/v2/?q=split:val+class:unicorn")
    assert response.status_code == 400
    text = Page(response.content.decode()).text
    assert "no class 'unicorn' (at character 11)" in text


def test_a_page_that_found_nothing_says_how_many_it_looked_at(client: Client) -> None:
    dataset = shared_dataset("wide", public=True)
    commit_to(
        dataset,
        names(*(f"{n:03}.png" for n in range(250)), label=put_label("1", {1: ROAD})),
    )
    text = page(client, "/datasets/wide/images/main/?q=area>5").text
    assert "240 images were looked at, and none matches" in text
    assert "Look farther" in text


@pytest.mark.parametrize("query", ["", "?q=class:car", "?q=class:car+area>1", "?q=-split:val"])
def test_the_first_view_of_the_grid_costs_few_queries_whatever_the_number_of_images(
    client: Client, query: str, django_assert_max_num_queries
) -> None:
    dataset = shared_dataset("wide", public=True)
    car = put_label("122", {1: ROAD, 2: CAR})
    commit_to(dataset, names(*(f"{n:04}.png" for n in range(700)), label=car))
    with django_assert_max_num_queries(15):
        response = client.get(f"/datasets/wide/images/main/{query}")
    assert len(response.content) < 100_000


def test_the_next_image_of_a_filter_may_be_far(client: Client) -> None:
    dataset = shared_dataset("wide", public=True)
    commit_to(dataset, names(*(f"{n:03}" for n in range(300))))
    car = put_label("2", {2: CAR})
    commit_to(dataset, names("001", "299", label=car))
    links = page(client, "/datasets/wide/images/main:2/?q=count>0").links
    assert any("cursor=" in link for link in links)
    assert (
        "/datasets/wide/images/main:300/?q=class%3Acar"
        in page(client, "/datasets/wide/images/main:2/?q=class:car").links
    )
    assert (
        "/datasets/wide/images/main:2/?q=count%3E0"
        in page(client, "/datasets/wide/images/main:300/?q=count>0").links
    )


def test_next_and_previous_keep_to_the_filter(client: Client) -> None:
    dataset = shared_dataset("wide", public=True)
    commit_to(dataset, names(*(f"{n:02}" for n in range(9)), split="val"))
    commit_to(dataset, names("03", "05", split="train"))
    links = page(client, "/datasets/wide/images/main:5/?q=split:val").links
    assert "/datasets/wide/images/main:3/?q=split%3Aval" in links
    assert "/datasets/wide/images/main:7/?q=split%3Aval" in links


def test_pictures_of_the_grid_are_named_by_the_full_id(client: Client, town) -> None:
    _, _, second = town
    sources = [p["src"] for p in page(client, "/datasets/town/images/main/?show=photo").pictures]
    assert sources[0] == (
        f"/api/v1/datasets/town/versions/{second.id_hex}/images/1/thumbnail.webp"
        "?size=400&layer=photo"
    )


def test_an_image_shows_its_photograph_and_three_views(client: Client, town) -> None:
    shown = page(client, "/datasets/town/images/v2:1/").pictures
    assert [p["src"].rpartition("/")[2] for p in shown] == [
        "photo", "semantic.png", "instances.png", "panoptic.png",
    ]  # fmt: skip


def test_the_segment_table_tells_class_area_and_box(client: Client, town) -> None:
    html = client.get("/datasets/town/images/v2:1/").content.decode()
    assert 'data-segment="2" data-box="3,1,1,2"' in html
    assert "car #2 2" in Page(html).text


def test_a_segment_tells_its_attributes_and_which_model_said_so(client: Client) -> None:
    dataset = shared_dataset("pair", public=True)
    said = Segment(1, CAR, score=0.5, origin=Origin("segmenter", "7"), attributes={"door": "open"})
    packed = pack_label(label_from_id_map(np.ones((1, 1), np.uint32), [said]))
    register_labels([packed])
    commit_to(dataset, [ImageChange("a.png", label=packed.digest)])
    text = page(client, "/datasets/pair/images/main:1/").text
    assert "car door: open, by segmenter 7 #1 1 0.500" in text


def test_segments_beyond_the_first_are_sent_when_they_are_asked_for(client: Client) -> None:
    dataset = shared_dataset("many", public=True)
    plane = np.arange(1, 251, dtype=np.uint32).reshape(1, -1)
    packed = pack_label(label_from_id_map(plane, [Segment(n, CAR) for n in range(1, 251)]))
    register_labels([packed])
    commit_to(dataset, [ImageChange("a.png", label=packed.digest)])
    first = client.get("/datasets/many/images/main:1/").content.decode()
    rest = client.get("/datasets/many/images/main:1/?rows=200").content.decode()
    assert (first.count("data-segment="), rest.count("data-segment=")) == (200, 50)


def test_an_image_without_a_label_says_so(client: Client, town) -> None:
    assert "Nobody has labelled this image" in page(client, "/datasets/town/images/v2:3/").text


def test_the_history_leads_to_what_each_version_changed(client: Client, town) -> None:
    _, first, second = town
    shown = page(client, "/datasets/town/images/v2:1/")
    assert f"/datasets/town/compare/{first.id_hex}..{second.id_hex}:1/" in shown.links
    assert shown.text.index("v2 Mend the car") < shown.text.index("v1 Begin")


def test_next_and_previous_skip_images_that_are_gone(client: Client, town) -> None:
    assert "/datasets/town/images/v2:3/" in page(client, "/datasets/town/images/v2:1/").links
    assert "/datasets/town/images/v2:1/" in page(client, "/datasets/town/images/v2:3/").links


def test_next_and_previous_cross_a_wide_gap(client: Client) -> None:
    dataset = shared_dataset("gap", public=True)
    all_names = [f"{number:03}.png" for number in range(1, 202)]
    commit_to(dataset, names(*all_names))
    commit_to(dataset, names(*all_names[1:-1], delete=True))
    assert "/datasets/gap/images/v2:201/" in page(client, "/datasets/gap/images/v2:1/").links
    assert "/datasets/gap/images/v2:1/" in page(client, "/datasets/gap/images/v2:201/").links


def colors(client: Client, view: str) -> list[tuple[int, int, int]]:
    response = client.get(f"/datasets/pair/images/v1:1/{view}.png")
    picture = Picture.open(io.BytesIO(response.content))
    return [picture.getpixel((column, 0)) for column in range(picture.width)]


def test_views_differ_in_what_has_a_colour_of_its_own(client: Client) -> None:
    dataset = shared_dataset("pair", public=True)
    label = put_label("123.", {1: ROAD, 2: CAR, 3: CAR})
    commit_to(dataset, [ImageChange("a.png", label=label)])
    road, one, other, void = colors(client, "semantic")
    assert one == other != road
    assert void == (0, 0, 0)
    road, one, other, void = colors(client, "panoptic")
    assert len({road, one, other, void}) == 4
    stuff, one, other, void = colors(client, "instances")
    assert stuff == (44, 49, 58)
    assert len({stuff, one, other, void}) == 4


def test_a_picture_is_kept_by_its_reader(client: Client, town) -> None:
    _, _, second = town
    url = f"/datasets/town/images/{second.id_hex}:1/semantic.png"
    first = client.get(url)
    assert "immutable" in first["Cache-Control"]
    assert "private" in first["Cache-Control"]
    assert client.get(url, headers={"if-none-match": first["ETag"]}).status_code == 304
    assert "immutable" not in client.get("/datasets/town/images/v2:1/semantic.png")["Cache-Control"]


def test_pictures_of_a_private_dataset_are_for_its_members(client: Client) -> None:
    dataset = shared_dataset("secret")
    history(dataset)
    url = "/datasets/secret/images/v1:1/panoptic.png"
    assert client.get(url).status_code == 404
    client.force_login(member(dataset))
    assert client.get(url).status_code == 200
