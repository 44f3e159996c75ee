from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.tags import create_tag
from tests.datasets_app.builders import author
from tests.web.builders import Page, branch, history, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    dataset = shared_dataset("town", public=True)
    return dataset, *history(dataset)


def text(client: Client, url: str) -> str:
    return Page(client.get(url).content.decode()).text


def test_a_version_is_found_by_number_branch_tag_and_id(client: Client, town) -> None:
    dataset, _, second = town
    branch(dataset, "feature/night", second)
    create_tag(dataset=dataset, name="release/1", version=second, actor=author())
    for rev in ("v2", "main", "feature/night", "release/1", second.id_hex, second.id_hex[:9]):
        assert "v2 Mend the car" in text(client, f"/datasets/town/versions/{rev}/")
    assert "v1 Begin" in text(client, "/datasets/town/versions/feature/night~1/")


def test_statistics_count_images_segments_and_pixels_of_a_class(client: Client, town) -> None:
    # v2: the car has 2 pixels in a.png and all 4 of d.png.
    assert "car thing 2 2 +1 6 37.5 %" in text(client, "/datasets/town/versions/v2/")


def test_statistics_of_one_split_count_its_images_alone(client: Client, town) -> None:
    shown = text(client, "/datasets/town/versions/v2/?split=val")
    assert "Classes in val" in shown
    assert "car thing 1 1 +1 4 100.0 %" in shown


def test_the_unlabelled_share_is_of_images(client: Client, town) -> None:
    assert "Unlabelled images 33.3 % 1 of 3" in text(client, "/datasets/town/versions/v2/")
