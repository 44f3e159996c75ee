from __future__ import annotations

import pytest
from django.test import Client

import web.searching
from datasets_app.actions.tags import create_tag
from datasets_app.models import Dataset
from tests.datasets_app.builders import author, commit_to, names
from tests.web.builders import Page, branch, history, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> Dataset:
    dataset = shared_dataset("town", public=True)
    _, second = history(dataset)
    branch(dataset, "feature/night", second)
    create_tag(dataset=dataset, name="release/1", version=second, actor=author())
    return dataset


def links(client: Client, text: str, **more: str) -> list[str]:
    response = client.get("/datasets/town/search/", {"q": text, **more})
    assert response.status_code == 200
    return Page(response.content.decode()).links


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.p", "/datasets/town/images/main:1/"),
        (".PNG", "/datasets/town/images/main:3/"),
        ("4", "/datasets/town/images/main:4/"),
        ("night", "/datasets/town/?branch=feature/night"),
        ("REL", "/datasets/town/versions/release/1/"),
        ("ca", "/datasets/town/images/main/?q=class%3Acar"),
    ],
)
def test_a_piece_of_a_name_finds_it(client: Client, town: Dataset, text: str, found: str) -> None:
    assert found in links(client, text)


@pytest.mark.parametrize("text", ["mend the", "v2", "2", "{id:.7}", "{id}"])
def test_a_version_is_found_by_message_number_and_id(
    client: Client, town: Dataset, text: str
) -> None:
    version = town.versions.get(number=2)
    asked = text.format(id=version.id_hex)
    assert f"/datasets/town/versions/{version.id_hex}/" in links(client, asked)


def test_an_image_that_is_gone_is_not_found(client: Client, town: Dataset) -> None:
    assert not any("main:2/" in link for link in links(client, "b.png"))


@pytest.mark.parametrize("text", ["", "unicorn", "%", "\x00", "'", "x" * 500])
def test_what_is_nowhere_is_said_to_be(client: Client, town: Dataset, text: str) -> None:
    assert not any("main:" in link for link in links(client, text))


def test_names_are_looked_into_stretch_after_stretch(
    client: Client, town: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_to(town, names(*(f"{number}.png" for number in range(9))))
    monkeypatch.setattr(web.searching, "_NAMES_AT_ONCE", 5)
    first = links(client, ".png")
    assert "?q=.png&after=5" in first
    assert "/datasets/town/images/main:10/" in links(client, ".png", after="5")


def test_a_dataset_without_a_version_is_searched_too(client: Client) -> None:
    shared_dataset("town", public=True)
    assert links(client, "a")


def test_a_search_costs_few_queries(
    client: Client, town: Dataset, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(15):
        client.get("/datasets/town/search/?q=a")


def test_datasets_are_found_by_title_and_slug(client: Client, town: Dataset) -> None:
    shared_dataset("fields", public=True)
    text = Page(client.get("/?q=FIEL").content.decode()).text
    assert "The fields" in text
    assert "The town" not in text
    assert "No dataset like this" in Page(client.get("/?q=unicorn").content.decode()).text
