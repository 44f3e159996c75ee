"""Every page: who sees it, what it costs, and that a strict CSP finds nothing to forbid."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from datasets_app.models import Dataset, Job
from people_app.models import User
from tests.web.builders import Page, branch, history, member, shared_dataset

pytestmark = pytest.mark.django_db

# Queries of a reader who is signed in (two of them are session and account), once the
# comparison has been made and the classes are known.
PAGES = {
    "/datasets/town/": 13,
    "/datasets/town/?all=1": 14,
    "/datasets/town/branches/": 8,
    "/datasets/town/search/?q=a": 17,
    "/datasets/town/versions/v2/": 11,
    "/datasets/town/images/v2/": 14,
    "/datasets/town/images/v2/?class=2": 16,
    "/datasets/town/images/v2/?prefix=a": 13,
    "/datasets/town/images/v2/?q=area>2": 15,
    "/datasets/town/images/v2:1/": 16,
    "/datasets/town/images/v2:1/?q=class:car": 18,
    "/datasets/town/compare/": 6,
    "/datasets/town/compare/v1..v2/": 13,
    "/datasets/town/compare/v1..v2:1/": 15,
    "/datasets/town/compare/v1...feature/night/": 15,
}
OPEN = {"/": 9, "/jobs/": 4}


@pytest.fixture
def town() -> Dataset:
    dataset = shared_dataset("town")
    _, second = history(dataset)
    branch(dataset, "feature/night", second)
    return dataset


@pytest.fixture
def reader(town: Dataset, client: Client) -> Client:
    client.force_login(member(town))
    return client


@pytest.mark.parametrize("url", PAGES)
def test_a_member_sees_the_page(reader: Client, url: str) -> None:
    assert reader.get(url).status_code == 200


@pytest.mark.parametrize("url", PAGES)
def test_a_stranger_is_told_that_there_is_nothing(town: Dataset, client: Client, url: str) -> None:
    client.force_login(User.objects.create_user("stranger"))
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("url", PAGES)
def test_nobody_in_particular_is_told_that_there_is_nothing(
    town: Dataset, client: Client, url: str
) -> None:
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("url", PAGES)
def test_a_public_dataset_is_open_to_everyone(client: Client, url: str) -> None:
    dataset = shared_dataset("town", public=True)
    _, second = history(dataset)
    branch(dataset, "feature/night", second)
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(("url", "queries"), [*PAGES.items(), *OPEN.items()])
def test_a_page_costs_no_more_queries_than_pinned(
    reader: Client, url: str, queries: int, django_assert_max_num_queries
) -> None:
    reader.get(url)
    with django_assert_max_num_queries(queries):
        reader.get(url)


@pytest.mark.parametrize("url", [*PAGES, *OPEN, "/datasets/nowhere/"])
def test_a_page_has_nothing_inline_and_says_so_in_its_policy(reader: Client, url: str) -> None:
    response = reader.get(url)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert Page(response.content.decode()).inline == []


@pytest.mark.parametrize("url", [*PAGES, *OPEN])
def test_a_page_has_one_heading_and_pictures_that_keep_their_place(
    reader: Client, url: str
) -> None:
    page = Page(reader.get(url).content.decode())
    assert page.headings == 1
    assert all(
        "alt" in picture and picture.get("width") and picture.get("height")
        for picture in page.pictures
    )


@pytest.mark.parametrize("url", PAGES)
def test_links_of_a_page_lead_somewhere(reader: Client, url: str) -> None:
    page = Page(reader.get(url).content.decode())
    inside = {link.partition("#")[0] for link in page.links if link.startswith("/datasets/")}
    assert {link: reader.get(link).status_code for link in inside} == dict.fromkeys(inside, 200)


@pytest.mark.parametrize(
    "url",
    [
        "/datasets/nowhere/",
        "/datasets/town/?branch=nowhere",
        "/datasets/town/versions/nowhere/",
        "/datasets/town/versions/v2~9/",
        "/datasets/town/versions/deadbeef/",
        "/datasets/town/images/v2:999999999/",
        "/datasets/town/images/v2:2/",
        "/datasets/town/images/v2/?cursor=nonsense",
        "/datasets/town/compare/v1..nowhere/",
        "/datasets/town/compare/v1..v2:77/",
        "/datasets/town/images/v2:3/semantic.png",
        "/datasets/town/images/v2:1/other.png",
        "/jobs/00000000-0000-0000-0000-000000000000/",
        "/nothing/",
    ],
)
def test_what_is_not_there_answers_404_in_the_style_of_the_house(reader: Client, url: str) -> None:
    response = reader.get(url)
    assert response.status_code == 404
    assert "Tessera" in response.content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "/?after=%00",
        "/datasets/town/?after=x&branch=main",
        "/datasets/town/?after=99999999999999999999",
        "/datasets/town/versions/v2/?split=none",
        "/datasets/town/images/v2/?class=999999&status=odd&show=odd",
        "/datasets/town/images/v2/?class=²",
        "/datasets/town/images/v2/?prefix=%00",
        "/datasets/town/images/v2/?split=%00",
        "/datasets/town/compare/v1..v2/?show=odd&cursor=odd",
        "/datasets/town/compare/v1..v2/?cursor=999999999999999999-999999999",
        "/datasets/town/compare/?old=%00",
        "/jobs/?after=odd",
        "/jobs/?after=2026-02-30T00:00:00Z",
    ],
)
def test_odd_parameters_are_no_error(reader: Client, url: str) -> None:
    assert reader.get(url).status_code == 200


def test_posting_to_a_page_is_refused(reader: Client) -> None:
    assert reader.post("/datasets/town/").status_code == 405


def test_jobs_of_other_people_are_not_listed(town: Dataset, client: Client) -> None:
    job = Job.objects.create(kind="import", dataset=town)
    client.force_login(User.objects.create_user("stranger"))
    assert str(job.pk) not in client.get("/jobs/").content.decode()
    assert client.get(f"/jobs/{job.pk}/").status_code == 404


def test_the_page_of_a_server_error_needs_no_context(rf: RequestFactory) -> None:
    response = server_error(rf.get("/"))
    assert response.status_code == 500
    assert "Something broke" in response.content.decode()
