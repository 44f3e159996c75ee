"""Example pictures of guidelines through the API."""

import hashlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labels_app.models import TaxonomyPicture
from people_app.roles import Role
from tests.api.builders import body_of, png
from tests.api.taxonomy_builders import (
    STREETS,
    TAXONOMIES,
    by_name,
    edit,
    member_of_taxonomy,
    publish,
)

PICTURES = f"{STREETS}/pictures/"
PICTURE = png(6, 8)
DIGEST = hashlib.sha256(PICTURE).hexdigest()


def send(client, content=PICTURE, media_type="image/png", url=PICTURES):
    return client.generic("POST", url, content, content_type=media_type)


@pytest.mark.parametrize("media_type", ["image/png", "application/octet-stream"])
def test_a_picture_is_known_by_its_sha256(admin, media_type):
    response = send(admin, media_type=media_type)
    assert response.status_code == 201
    assert response.json() == {"picture": DIGEST, "width": 8, "height": 6}


def test_a_picture_can_come_in_a_form(admin):
    form = {"file": SimpleUploadedFile("car.png", PICTURE)}
    response = admin.post(PICTURES, form, format="multipart")
    assert response.json()["picture"] == DIGEST


def test_the_same_picture_twice_is_one(admin):
    assert send(admin).json() == send(admin).json()
    assert TaxonomyPicture.objects.count() == 1


def test_readers_are_shown_the_picture_and_nothing_else(admin, reader, stranger):
    send(admin)
    response = reader.get(f"{PICTURES}{DIGEST}")
    assert (response.status_code, body_of(response)) == (200, PICTURE)
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, immutable, max-age=31536000"
    assert "Authorization" in response["Vary"]
    assert stranger.get(f"{PICTURES}{DIGEST}").status_code == 404


def test_who_has_a_picture_is_not_sent_it_again(admin, django_assert_num_queries):
    send(admin)
    etag = admin.get(f"{PICTURES}{DIGEST}")["ETag"]
    again = admin.get(f"{PICTURES}{DIGEST}", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_digest_alone_opens_nothing(admin, world):
    send(admin)
    admin.post(TAXONOMIES, {"slug": "other", "preset": "voc"})
    assert admin.get(f"{TAXONOMIES}other/pictures/{DIGEST}").status_code == 404
    # The photograph of a dataset is no picture of its taxonomy.
    photo = hashlib.sha256(world.photo).hexdigest()
    assert admin.get(f"{PICTURES}{photo}").status_code == 404


@pytest.mark.parametrize("digest", ["0" * 64, "x", DIGEST[:-1], DIGEST.upper(), "0" * 65])
def test_a_picture_that_is_not_there_is_not_found(admin, digest):
    send(admin)
    assert admin.get(f"{PICTURES}{digest}").status_code == 404


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", PICTURE[:-40]]
)
def test_what_browsers_do_not_show_safely_is_refused(admin, content):
    response = send(admin, content)
    assert (response.status_code, response.json()["code"]) == (422, "malformed_file")
    assert not TaxonomyPicture.objects.exists()


def test_what_is_too_large_is_refused(admin, settings):
    response = send(admin, b"x" * (10 * 2**20 + 1))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_a_body_without_a_picture_is_refused(admin):
    assert send(admin, b"").status_code == 400
    for form in ({}, {"file": "car.png"}):
        assert admin.post(PICTURES, form, format="multipart").status_code == 400


def test_other_bodies_are_refused(admin):
    assert send(admin, b"{}", "application/json").status_code == 415


def test_curators_add_pictures(reader, stranger, world):
    assert send(reader).status_code == 403
    assert send(stranger).status_code == 404
    assert send(member_of_taxonomy(world, "bob", Role.CURATOR)).status_code == 201


def test_an_example_shows_a_picture_of_the_taxonomy(admin, reader):
    send(admin)
    example = {"picture": DIGEST, "caption": "With mirrors", "good": False}
    edit(admin, {"op": "edit", "class": "car", "examples": [example]})
    assert publish(admin).status_code == 201
    version = reader.get(f"{STREETS}/versions/2/").json()
    assert by_name(version)["car"]["examples"] == [example]
