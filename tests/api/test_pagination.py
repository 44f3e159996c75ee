import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.branches import create_branch
from datasets_app.actions.tags import create_tag
from datasets_app.jobs.queue import enqueue
from datasets_app.staging import ImageChange
from labels_app.actions.taxonomies import create_taxonomy
from people_app.actions.tokens import create_token
from tests.api.builders import API, CLASSES, STREETS, build_world, person, walk
from tests.datasets_app.builders import commit_to

LISTS = [
    f"{API}/datasets/",
    f"{STREETS}/versions/",
    f"{STREETS}/versions/?branch=main",
    f"{STREETS}/versions/main/images/",
    f"{STREETS}/versions/main/images/?split=val",
    f"{STREETS}/versions/main/images/?prefix=x",
    f"{STREETS}/versions/main/images/1/history/",
    f"{STREETS}/compare/v1..main/images/",
    f"{STREETS}/compare/v1..main/images/?order=name",
    f"{STREETS}/branches/",
    f"{STREETS}/tags/",
    f"{API}/taxonomies/",
    f"{API}/taxonomies/streets-classes/versions/",
    f"{API}/jobs/",
    f"{API}/tokens/",
]
BOTH_WAYS = [
    f"{API}/datasets/",
    f"{STREETS}/versions/",
    f"{STREETS}/compare/v1..main/images/",
    f"{STREETS}/branches/",
    f"{STREETS}/tags/",
    f"{API}/taxonomies/",
    f"{API}/jobs/",
    f"{API}/tokens/",
]


@pytest.fixture
def crowded(world, monkeypatch):
    """The world with seven of everything."""
    ada = person("ada")
    for number in range(4):
        name = f"more-{number}"
        changes = [ImageChange(f"x{number}/{place}", split="val") for place in range(3)]
        changes.append(ImageChange("a.png", split=name))
        version = commit_to(world.dataset, changes, author=ada)
        create_branch(dataset=world.dataset, name=name, head=version, actor=ada)
        create_tag(dataset=world.dataset, name=name, version=version, actor=ada)
        create_taxonomy(slug=name, classes=CLASSES, actor=ada)
        create_token(user=ada, name=name)
        build_world(name)
        enqueue("nothing", {}, actor=ada, dataset=world.dataset)
    return world


@pytest.mark.parametrize("url", LISTS)
def test_a_walk_meets_every_row_once(crowded, admin, url):
    joint = "&" if "?" in url else "?"
    at_once = admin.get(f"{url}{joint}limit=100").json()
    assert at_once["next"] is None
    for limit in (1, 2, 3):
        rows = walk(admin, f"{url}{joint}limit={limit}")
        assert [fixed(row) for row in rows] == [fixed(row) for row in at_once["results"]]


@pytest.mark.parametrize("url", BOTH_WAYS)
def test_the_way_back_meets_every_row_too(crowded, admin, url):
    page = admin.get(f"{url}?limit=2").json()
    assert page["previous"] is None
    forth = [page["results"]]
    while page["next"]:
        page = admin.get(page["next"]).json()
        forth.append(page["results"])
    back = [page["results"]]
    while page["previous"]:
        page = admin.get(page["previous"]).json()
        back.append(page["results"])
    flat_forth = [fixed(row) for rows in forth for row in rows]
    assert [fixed(row) for rows in reversed(back) for row in rows] == flat_forth
    assert len(flat_forth) > 2


@pytest.mark.parametrize("url", LISTS)
def test_no_list_counts(crowded, admin, url):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert admin.get(url).status_code == 200
    assert not any("COUNT(" in query["sql"].upper() for query in queries)


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("cursor", ["", "-1", "0", "x", "\x00", "9" * 5_000, "WyJhIl0:abc"])
def test_a_cursor_that_no_list_gave_is_refused(world, admin, url, cursor):
    path, _, query = url.partition("?")
    data = dict(pair.split("=") for pair in query.split("&") if pair) | {"cursor": cursor}
    response = admin.get(path, data)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


def test_the_cursor_of_another_list_is_refused(crowded, admin):
    following = admin.get(f"{STREETS}/branches/?limit=1").json()["next"]
    response = admin.get(f"{STREETS}/tags/?{following.partition('?')[2]}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


def test_links_are_full_urls_and_keep_the_query(crowded, admin):
    following = admin.get(f"{STREETS}/versions/main/images/?split=val&limit=2").json()["next"]
    assert following.startswith("http://testserver/api/v1/datasets/streets/versions/main/images/?")
    assert "split=val" in following
    assert "limit=2" in following


def fixed(row):
    """A row without what differs from one request to the next."""
    return {key: value for key, value in row.items() if key != "last_used_at"}
