from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from tests.datasets_app.builders import commit_to, names
from tests.web.builders import Page, branch, history, member, migrated, shared_dataset

pytestmark = pytest.mark.django_db


def page(client: Client, url: str) -> Page:
    return Page(client.get(url).content.decode())


def test_the_list_holds_public_datasets_and_ones_own(client: Client) -> None:
    shared_dataset("open", public=True)
    mine = shared_dataset("mine")
    shared_dataset("theirs")
    client.force_login(member(mine))
    text = page(client, "/").text
    assert "The open" in text
    assert "The mine" in text
    assert "The theirs" not in text


def test_an_empty_list_says_which_command_makes_a_dataset(client: Client) -> None:
    assert "manage.py create_sample" in page(client, "/").text


def test_a_dataset_without_versions_says_how_to_import(client: Client) -> None:
    shared_dataset("open", public=True)
    assert "manage.py import_labels open" in page(client, "/datasets/open/").text


def test_the_list_goes_on_after_a_page(client: Client) -> None:
    for number in range(26):
        shared_dataset(f"d{number:02}", public=True)
    first = page(client, "/")
    assert "?after=d23" in first.links
    assert "The d25" not in first.text
    assert "The d25" in page(client, "/?after=d23").text


def test_a_card_shows_pictures_of_the_newest_version(client: Client) -> None:
    dataset = shared_dataset("open", public=True)
    _, second = history(dataset)
    sources = [picture["src"] for picture in page(client, "/").pictures]
    start = f"/api/v1/datasets/open/versions/{second.id_hex}/images/"
    assert sources == [f"{start}{number}/thumbnail.webp?size=320" for number in (1, 3, 4)]


def test_the_cost_of_the_list_does_not_grow_with_the_datasets(
    client: Client, django_assert_max_num_queries
) -> None:
    for number in range(5):
        history(shared_dataset(f"d{number}", public=True))
    with django_assert_max_num_queries(7):
        client.get("/")


def test_the_log_tells_what_every_version_changed(client: Client) -> None:
    history(shared_dataset("open", public=True))
    text = page(client, "/datasets/open/").text
    assert text.index("Mend the car") < text.index("Begin")
    assert "+1 ~1 −1" in text


def test_the_log_is_that_of_the_branch_asked_for(client: Client) -> None:
    dataset = shared_dataset("open", public=True)
    first, _ = history(dataset)
    branch(dataset, "feature/night", first)
    text = page(client, "/datasets/open/?branch=feature/night").text
    assert "Begin" in text
    assert "Mend the car" not in text


def test_the_log_goes_on_after_a_page(client: Client) -> None:
    dataset = shared_dataset("open", public=True)
    for number in range(27):
        commit_to(dataset, names(f"{number}.png"), message=f"Step {number}.")
    first = page(client, "/datasets/open/")
    assert "Step 1." not in first.text
    assert "?branch=main&after=2" in first.links
    assert "Step 1." in page(client, "/datasets/open/?branch=main&after=2").text


def test_what_people_wrote_is_text_and_no_markup(client: Client) -> None:
    dataset = shared_dataset("open", public=True)
    commit_to(dataset, [ImageChange("<b>.png")], message="<script>alert(1)</script>")
    for url in ("/datasets/open/", "/datasets/open/versions/v1/", "/datasets/open/images/v1/"):
        html = client.get(url).content.decode()
        assert "<script>alert" not in html
        assert "<b>.png" not in html


def test_the_log_says_where_a_branch_moved_to_another_taxonomy_version(client: Client) -> None:
    dataset = shared_dataset(public=True)
    migrated(dataset, history(dataset)[1])
    text = Page(client.get("/datasets/town/").content.decode()).text
    assert text.count("taxonomy 1 → 2") == 1
