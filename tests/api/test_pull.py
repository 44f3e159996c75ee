"""Pull over HTTP: plans page by page, their leases, and the bytes."""

import hashlib
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from django.core import signing
from django.utils import timezone

from datasets_app.entries import Status
from datasets_app.manifest import manifest_sha256
from datasets_app.staging import ImageChange
from store_app.blobs import get_blobs, get_locations
from store_app.durable import blob_files
from store_app.models import Lease
from tests.api.builders import STREETS, body_of, build_world, client_of, put_photo
from tests.datasets_app.builders import commit_to, names, put_bytes, put_label
from tests.datasets_app.counting import count_rows
from tests.datasets_app.curated import publish
from tests.store_app.builders import s3_server, use_bucket

pytestmark = pytest.mark.django_db
PULL = f"{STREETS}/pull/"


def plan(client, **body):
    """The first page of a plan, by default of main."""
    return client.post(PULL, {"version": "main", **body}, format="json")


def all_pages(client, **body):
    """Every page of a plan."""
    pages = [plan(client, **body).json()]
    while pages[-1]["next"]:
        last = pages[-1]
        answer = plan(client, **body, cursor=last["next"], lease=last["lease"]["id"])
        assert answer.status_code == 200, answer.content
        pages.append(answer.json())
    return pages


def digests_in(column, count):
    """Digests of a column; None where there is none."""
    parts = [column[at : at + 64] for at in range(0, len(column), 64)] or ["0" * 64] * count
    assert len(parts) == count
    return [None if part == "0" * 64 else part for part in parts]


def entries_of(page):
    """The images of a page, a dict for each."""
    columns = dict(page["entries"])
    split_names, count = columns.pop("split_names"), len(columns["numbers"])
    for name in ("images", "labels", "attributes"):
        columns[name] = digests_in(columns[name], count)
    columns["splits"] = [split_names[place] for place in columns["splits"]]
    columns["statuses"] = [list(Status)[place] for place in columns["statuses"]]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def objects_of(one):
    """The blobs of a range: digest, stored digest, codec, stored bytes, content bytes."""
    count = len(one["lengths"])
    digests = [digests_in(one[name], count) for name in ("digests", "stored_digests")]
    return list(zip(*digests, one["codecs"], one["lengths"], one["sizes"], strict=True))


def digests_of(page):
    return [digest for one in page["ranges"] for digest, *_ in objects_of(one)]


def entry_names(pages):
    return [name for page in pages for name in page["entries"]["names"]]


def fetch(client, digests):
    return client.post(f"{STREETS}/blobs/fetch/", {"digests": digests}, format="json")


# ---- a plan ------------------------------------------------------------------------------


def test_a_page_says_all_that_a_client_needs(world, reader):
    page = plan(reader, version="v1").json()
    assert page["version"]["id"] == world.ids[0]
    assert page["have"] is None
    assert page["taxonomy"]["slug"] == "streets-classes"
    assert (page["erased"], page["removed"], page["next"]) == ([], [], None)
    [a, b, c] = entries_of(page)
    assert (a["names"], a["splits"], a["statuses"], a["heights"], a["widths"]) == (
        "a.png", "train", "labelled", 3, 4,
    )  # fmt: skip
    assert hashlib.sha256(world.photo).hexdigest() == a["images"]
    assert a["attributes"]
    assert (b["statuses"], c["labels"], c["images"], c["heights"]) == ("reviewed", None, None, 0)
    assert set(digests_of(page)) == {a["images"], a["labels"], a["attributes"], b["labels"]}


def test_ranges_say_how_blobs_are_stored(reader):
    page = plan(reader).json()
    digests = digests_of(page)
    stored = get_blobs(bytes.fromhex(digest) for digest in digests)
    for one in page["ranges"]:
        assert one["length"] == sum(one["lengths"])
        assert (one["url"], one["headers"]) == (None, {})
        for digest, stored_digest, _, length, _ in objects_of(one):
            data = stored[bytes.fromhex(digest)]
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (stored_digest, length)


@pytest.mark.parametrize("limit", [1, 2, 3, 10_000])
def test_pages_have_every_image_once(reader, limit):
    pages = all_pages(reader, version="v1", limit=limit)
    assert entry_names(pages) == ["a.png", "b.png", "c.png"]
    assert all(len(page["entries"]["numbers"]) <= limit for page in pages)


