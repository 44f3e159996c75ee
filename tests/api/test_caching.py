import pytest

from store_app import reading as store_reading
from tests.api.builders import STREETS, body_of

IMMUTABLE = "private, immutable, max-age=31536000"
OF_A_LABEL = ["panoptic.png", "panoptic.json", "semantic.png", "instances.json", "overlay.png",
              "thumbnail.webp", "photo"]  # fmt: skip
OF_A_VERSION = ["", "stats/", "images/", "images/1/", "images/1/history/"]


@pytest.fixture
def blobs_are_locked(monkeypatch):
    """Let every read of the store fail."""

    def lock():
        def refuse(*args, **kwargs):
            raise AssertionError("the store was read")

        monkeypatch.setattr(store_reading, "read_locations", refuse)
        monkeypatch.setattr(store_reading, "get_locations", refuse)

    return lock


@pytest.mark.parametrize("rest", [f"images/1/{view}" for view in OF_A_LABEL] + OF_A_VERSION)
def test_what_an_id_names_is_kept_for_ever(reader, world, rest):
    response = reader.get(f"{STREETS}/versions/{world.ids[0]}/{rest}")
    assert response["Cache-Control"] == IMMUTABLE
    assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))
    assert response["ETag"]


@pytest.mark.parametrize("rest", [f"images/1/{view}" for view in OF_A_LABEL] + OF_A_VERSION)
def test_what_a_branch_names_is_asked_for_again(reader, rest):
    response = reader.get(f"{STREETS}/versions/main/{rest}")
    assert response["Cache-Control"] == "private, no-cache"
    assert response["ETag"]


@pytest.mark.parametrize("rest", [f"images/1/{view}" for view in OF_A_LABEL] + OF_A_VERSION)
def test_who_has_it_gets_304_and_the_store_is_not_read(reader, blobs_are_locked, rest):
    url = f"{STREETS}/versions/v1/{rest}"
    etag = reader.get(url)["ETag"]
    blobs_are_locked()
    response = reader.get(url, headers={"If-None-Match": f'"other", {etag}'})
    assert response.status_code == 304
    assert body_of(response) == b""
    assert response["ETag"] == etag


@pytest.mark.parametrize("rest", ["", "images/", "images/1/", "images/1/change.png"])
def test_a_comparison_that_is_known_is_304(reader, blobs_are_locked, rest):
    url = f"{STREETS}/compare/v1..v2/{rest}"
    etag = reader.get(url)["ETag"]
    blobs_are_locked()
    assert reader.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_a_comparison_of_two_ids_is_kept_for_ever(reader, world):
    url = f"{STREETS}/compare/{world.ids[0]}..{world.ids[2]}/"
    assert reader.get(url)["Cache-Control"] == IMMUTABLE
    assert reader.get(f"{STREETS}/compare/{world.ids[0]}..main/")["Cache-Control"] != IMMUTABLE


def test_another_label_is_another_etag(reader):
    etags = {reader.get(f"{STREETS}/versions/{rev}/images/1/semantic.png")["ETag"]
             for rev in ("v1", "v2", "v3")}  # fmt: skip
    assert len(etags) == 2


def test_the_parameters_are_in_the_etag(reader):
    url = f"{STREETS}/versions/v1/images/1/semantic.png"
    etags = {reader.get(f"{url}{query}")["ETag"] for query in ("", "?void=9", "?ids=coco")}
    assert len(etags) == 3


def test_the_same_view_of_two_versions_is_the_same_etag(reader, world):
    urls = [f"{STREETS}/versions/{rev}/images/2/panoptic.png" for rev in ("v1", "v3")]
    assert reader.get(urls[0])["ETag"] == reader.get(urls[1])["ETag"]


def test_pictures_have_weak_etags(reader):
    image = f"{STREETS}/versions/v1/images/1"
    assert reader.get(f"{image}/overlay.png")["ETag"].startswith("W/")
    assert not reader.get(f"{image}/panoptic.png")["ETag"].startswith("W/")


def test_a_photograph_has_its_digest_for_an_etag(reader):
    row = reader.get(f"{STREETS}/versions/v1/images/1/").json()
    photo = reader.get(f"{STREETS}/versions/v1/images/1/photo")
    assert photo["ETag"] == f'"{row["image_digest"]}"'


def test_errors_are_not_cached_as_immutable(reader, world):
    response = reader.get(f"{STREETS}/versions/{world.ids[0]}/images/3/panoptic.png")
    assert response.status_code == 404
    assert "immutable" not in response.get("Cache-Control", "")
