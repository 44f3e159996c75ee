"""The pages by which a dataset is run: who opens them, what they cost, what they are made of."""

from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.models import Dataset, Delivery, Webhook
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from people_app.actions.roles import grant_role, grant_team_role
from people_app.actions.teams import create_team
from people_app.models import User
from people_app.roles import Role
from people_app.sealing import seal_events
from tests.datasets_app.builders import author
from tests.web.builders import Page, branch, history, shared_dataset

pytestmark = pytest.mark.django_db

SETTINGS = "/datasets/town/settings/"
# Queries of an admin who is signed in; two of them are session and account.
QUERIES = {
    SETTINGS: 6,
    "/datasets/town/members/": 7,
    f"{SETTINGS}webhooks/": 5,
    f"{SETTINGS}webhooks/HOOK/": 6,
    f"{SETTINGS}webhooks/HOOK/DELIVERY/": 5,
    f"{SETTINGS}audit/": 12,
    "/audit/": 10,
    "/teams/": 4,
    "/teams/crew/": 10,
}
# What each is answered: a reader, a reviewer, and an admin of the dataset who is in the team.
STATUSES = {
    SETTINGS: (403, 403, 200),
    "/datasets/town/members/": (403, 200, 200),
    f"{SETTINGS}webhooks/": (403, 403, 200),
    f"{SETTINGS}webhooks/HOOK/": (403, 403, 200),
    f"{SETTINGS}webhooks/HOOK/DELIVERY/": (403, 403, 200),
    f"{SETTINGS}audit/": (403, 403, 200),
    "/audit/": (200, 200, 200),
    "/teams/": (200, 200, 200),
    "/teams/crew/": (404, 404, 200),
}
POSTS = [
    SETTINGS,
    "/datasets/town/members/",
    f"{SETTINGS}webhooks/",
    f"{SETTINGS}webhooks/HOOK/",
    f"{SETTINGS}webhooks/HOOK/DELIVERY/again/",
]


@pytest.fixture
def town() -> Dataset:
    """A dataset with something on each of its pages."""
    dataset = shared_dataset("town")
    _, second = history(dataset)
    branch(dataset, "feature/night", second)
    hook = create_webhook(
        dataset=dataset, url="https://example.org/", events=["tag.created"], actor=author()
    )
    ping_webhook(webhook=hook.webhook, actor=author())
    grant_role(user=admin_of(dataset), resource=dataset, role=Role.ADMIN, actor=author())
    seal_events()
    return dataset


def admin_of(dataset: Dataset) -> User:
    user = User.objects.create_user("alma", password="correct horse")
    team = create_team(slug="crew", actor=user)
    for resource in (dataset, dataset.taxonomy):
        grant_team_role(team=team, resource=resource, role=Role.READER, actor=user)
    return user


def path_of(url: str) -> str:
    keys = {"HOOK": Webhook.objects.get().pk, "DELIVERY": Delivery.objects.get().pk}
    for name, key in keys.items():
        url = url.replace(name, str(key))
    return url


@pytest.fixture
def admin(town: Dataset, client: Client) -> Client:
    client.force_login(User.objects.get(username="alma"))
    return client


@pytest.mark.parametrize(("url", "queries"), QUERIES.items())
def test_a_page_costs_no_more_queries_than_pinned(
    admin: Client, url: str, queries: int, django_assert_max_num_queries
) -> None:
    path = path_of(url)
    assert queries <= 15
    with django_assert_max_num_queries(queries):
        assert admin.get(path).status_code == 200


def test_every_page_is_whole_and_all_links_lead_somewhere(admin: Client) -> None:
    inside = set()
    for url in QUERIES:
        response = admin.get(path_of(url))
        page = Page(response.content.decode())
        assert (page.headings, page.inline) == (1, []), url
        assert "unsafe" not in response["Content-Security-Policy"]
        inside |= {link.partition("#")[0] for link in page.links if link.startswith("/")}
    found = {link: admin.get(link).status_code for link in inside}
    assert found == dict.fromkeys(inside, 200)


def test_who_opens_which_page(town: Dataset) -> None:
    found = {}
    callers = [person(town, Role.READER), person(town, Role.REVIEWER), "alma"]
    for url in STATUSES:
        found[url] = tuple(signed_in(name).get(path_of(url)).status_code for name in callers)
    assert found == STATUSES


def test_a_stranger_is_told_that_there_is_nothing(town: Dataset) -> None:
    User.objects.create_user("eve")
    for url in STATUSES:
        if "town" in url or "crew" in url:
            assert signed_in("eve").get(path_of(url)).status_code == 404, url
    for url in POSTS:
        assert signed_in("eve").post(path_of(url), {"act": "delete"}).status_code == 404, url


def test_who_is_not_signed_in_is_asked_to_whether_or_not_it_is_there(
    town: Dataset, client: Client
) -> None:
    for url in [*STATUSES, "/datasets/nowhere/settings/", "/teams/nowhere/"]:
        path = path_of(url)
        assert client.get(path).url == f"/sign-in/?next={path}"
    for url in POSTS:
        assert client.post(path_of(url), {"act": "delete"}).url.startswith("/sign-in/")


def test_only_admins_post(town: Dataset) -> None:
    callers = [person(town, Role.READER), person(town, Role.REVIEWER)]
    for url in POSTS:
        for name in callers:
            assert signed_in(name).post(path_of(url), {"act": "delete"}).status_code == 403, url
    assert Webhook.objects.count() == 1


@pytest.mark.parametrize("query", ["?after=%00", "?after=zz", "?after=" + "9" * 40, "?state=%00"])
def test_odd_parameters_are_no_error(admin: Client, query: str) -> None:
    assert {url: admin.get(path_of(url) + query).status_code for url in QUERIES} == dict.fromkeys(
        QUERIES, 200
    )


def test_a_menu_leads_to_what_is_ones_own(admin: Client) -> None:
    links = Page(admin.get("/").content.decode()).links
    assert {"/account/", "/teams/", "/audit/"} <= set(links)
    assert "/admin/" not in links


def person(dataset: Dataset, role: Role) -> str:
    name = f"a-{role.value}"
    grant_role(user=User.objects.create_user(name), resource=dataset, role=role, actor=author())
    return name


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client