@pytest.mark.parametrize("limit", [0, -1, 10_001, "many"])
def test_a_page_has_a_bound(reader, limit):
    assert plan(reader, limit=limit).status_code == 400


def test_a_branch_that_moves_does_not_move_a_plan(world, reader):
    first = plan(reader, version=world.ids[0], limit=1).json()
    commit_to(world.dataset, [ImageChange("b.png", delete=True)])
    rest = plan(reader, version=world.ids[0], limit=5, cursor=first["next"]).json()
    assert entry_names([first, rest]) == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize(
    "other",
    [{"version": "v2"}, {"filter": "split:val"}, {"labels_only": True}, {"have": "v1"}],
)
def test_a_cursor_belongs_to_its_plan(world, reader, other):
    first = plan(reader, version="v1", limit=1).json()
    if "have" in other:
        other = {"have": world.ids[1]}
    body = {"version": "v1", "limit": 1, "cursor": first["next"], **other}
    answer = plan(reader, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["x", "WzEsICJ4Il0:abc", "", "é"])
def test_a_cursor_that_no_plan_gave_is_refused(reader, cursor):
    assert plan(reader, cursor=cursor).status_code == 400


def test_a_cursor_of_another_dataset_is_refused(reader):
    build_world("parks", "public")
    first = reader.post("/api/v1/datasets/parks/pull/", {"version": "v1", "limit": 1}).json()
    assert plan(reader, version="v1", limit=1, cursor=first["next"]).status_code == 400


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class:car", ["a.png", "b.png", "night/d.png"]),
        ("class:car count>1", ["b.png"]),
        ("split:val status:reviewed", ["b.png"]),
        ("prefix:night/", ["night/d.png"]),
    ],
)
def test_a_filter_chooses(reader, text, found):
    assert entry_names(all_pages(reader, filter=text, limit=1)) == found


def test_a_filter_that_means_nothing_is_told(reader):
    answer = plan(reader, filter="class:unicorn")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_filter")


def test_only_differences_to_what_one_has_are_told(world, reader):
    page = plan(reader, version="v3", have=world.ids[1]).json()
    assert page["have"] == world.ids[1]
    assert (entry_names([page]), page["removed"]) == (["night/d.png"], ["c.png"])


def test_going_back_is_a_difference_too(world, reader):
    page = plan(reader, version="v1", have=world.ids[2]).json()
    assert sorted(entry_names([page])) == ["a.png", "c.png"]
    assert page["removed"] == ["night/d.png"]


def test_what_one_has_by_other_classes_is_told_anew(world, reader):
    publish(world.dataset, ({"op": "rename", "class": "car", "name": "auto"},))
    taxonomy = world.dataset.taxonomy.versions.latest("number")
    commit_to(world.dataset, names("e.png"), taxonomy_version=taxonomy)
    page = plan(reader, have=world.ids[2]).json()
    assert page["have"] is None
    assert len(page["entries"]["names"]) == 4


def test_a_version_that_is_not_there_any_more_is_not_found(reader):
    assert plan(reader, have="ab" * 32).status_code == 404
    assert plan(reader, version="nowhere").status_code == 404


def test_what_one_has_is_named_by_its_full_id(reader):
    assert plan(reader, have="main").status_code == 400


def test_the_answer_is_kept_by_nobody(reader):
    assert plan(reader)["Cache-Control"] == "no-store"


# ---- rights ------------------------------------------------------------------------------


def test_a_public_dataset_is_pulled_by_anybody(anonymous):
    build_world("parks", "public")
    answer = anonymous.post("/api/v1/datasets/parks/pull/", {"version": "main"})
    assert answer.status_code == 200


def test_a_private_dataset_is_not_there_for_strangers(world, stranger, anonymous):
    assert plan(stranger).status_code == plan(anonymous).status_code == 404
    assert fetch(stranger, ["ab" * 32]).status_code == 404


def test_a_token_that_may_only_read_pulls(world):
    client = client_of("ada", read_only=True)
    page = plan(client).json()
    assert fetch(client, digests_of(page)[:1]).status_code == 200
    lease = page["lease"]["id"]
    assert client.delete(f"{STREETS}/pull/leases/{lease}/").status_code == 204


def test_readers_of_a_dataset_read_its_classes(world, reader):
    taxonomy = plan(reader).json()["taxonomy"]
    url = f"/api/v1/taxonomies/{taxonomy['slug']}/versions/{taxonomy['number']}/"
    assert reader.get(url).status_code == 200


