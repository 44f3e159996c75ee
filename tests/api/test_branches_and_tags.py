from datasets_app.models import Branch, DeletedBranch, Tag
from tests.api.builders import STREETS


def test_branches_say_where_they_are(reader, world):
    assert reader.get(f"{STREETS}/branches/").json()["results"] == [
        {"name": "feature/night", "head": world.ids[1], "protected": False},
        {"name": "main", "head": world.ids[2], "protected": False},
    ]
    assert reader.get(f"{STREETS}/branches/feature/night/").json()["head"] == world.ids[1]
    assert reader.get(f"{STREETS}/branches/feature%2Fnight/").json()["head"] == world.ids[1]


def test_a_branch_is_made_at_any_version(annotator, world):
    response = annotator.post(f"{STREETS}/branches/", {"name": "fix/1", "head": "main~2"})
    assert (response.status_code, response.json()["head"]) == (201, world.ids[0])


def test_a_branch_is_made_where_the_default_branch_is(annotator, world):
    response = annotator.post(f"{STREETS}/branches/", {"name": "fix/2"})
    assert response.json()["head"] == world.ids[2]


def test_a_name_that_the_rules_refuse_is_told(annotator):
    response = annotator.post(f"{STREETS}/branches/", {"name": "v12", "head": "main"})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_name")


def test_a_branch_that_exists_is_a_conflict(annotator):
    response = annotator.post(f"{STREETS}/branches/", {"name": "feature/night"})
    assert (response.status_code, response.json()["code"]) == (409, "name_taken")


def test_an_admin_deletes_a_branch_and_its_versions_stay(admin):
    assert admin.delete(f"{STREETS}/branches/feature/night/").status_code == 204
    assert not Branch.objects.filter(name="feature/night").exists()
    assert DeletedBranch.objects.count() == 1


def test_a_protected_branch_stays(admin):
    assert admin.patch(f"{STREETS}/branches/feature/night/", {"protected": True}).json()[
        "protected"
    ]
    response = admin.delete(f"{STREETS}/branches/feature/night/")
    assert (response.status_code, response.json()["code"]) == (409, "branch_protected")


def test_a_tag_has_the_digest_of_the_manifest(reader, world):
    body = reader.get(f"{STREETS}/tags/release/1.0/").json()
    assert body["version"] == world.ids[0]
    assert body["message"] == "Paper"
    assert body["manifest_sha256"] == bytes(Tag.objects.get().manifest_sha256).hex()
    assert reader.get(f"{STREETS}/tags/").json()["results"] == [body]


def test_a_tag_is_made_at_any_version(annotator, world):
    response = annotator.post(f"{STREETS}/tags/", {"name": "release/2.0", "version": "main"})
    assert (response.status_code, response.json()["version"]) == (201, world.ids[2])


def test_a_tag_never_moves(annotator):
    response = annotator.post(f"{STREETS}/tags/", {"name": "release/1.0", "version": "main"})
    assert (response.status_code, response.json()["code"]) == (409, "name_taken")


def test_a_tag_that_nobody_made_is_not_found(reader):
    assert reader.get(f"{STREETS}/tags/nothing/").status_code == 404
