"""2,500 images: a page reads what it shows, not what there is."""

import pytest
from rest_framework.test import APIClient

from datasets_app.staging import ImageChange
from tests.api.builders import CAR, ROAD, STREETS, build_world, person, walk
from tests.datasets_app.builders import commit_to, put_label
from tests.datasets_app.counting import count_rows

IMAGES = 2_500
LIMIT = 50


@pytest.fixture
def client(db):
    world = build_world()
    plain, rare = put_label("11", {1: ROAD}), put_label("12", {1: ROAD, 2: CAR})
    commit_to(
        world.dataset,
        (
            ImageChange(f"x/{number:05}.png", label=rare if number % 500 == 7 else plain,
                        split="val" if number % 2 else "train")
            for number in range(IMAGES)
        ),
    )  # fmt: skip
    changed = [ImageChange(f"x/{number:05}.png", label=rare) for number in range(0, 300, 3)]
    commit_to(world.dataset, changed)
    client = APIClient()
    client.force_authenticate(person("ada"))
    return client


@pytest.mark.parametrize(
    ("url", "queries"),
    [
        (f"{STREETS}/versions/main/images/", 10),
        (f"{STREETS}/versions/main/images/?split=val", 12),
        (f"{STREETS}/versions/main/images/?prefix=x/", 10),
        (f"{STREETS}/versions/main/images/?prefix=x/&split=val", 20),
        (f"{STREETS}/compare/main~..main/images/", 21),
        (f"{STREETS}/compare/v3..main/images/", 19),
        (f"{STREETS}/compare/v3..main/images/?class=car", 18),
    ],
)
def test_a_page_costs_what_it_shows(client, url, queries):
    client.get(url)
    joint = "&" if "?" in url else "?"
    page = client.get(f"{url}{joint}limit={LIMIT}").json()
    for _ in range(2):
        with count_rows() as cost:
            response = client.get(page["next"])
        page = response.json()
        assert len(page["results"]) == LIMIT or page["next"] is None
        assert cost.queries <= queries
        assert cost.rows <= 20 * LIMIT
        if page["next"] is None:
            break


def test_a_list_of_a_rare_class_costs_what_it_shows(client):
    url = f"{STREETS}/versions/v4/images/?class=car"
    client.get(url)
    with count_rows() as cost:
        found = client.get(url).json()["results"]
    names = [row["name"] for row in found]
    assert names == [
        "a.png",
        "b.png",
        "night/d.png",
        *(f"x/{n:05}.png" for n in range(7, 2_500, 500)),
    ]
    assert cost.rows <= 20 * len(found)


def test_a_walk_over_everything_meets_each_image_once(client):
    names = [row["name"] for row in walk(client, f"{STREETS}/versions/main/images/?limit=400")]
    assert len(names) == len(set(names)) == IMAGES + 3


def test_images_are_counted_without_their_pixels(client):
    body = client.get(f"{STREETS}/compare/v3..main/").json()
    assert body["images"]["added"] == IMAGES
    assert body["pending"] is False
