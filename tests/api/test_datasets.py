from rest_framework.test import APIClient

from datasets_app.models import Dataset
from people_app.models import AuditEvent
from tests.api.builders import API, STREETS, build_world, client_of


def test_a_member_sees_what_is_said_about_a_dataset(reader):
    body = reader.get(f"{STREETS}/").json()
    assert body["slug"] == "streets"
    assert body["title"] == "Streets"
    assert body["taxonomy"] == "streets-classes"
    assert body["default_branch"] == "main"
    assert body["visibility"] == "private"
    assert body["role"] == "reader"


def test_the_list_holds_what_the_caller_may_read(world, stranger):
    build_world("parks", "public")
    assert [row["slug"] for row in stranger.get(f"{API}/datasets/").json()["results"]] == ["parks"]
    assert [row["slug"] for row in client_of("ada").get(f"{API}/datasets/").json()["results"]] == [
        "parks",
        "streets",
    ]


def test_anybody_reads_a_public_dataset(db, anonymous):
    build_world("parks", "public")
    assert anonymous.get(f"{API}/datasets/parks/").json()["role"] == "reader"
    assert anonymous.get(f"{API}/datasets/parks/versions/main/images/").status_code == 200


def test_who_makes_a_dataset_is_its_admin(world, admin):
    body = {"slug": "parks", "taxonomy": "streets-classes", "title": "Parks"}
    response = admin.post(f"{API}/datasets/", body)
    assert response.status_code == 201
    assert response.json()["role"] == "admin"
    assert Dataset.objects.get(slug="parks").title == "Parks"


def test_a_slug_that_is_taken_is_a_conflict(world, stranger, admin):
    body = {"slug": "streets", "taxonomy": "streets-classes"}
    response = admin.post(f"{API}/datasets/", body)
    assert (response.status_code, response.json()["code"]) == (409, "name_taken")


def test_a_taxonomy_that_the_caller_may_not_see_is_no_taxonomy(stranger):
    response = stranger.post(f"{API}/datasets/", {"slug": "x", "taxonomy": "streets-classes"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "taxonomy"


def test_an_admin_changes_a_dataset(admin):
    response = admin.patch(f"{STREETS}/", {"visibility": "public", "description": "By day"})
    assert response.json()["visibility"] == "public"
    assert response.json()["description"] == "By day"
    assert AuditEvent.objects.filter(verb="dataset.updated").count() == 1


def test_the_default_branch_must_exist(admin):
    assert admin.patch(f"{STREETS}/", {"default_branch": "nowhere"}).status_code == 400
    assert admin.patch(f"{STREETS}/", {"default_branch": "feature/night"}).status_code == 200


def test_a_session_signs_in_too(world):
    client = APIClient()
    client.force_login(world.versions[0].author)
    assert client.get(f"{STREETS}/").json()["role"] == "admin"


def test_a_session_needs_the_csrf_token_to_change_something(world):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(world.versions[0].author)
    response = client.patch(f"{STREETS}/", {"title": "x"})
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
