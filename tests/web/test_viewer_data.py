"""What the viewer is told: the same as the page beside it, and addresses that the API answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset, Photo
from labels_app.reading import reading_of
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from store_app.erasure import mark_erased
from tests.api.builders import pixels_of
from tests.builders import stack
from tests.datasets_app.builders import commit_to, put_label
from tests.web.builders import CAR, ROAD, history, migrated, shared_dataset
from web.comparing.drawing import kinds_json, pixels_json
from web.comparing.image import read_image_comparison

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> tuple[Dataset, Any, Any]:
    dataset = shared_dataset("town", public=True)
    return dataset, *history(dataset)


def told(client: Client, spec: str) -> dict[str, Any]:
    response = client.get(f"/datasets/town/{spec}/viewer.json")
    assert response.status_code == 200
    return response.json()


def ids_of(client: Client, url: str) -> list[list[int]]:
    rgb = pixels_of(client.get(url).content).astype(int)
    return (rgb @ np.array([1, 256, 65536])).tolist()


def test_changes_come_as_the_page_lists_them(client: Client, town) -> None:
    _, first, second = town
    image = read_image_comparison(first, second, reading_of(second.taxonomy_version), 1)
    body = told(client, "compare/v1..v2:1")
    rows = [(row.words.value, [row.left, row.top, row.width, row.height]) for row in image.rows]
    assert [(one["kind"], one["box"]) for one in body["changes"]] == rows
    assert [one["number"] for one in body["changes"]] == list(range(1, len(rows) + 1))


def test_segments_are_columns_and_their_classes_are_told(client: Client, town) -> None:
    side = told(client, "compare/v1..v2:1")["sides"]["new"]
    assert side["segments"] == {
        "id": [1, 2, 3], "class_id": [1, 2, 3], "layer": [0, 0, 0], "crowd": [0, 0, 0],
        "area": [6, 2, 4], "box": [[0, 1, 3, 2], [3, 1, 1, 2], [0, 0, 4, 1]],
    }  # fmt: skip
    assert side["classes"]["2"] == {"name": "car", "kind": "thing", "color": "#000002"}


def test_the_ids_are_where_it_says(client: Client, town) -> None:
    sides = told(client, "compare/v1..v2:1")["sides"]
    assert ids_of(client, sides["old"]["panoptic"])[1] == [1, 1, 2, 2]
    assert ids_of(client, sides["new"]["panoptic"])[1] == [1, 1, 1, 2]
    assert client.get(sides["new"]["photo"]).status_code == 200


def test_addresses_are_kept_for_ever_and_the_json_is_asked_for_again(client: Client, town) -> None:
    response = client.get("/datasets/town/compare/v1..main:1/viewer.json")
    assert response["Cache-Control"] == "private, no-cache"
    side = response.json()["sides"]["new"]
    assert "immutable" in client.get(side["panoptic"])["Cache-Control"]
    url = "/datasets/town/compare/v1..main:1/viewer.json"
    assert client.get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304
    other = client.get("/datasets/town/compare/v1..v1:1/viewer.json")
    assert other["ETag"] != response["ETag"]


def test_a_later_taxonomy_reads_both_sides(client: Client, town) -> None:
    dataset, _, second = town
    migrated(dataset, second)
    sides = told(client, "compare/v1..v3:1")["sides"]
    assert [sides[name]["classes"]["2"]["name"] for name in ("old", "new")] == ["automobile"] * 2
    assert sides["old"]["panoptic"].endswith("%402")
    assert "?" not in sides["new"]["panoptic"]
    assert ids_of(client, sides["old"]["panoptic"])[1] == [1, 1, 2, 2]


def test_every_layer_has_an_address(client: Client, town) -> None:
    label = stack("1111 1111", ".22. .22.", "..33 ....", classes={1: ROAD, 2: CAR, 3: CAR})
    packed = pack_label(label)
    register_labels([packed])
    commit_to(town[0], [ImageChange("e.png", label=packed.digest)])
    layers = told(client, "images/v3:5")["sides"]["new"]["layers"]
    assert [ids_of(client, layer)[0] for layer in layers] == [
        [1, 1, 1, 1], [0, 2, 2, 0], [0, 0, 3, 3],
    ]  # fmt: skip


def test_one_image_alone_has_one_side(client: Client, town) -> None:
    body = told(client, "images/v2:1")
    assert (body["compared"], body["sides"]["old"], body["changes"]) == (False, None, [])
    assert (body["width"], body["height"]) == (4, 3)


def test_a_side_that_lacks_the_image_is_null(client: Client, town) -> None:
    assert told(client, "compare/v1..v2:2")["sides"]["new"] is None
    assert told(client, "compare/v1..v2:4")["sides"]["old"] is None


def test_a_photograph_alone_gives_the_size(client: Client, town) -> None:
    body = told(client, "compare/v1..v2:3")
    assert (body["width"], body["height"]) == (4, 3)
    assert body["sides"]["new"]["panoptic"] is None
    assert body["sides"]["new"]["photo"] is not None


def test_labels_of_two_sizes_keep_their_own(client: Client, town) -> None:
    commit_to(town[0], [ImageChange("a.png", label=put_label("11111 11111", {1: ROAD}))])
    body = told(client, "compare/v2..v3:1")
    assert body["resized"]
    assert [body["sides"][name]["width"] for name in ("old", "new")] == [4, 5]
    assert body["sides"]["new"]["photo_problem"] == (
        "The photograph has 4 × 3 pixels, the label 5 × 2."
    )


def test_an_erased_photograph_has_no_address_but_a_reason(client: Client, town) -> None:
    before = client.get("/datasets/town/images/v2:1/viewer.json")["ETag"]
    mark_erased([bytes(photo.digest) for photo in Photo.objects.all()], reason="asked")
    side = told(client, "images/v2:1")["sides"]["new"]
    assert (side["photo"], side["photo_problem"]) == (None, "The photograph was erased.")
    assert client.get("/datasets/town/images/v2:1/viewer.json")["ETag"] != before


def test_kinds_differ_in_more_than_their_colours() -> None:
    kinds = kinds_json()
    assert len({kind["sign"] for kind in kinds.values()}) == len(kinds)
    patterned = [kind["pattern"] for kind in kinds.values() if kind["pattern"] != "none"]
    assert len(set(patterned)) == len(patterned) == 5
    assert [one["pattern"] for one in pixels_json()] == ["dots", "hatch", "cross", "none"]


@pytest.mark.parametrize("spec", ["compare/v1..v2:9", "images/v1:9", "images/nothing:1"])
def test_what_is_not_there_is_not_found(client: Client, town, spec: str) -> None:
    assert client.get(f"/datasets/town/{spec}/viewer.json").status_code == 404


def test_a_layer_that_is_not_there_is_not_found(client: Client, town) -> None:
    image = "/api/v1/datasets/town/versions/v2/images/1/panoptic.png"
    assert client.get(f"{image}?layer=0").status_code == 200
    assert client.get(f"{image}?layer=1").status_code == 404
    assert client.get(f"{image}?layer=-1").status_code == 400