# ---- leases ------------------------------------------------------------------------------


def test_a_plan_grants_a_lease_for_an_hour(reader):
    before = timezone.now()
    lease = Lease.objects.get(pk=UUID(plan(reader).json()["lease"]["id"]))
    assert timedelta(hours=1) <= lease.expires_at - before <= timedelta(hours=1, minutes=1)
    assert lease.granted_at >= before


def test_each_page_renews_the_lease(reader):
    first = plan(reader, limit=1).json()
    soon = timezone.now() + timedelta(minutes=5)
    Lease.objects.update(expires_at=soon)
    second = plan(reader, limit=1, cursor=first["next"], lease=first["lease"]["id"]).json()
    assert second["lease"] == first["lease"]
    assert Lease.objects.get().expires_at > soon + timedelta(minutes=50)


def test_a_lease_that_ended_is_told_and_one_goes_on_without(reader):
    first = plan(reader, limit=1).json()
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    body = {"limit": 1, "cursor": first["next"]}
    answer = plan(reader, **body, lease=first["lease"]["id"])
    assert (answer.status_code, answer.json()["code"]) == (410, "lease_ended")
    assert plan(reader, **body).json()["entries"]["names"] == ["b.png"]


@pytest.mark.parametrize("lease", ["5cc3f112-f9ba-46fc-9dce-57b8e05833a4", "another's"])
def test_a_lease_that_was_not_granted_here_is_none(reader, lease):
    if lease == "another's":
        build_world("parks", "public")
        page = reader.post("/api/v1/datasets/parks/pull/", {"version": "main"}).json()
        lease = page["lease"]["id"]
    assert plan(reader, lease=lease).status_code == 410


def test_a_pull_that_is_over_ends_its_lease_and_no_other(reader):
    build_world("parks", "public")
    own = plan(reader).json()["lease"]["id"]
    other = reader.post("/api/v1/datasets/parks/pull/", {"version": "main"}).json()["lease"]["id"]
    for lease in (own, own, other):
        assert reader.delete(f"{STREETS}/pull/leases/{lease}/").status_code == 204
    assert [str(pk) for pk in Lease.objects.values_list("pk", flat=True)] == [other]


# ---- bytes -------------------------------------------------------------------------------


def test_bytes_come_one_behind_the_other_in_the_order_asked_for(reader):
    page = plan(reader).json()
    digests = digests_of(page)[::-1]
    answer = fetch(reader, digests)
    stored = get_blobs(bytes.fromhex(digest) for digest in digests)
    body = body_of(answer)
    assert body == b"".join(stored[bytes.fromhex(digest)] for digest in digests)
    assert int(answer["Content-Length"]) == len(body)


def test_bytes_that_only_another_dataset_has_are_missing(world, reader):
    secret = put_bytes("secret").hex()
    answer = fetch(reader, [secret])
    assert (answer.status_code, answer.json()["code"]) == (404, "object_missing")
    assert secret in str(answer.json())


@pytest.mark.parametrize("digests", [[], ["x"], ["AB" * 32], [1], "ab" * 32, ["00" * 32] * 10_001])
def test_digests_that_are_none_are_refused(reader, digests):
    assert fetch(reader, digests).status_code == 400


def test_a_manifest_is_what_its_sha256_says(world, reader):
    answer = reader.get(f"{STREETS}/versions/v1/manifest")
    assert hashlib.sha256(body_of(answer)).digest() == manifest_sha256(world.versions[0])
    assert answer["Content-Type"] == "text/plain; charset=utf-8"


# ---- addresses of ranges -----------------------------------------------------------------


@pytest.fixture
def range_(world):
    """A range of one photograph that is worth an address of its own, and its bytes."""
    content = bytes(range(256)) * 2_000
    commit_to(world.dataset, names("large.png", image=put_photo(content, 3, 4)))
    [one] = [one for one in plan(client_of("ada")).json()["ranges"] if one["url"]]
    return one, content


def test_a_range_of_a_local_file_is_given_by_the_service(range_):
    one, content = range_
    answer = client_of("ada", read_only=True).get(one["url"])
    assert body_of(answer) == content
    assert (answer["Cache-Control"], one["headers"]) == ("no-store", {})


