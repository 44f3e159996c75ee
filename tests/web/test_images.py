from __future__ import annotations

import io

import pytest
from django.test import Client
from PIL import Image as Picture

from datasets_app.actions.commits import ImageChange
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
    ],
)
def test_the_grid_shows_what_matches(client: Client, town, query: str, shown: list[str]) -> None:
    text = page(client, f"/datasets/town/images/v2/{query}").text
    assert [name for name in ("a.png", "b.png", "c.png", "d.png") if name in text] == shown


def test_the_grid_keeps_its_filter_on_the_next_page(client: Client) -> None:
    dataset = shared_dataset("wide", public=True)
    commit_to(dataset, names(*(f"{number:03}.png" for number in range(50)), split="train"))
    first = page(client, "/datasets/wide/images/main/?split=train")
    following = next(link for link in first.links if "cursor=" in link)
    assert "split=train" in following
    assert "049.png" in page(client, f"/datasets/wide/images/main/{following}").text


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
        "photo", "panoptic.png", "semantic.png", "instances.png",
    ]  # fmt: skip


def test_the_segment_table_tells_class_area_and_box(client: Client, town) -> None:
    assert "2 car thing 2 2 3, 1, 1, 2" in page(client, "/datasets/town/images/v2:1/").text


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