def test_the_address_of_a_range_is_no_key_for_others(range_, stranger, anonymous):
    one, _ = range_
    assert stranger.get(one["url"]).status_code == 404
    assert anonymous.get(one["url"]).status_code == 404


def test_the_address_of_a_range_is_of_one_dataset(range_):
    one, _ = range_
    build_world("parks", "public")
    url = one["url"].replace("/streets/", "/parks/")
    assert client_of("ada").get(url).status_code == 404


def test_the_address_of_a_range_is_good_for_fifteen_minutes(range_, monkeypatch):
    one, content = range_
    now = time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 14 * 60)
    assert body_of(client_of("ada").get(one["url"])) == content
    monkeypatch.setattr(signing.time, "time", lambda: now + 16 * 60)
    assert client_of("ada").get(one["url"]).status_code == 404


@pytest.mark.parametrize("change", ["x", "x:y:z", "é"])
def test_an_address_that_the_service_did_not_sign_is_none(reader, change):
    assert reader.get(f"{PULL}ranges/{change}").status_code == 404


def test_a_range_of_a_file_that_is_gone_is_not_found(range_):
    one, _ = range_
    blob_files().delete(get_locations([bytes.fromhex(one["digests"])])[0].pack)
    assert client_of("ada").get(one["url"]).status_code == 404


# ---- what it costs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "queries"),
    [
        ({}, 22),
        ({"filter": "class:car"}, 24),
        ({"have": True}, 24),
    ],
)
def test_a_page_asks_few_questions(world, django_assert_max_num_queries, body, queries):
    if "have" in body:
        body = {"have": world.ids[0]}
    client = client_of("ada")
    plan(client, **body)
    with django_assert_max_num_queries(queries):
        assert plan(client, **body).status_code == 200


def test_a_page_of_many_images_asks_no_more_questions(world):
    client = client_of("ada")
    costs = []
    for count in (10, 3_000):
        label = put_label("12", {1: 1, 2: 2})
        commit_to(world.dataset, names(*(f"{count}/{n}.png" for n in range(count)), label=label))
        plan(client, limit=10)
        with count_rows() as cost:
            plan(client, limit=10)
        costs.append(cost)
    assert costs[1].queries <= costs[0].queries + 1
    assert costs[1].rows <= costs[0].rows + 100


# ---- signed addresses --------------------------------------------------------------------


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(settings, endpoint):
    name = f"pull-{uuid4().hex[:8]}"
    use_bucket(settings, endpoint, name)
    settings.TESSERA_SIGNED_URLS = True
    return name


@pytest.fixture
def large(bucket, db):
    """A dataset in a bucket, with a photograph that is worth a request of its own."""
    world = build_world()
    photo = put_photo(bytes(range(256)) * 2_000, 3, 4)
    commit_to(world.dataset, names("large.png", image=photo))
    return photo


def signed_ranges(client):
    return [one for one in plan(client).json()["ranges"] if one["url"]]


def test_a_signed_address_gives_the_range_and_nothing_else(large):
    [one] = signed_ranges(client_of("ada"))
    assert one["digests"] == large.hex()
    answer = httpx.get(one["url"], headers=one["headers"])
    assert answer.status_code == 206
    assert hashlib.sha256(answer.content).digest() == large


def test_the_range_is_signed_for_fifteen_minutes(large):
    [one] = signed_ranges(client_of("ada"))
    query = parse_qs(urlsplit(one["url"]).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "range" in query["X-Amz-SignedHeaders"][0].split(";")
    assert 0 < int(query["X-Amz-Expires"][0]) <= 15 * 60
    assert list(one["headers"]) == ["Range"]


def test_small_ranges_are_left_to_the_service(large):
    page = plan(client_of("ada")).json()
    assert [one["url"] for one in page["ranges"] if one["length"] < 100_000] != []
    assert all(one["url"] is None for one in page["ranges"] if one["length"] < 100_000)


def test_no_address_is_signed_where_clients_do_not_reach_the_bucket(large, settings):
    settings.TESSERA_SIGNED_URLS = False
    addresses = [one["url"] for one in signed_ranges(client_of("ada"))]
    assert [url.startswith(PULL + "ranges/") for url in addresses] == [True]


def test_the_service_gives_what_lies_in_the_bucket(large):
    answer = fetch(client_of("ada"), [large.hex()])
    assert hashlib.sha256(body_of(answer)).digest() == large
