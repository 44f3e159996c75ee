"""Pulls against a real service: what travels, what is resumed, and what harm does not matter."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import Counter
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from django.utils import timezone

from datasets_app.staging import ImageChange
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from people_app.actions.tokens import create_token
from store_app.blobs import put_file
from store_app.compaction import compact_packs
from store_app.erasure import destroy_erased, mark_erased
from store_app.garbage import GRACE, collect_garbage
from store_app.models import Lease
from tessera import http
from tessera.cache import Cache
from tessera.entries import load_entries
from tessera.errors import NetworkError, NotFound, ObjectCorrupt, UsageError
from tessera.http import Connection
from tessera.pulling import PullRequest, asking, pull
from tessera.pulling.journal import Journal
from tessera.pulling.plan import parse_page
from tessera.snapshot import Snapshot
from tests.api.builders import CAR, ROAD, World, build_world, person, put_photo
from tests.api.builders import png as photo_of
from tests.builders import label
from tests.datasets_app.builders import commit_to, names, put_label
from tests.store_app.builders import s3_server, use_bucket, use_storage
from tests.store_app.cutting_proxy import cutting_proxy
from tests.tessera.answering import Answer, Clock, answering, forwarding
from tests.tessera.builders import files_below

pytestmark = pytest.mark.django_db(transaction=True)

IMAGES = 24


class Town:
    """A service with a dataset of `IMAGES` small labels and photographs, and a client of it."""

    def __init__(self, world: World, url: str, folder) -> None:
        self.world, self.url, self.folder = world, url, folder
        self.token = create_token(user=person("ada")).secret

    def pull(self, rev="main", *, url="", cache="cache", connections=2, **fields):
        """Pull into a cache."""
        request = PullRequest("streets", rev, **fields)
        with (
            Connection(url or self.url, self.token, connections=connections) as connection,
            Cache(self.folder / cache) as found,
        ):
            return pull(connection, found, request)

    def snapshot(self, pulled, cache="cache"):
        """What was pulled, as it is read."""
        return Snapshot(pulled.folder, self.folder / cache)

    def is_whole(self, pulled, cache="cache"):
        """Say whether every blob of a snapshot is there and right."""
        table, facts = load_entries(pulled.folder)
        columns = ["labels", "attributes"] + ["images"] * (not facts["labels_only"])
        erased = {bytes.fromhex(text) for text in facts["erased"]}
        wanted = [digest for digest in table.digests(columns) if digest not in erased]
        with Cache(self.folder / cache) as found:
            return list(found.verify(wanted)) == []


@pytest.fixture
def town(live_server, settings, tmp_path, monkeypatch):
    """Pages of seven images, so that a pull has several; pauses take no time."""
    use_storage(
        settings, "django.core.files.storage.FileSystemStorage", location=str(tmp_path / "blobs")
    )
    monkeypatch.setattr(http, "time", Clock())
    small_pages(monkeypatch)
    return build_town(live_server, tmp_path)


def small_pages(monkeypatch):
    monkeypatch.setattr(asking, "_LARGEST_PAGE", 7)
    monkeypatch.setattr(asking, "_FIRST_PAGE", 7)
    monkeypatch.setattr(asking, "_SMALLEST_PAGE", 1)


def build_town(live_server, tmp_path):
    world = build_world()
    numbers = range(1, IMAGES + 1)
    labels = [pack_label(label("1" * n + "2" * (n % 3 + 1), {1: ROAD, 2: CAR})) for n in numbers]
    register_labels(labels)
    changes = [
        ImageChange(
            f"x/{n:03}.png",
            None if n % 4 else put_photo(photo_of(1, n + n % 3 + 1), 1, n + n % 3 + 1),
            labels[n - 1].digest,
            "val" if n % 2 else "train",
        )
        for n in numbers
    ]
    commit_to(world.dataset, changes)
    return Town(world, live_server.url, tmp_path)


def digests_asked_for(server):
    """How often each blob was asked for."""
    return Counter(
        digest
        for asked in server.asked
        if asked.path.endswith("/blobs/fetch/")
        for digest in json.loads(asked.body)["digests"]
    )


def plans_asked_for(server):
    return [json.loads(asked.body) for asked in server.asked if asked.path.endswith("/pull/")]


# ---- what travels ------------------------------------------------------------------------


def test_a_pulled_version_is_read_without_the_service(town):
    pulled = town.pull()
    snapshot = town.snapshot(pulled)
    assert len(snapshot) == IMAGES + 3
    assert snapshot["x/004.png"].semantic().tolist() == [[ROAD] * 4 + [CAR] * 2]
    assert snapshot["x/004.png"].photo.shape == (1, 6, 3)
    assert town.is_whole(pulled)
    assert not Lease.objects.exists()


def test_a_second_pull_of_a_version_brings_nothing(town):
    town.pull()
    again = town.pull()
    assert (again.objects, again.received_bytes) == (0, 0)


def test_a_second_version_brings_only_what_changed(town):
    town.pull()
    painted = put_label("1221 1111", {1: ROAD, 2: CAR})
    commit_to(town.world.dataset, [ImageChange("x/007.png", label=painted),
                                   ImageChange("x/008.png", delete=True)])  # fmt: skip
    with forwarding(town.url) as server:
        town_cache_moved(town, server.url)
        pulled = town.pull(url=server.url)
    length = len(stored(painted))
    assert (pulled.objects, pulled.received_bytes) == (1, length)
    assert digests_asked_for(server) == {painted.hex(): 1}
    snapshot = town.snapshot(pulled)
    assert len(snapshot) == IMAGES + 2
    assert snapshot["x/007.png"].entry.label == painted
    assert town.is_whole(pulled)


def town_cache_moved(town, url):
    """Let the line of the service be that of another address of it."""
    from tessera.pulling.pull import line_of

    with Cache(town.folder / "cache") as cache:
        old, new = (line_of(cache, one, PullRequest("streets", "main")) for one in (town.url, url))
        old.rename(new)


def stored(digest):
    from store_app.blobs import get_blobs

    return get_blobs([digest])[digest]


def test_another_clone_shares_the_cache(town):
    town.pull()
    filtered = town.pull(filter="split:val")
    assert filtered.received_bytes == 0
    assert len(town.snapshot(filtered)) == IMAGES // 2 + 1


def test_what_was_pulled_by_differences_is_what_is_pulled_anew(town):
    town.pull("v2")
    by_steps = town.pull("v4")
    anew = town.pull("v4", cache="other")
    assert files_below(by_steps.folder) == files_below(anew.folder)


def test_labels_alone_bring_no_photograph(town):
    pulled = town.pull(labels_only=True)
    snapshot = town.snapshot(pulled)
    assert snapshot["x/004.png"].is_labelled
    with pytest.raises(NotFound, match="labels alone were pulled"):
        _ = snapshot["x/004.png"].photo_bytes


def test_what_cannot_be_pulled_is_told(town):
    with pytest.raises(NotFound):
        town.pull("no-such-branch")
    with pytest.raises(NotFound):
        town.pull("v1?branch=main#x")
    with pytest.raises(UsageError, match="is no revision"):
        town.pull("v1/../../..")
    with pytest.raises(UsageError, match="unicorn"):
        town.pull(filter="class:unicorn")


def test_what_was_erased_is_reported_and_the_rest_is_there(town):
    entry = town.snapshot(town.pull(cache="other"), "other")["x/004.png"].entry
    mark_erased([entry.image], reason="asked")
    destroy_erased([entry.image])
    pulled = town.pull()
    assert pulled.erased == (entry.image,)
    assert town.is_whole(pulled)
    assert town.pull().received_bytes == 0


def test_a_cache_that_lost_bytes_gets_them_again(town):
    pulled = town.pull()
    with Cache(town.folder / "cache") as cache:
        total = cache.totals()
        cache.clear()
    again = town.pull()
    assert again.folder == pulled.folder
    assert (again.objects, again.received_bytes) == total
    assert town.is_whole(again)


def test_what_was_lost_and_erased_meanwhile_is_known_as_erased(town):
    entry = town.snapshot(town.pull())["x/004.png"].entry
    with Cache(town.folder / "cache") as cache:
        cache.clear()
    mark_erased([entry.image], reason="asked")
    destroy_erased([entry.image])
    assert town.pull().erased == (entry.image,)
    with forwarding(town.url) as server:
        town_cache_moved(town, server.url)
        town.pull(url=server.url)
    assert plans_asked_for(server) == []


# ---- broken off ------------------------------------------------------------------------


class Killed(BaseException):
    """What a test dies of."""


def break_off(monkeypatch, town, pages, **fields):
    """Pull until so many pages are noted."""
    add = Journal.add

    def dies(journal, page):
        add(journal, page)
        if len(journal.done) == pages:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", dies)
        with pytest.raises(Killed):
            town.pull(**fields)


def test_a_pull_that_was_broken_off_goes_on_and_asks_for_nothing_twice(town, monkeypatch):
    whole = town.pull(cache="other")
    with forwarding(town.url) as server:
        for pages in (1, 2, 4):
            break_off(monkeypatch, town, pages, url=server.url)
        pulled = town.pull(url=server.url)
    assert set(digests_asked_for(server).values()) == {1}
    for name, data in files_below(whole.folder).items():
        if name != "entries.json":  # it names the address of the service
            assert (pulled.folder / name).read_bytes() == data
    assert town.is_whole(pulled)
    assert sorted(os.listdir(town.folder / "cache" / "new")) == []


def test_a_line_that_a_crash_cut_off_is_no_line(town, monkeypatch):
    break_off(monkeypatch, town, 3)
    [journal] = (town.folder / "cache").rglob("*.journal")
    journal.write_bytes(journal.read_bytes()[:-20])
    pulled = town.pull()
    assert len(town.snapshot(pulled)) == IMAGES + 3


def test_a_line_with_a_flipped_bit_is_no_line(town, monkeypatch):
    break_off(monkeypatch, town, 3)
    [journal] = (town.folder / "cache").rglob("*.journal")
    lines = journal.read_bytes()
    journal.write_bytes(lines.replace(b".png", b".pnf", 1))
    assert len(Journal(journal).done) < 3
    assert len(town.snapshot(town.pull())) == IMAGES + 3


def test_lines_of_another_pull_in_the_journal_are_none(town, monkeypatch):
    break_off(monkeypatch, town, 3)
    [journal] = (town.folder / "cache").rglob("*.journal")
    first, second, third, _ = journal.read_bytes().split(b"\n")
    journal.write_bytes(b"\n".join([first, first, second, third, b""]))
    assert len(Journal(journal).done) == 1
    assert len(town.snapshot(town.pull())) == IMAGES + 3


def test_a_service_with_another_secret_key_is_asked_anew(town, monkeypatch):
    break_off(monkeypatch, town, 2)
    [journal] = (town.folder / "cache").rglob("*.journal")
    lines = [line.partition(" ")[2] for line in journal.read_text().splitlines()]
    lines[-1] = json.dumps({**json.loads(lines[-1]), "next": "signed-by-nobody"})
    sums = [hashlib.sha256(line.encode()).hexdigest()[:16] for line in lines]
    journal.write_text("".join(map("{} {}\n".format, sums, lines)))
    pulled = town.pull()
    assert len(town.snapshot(pulled)) == IMAGES + 3
    assert town.is_whole(pulled)


def test_a_pull_begun_from_a_snapshot_that_is_gone_begins_anew(town, monkeypatch):
    old = town.pull("v2")
    break_off(monkeypatch, town, 2)
    for path in old.folder.iterdir():
        path.unlink()
    old.folder.rmdir()
    assert len(town.snapshot(town.pull())) == IMAGES + 3


def test_a_lease_that_ended_meanwhile_is_replaced(town, monkeypatch):
    add = Journal.add

    def ends(journal, page):
        Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        add(journal, page)

    monkeypatch.setattr(Journal, "add", ends)
    pulled = town.pull()
    assert town.is_whole(pulled)


def test_connections_that_are_cut_in_the_middle_are_made_good(town):
    with cutting_proxy(town.url) as proxy:
        proxy.cut_answers(5, after=700)
        pulled = town.pull(url=proxy.address)
        assert proxy.cut == 5
    assert town.is_whole(pulled)


def test_a_flipped_bit_on_the_way_is_found_and_named_and_kept_by_nobody(town):
    flipped = []

    def flip(asked, answer):
        if not asked.path.endswith("/blobs/fetch/") or flipped:
            return answer
        flipped.extend(json.loads(asked.body)["digests"][:1])
        return answer._replace(body=bytes([answer.body[0] ^ 1]) + answer.body[1:])

    with forwarding(town.url, flip) as server:
        with pytest.raises(ObjectCorrupt, match="arrived with another sha256") as caught:
            town.pull(url=server.url, connections=1)
        assert caught.value.facts["digest"] == flipped[0]
        assert town.is_whole(town.pull(url=server.url))


def test_a_service_that_is_busy_is_waited_for(town):
    asked_before = Counter()

    def busy(asked, answer):
        asked_before[asked.path] += 1
        if asked_before[asked.path] % 2:
            return Answer(429, b"{}", {"Retry-After": "1"})
        return answer

    with forwarding(town.url, busy) as server:
        assert town.is_whole(town.pull(url=server.url))


def test_compaction_and_collection_in_the_middle_do_no_harm(town, monkeypatch):
    for n in range(10):  # many small packs, worth joining
        commit_to(town.world.dataset, names(f"y/{n}.png", label=put_label("1" * (50 + n), {1: 1})))
    add, moved = Journal.add, []

    def compact(journal, page):
        now = timezone.now() + GRACE * 2
        moved.append(compact_packs(threshold=0.01, dry_run=False, now=now).moved_blobs)
        collect_garbage(dry_run=False)
        add(journal, page)

    monkeypatch.setattr(Journal, "add", compact)
    pulled = town.pull()
    assert sum(moved) > 0
    assert town.is_whole(pulled)


# ---- ranges that the service gives ------------------------------------------------------


@pytest.fixture
def ranged_town(town, monkeypatch):
    """A town in which every range is worth an address of its own."""
    monkeypatch.setattr("datasets_app.pulling.ranges.SIGNED_BYTES", 1)
    return town


def test_ranges_of_local_files_are_asked_for_by_their_addresses(ranged_town):
    with forwarding(ranged_town.url) as server:
        pulled = ranged_town.pull(url=server.url)
    assert ranged_town.is_whole(pulled)
    assert digests_asked_for(server) == {}
    assert any("/pull/ranges/" in asked.path for asked in server.asked)


def test_blobs_of_a_range_that_is_gone_are_asked_for_by_their_digests(ranged_town):
    def refuse(asked, answer):
        return Answer(404, b"{}") if "/pull/ranges/" in asked.path else answer

    with forwarding(ranged_town.url, refuse) as server:
        pulled = ranged_town.pull(url=server.url)
    assert ranged_town.is_whole(pulled)
    assert len(digests_asked_for(server)) == pulled.objects


def test_a_range_that_breaks_off_keeps_what_arrived_whole(ranged_town):
    cut = []

    def break_off_once(asked, answer):
        if "/pull/ranges/" not in asked.path or cut or len(answer.body) < 100:
            return answer
        cut.append(asked)
        return answer._replace(cut_after=len(answer.body) - 1)

    with forwarding(ranged_town.url, break_off_once) as server:
        pulled = ranged_town.pull(url=server.url)
    assert ranged_town.is_whole(pulled)
    assert cut
    assert len(digests_asked_for(server)) == 1


def test_a_flipped_bit_in_a_range_is_found_and_the_service_asked(ranged_town):
    flipped = []

    def flip(asked, answer):
        if "/pull/ranges/" not in asked.path:
            return answer
        flipped.append(asked)
        return answer._replace(body=bytes([answer.body[0] ^ 1]) + answer.body[1:])

    with forwarding(ranged_town.url, flip) as server:
        pulled = ranged_town.pull(url=server.url)
    assert flipped
    assert ranged_town.is_whole(pulled)


@pytest.mark.parametrize("plan", [{}, {"entries": []}, {"entries": {"names": ["a"]}}])
def test_a_plan_of_another_form_is_told(plan):
    with pytest.raises(NetworkError, match="of one release"):
        parse_page(plan, None)


# ---- large photographs -----------------------------------------------------------------


def put_large(town):
    content = os.urandom(9_000_000)
    digest = put_file(io.BytesIO(content))
    put_photo(content, 3, 4)
    commit_to(town.world.dataset, names("large.png", image=digest))
    return content


def test_a_large_photograph_goes_on_where_it_broke_off(town):
    content = put_large(town)
    ranges = []

    def cut(asked, answer):
        if "/blobs/" not in asked.path or asked.path.endswith("/fetch/"):
            return answer
        ranges.append(asked.headers.get("range"))
        return answer._replace(cut_after=4_000_000) if len(ranges) < 3 else answer

    with forwarding(town.url, cut) as server:
        pulled = town.pull(url=server.url)
    assert ranges == [None, "bytes=4000000-", "bytes=8000000-"]
    assert town.snapshot(pulled)["large.png"].photo_bytes == content


def test_what_another_process_left_of_a_large_photograph_is_not_fetched_again(town):
    content = put_large(town)

    def refuse(asked, answer):
        return (
            Answer(500, b"{}")
            if asked.headers.get("range")
            else answer._replace(
                cut_after=5_000_000 if "/blobs/" in asked.path and asked.method == "GET" else None
            )
        )

    with forwarding(town.url, refuse) as server, pytest.raises(NetworkError):
        town.pull(url=server.url)
    with forwarding(town.url) as server:
        pulled = town.pull(url=server.url)
        town.pull(url=server.url)
    [asked] = [one for one in server.asked if one.method == "GET" and "/blobs/" in one.path]
    assert asked.headers["range"] == "bytes=5000000-"
    assert town.snapshot(pulled)["large.png"].photo_bytes == content


def test_a_piece_of_a_large_photograph_that_is_damaged_is_fetched_anew(town):
    content = put_large(town)
    with Cache(town.folder / "cache") as cache:
        from tests.tessera.builders import blob

        part = cache.folder / "new" / f"{blob(content).digest.hex()}.part"
        part.write_bytes(bytes(1_000_000))  # zeros, as after a power cut
    pulled = town.pull()
    assert town.snapshot(pulled)["large.png"].photo_bytes == content


# ---- from a bucket -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket_town(live_server, settings, tmp_path, monkeypatch, endpoint):
    """A town whose bytes are in a bucket; every range is worth an address of its own."""
    use_bucket(settings, endpoint, f"pull-{uuid4().hex[:8]}")
    settings.TESSERA_SIGNED_URLS = True
    monkeypatch.setattr("datasets_app.pulling.ranges.SIGNED_BYTES", 1)
    monkeypatch.setattr(http, "time", Clock())
    return build_town(live_server, tmp_path)


def test_from_a_bucket_no_bytes_pass_the_service(bucket_town):
    with forwarding(bucket_town.url) as server:
        pulled = bucket_town.pull(url=server.url)
    assert bucket_town.is_whole(pulled)
    assert pulled.objects > IMAGES
    assert [asked.path for asked in server.asked if "/blobs/" in asked.path] == []


def test_without_signed_addresses_all_bytes_pass_the_service(bucket_town, settings):
    settings.TESSERA_SIGNED_URLS = False
    with forwarding(bucket_town.url) as server:
        pulled = bucket_town.pull(url=server.url)
    assert bucket_town.is_whole(pulled)
    ranges = [asked for asked in server.asked if "/pull/ranges/" in asked.path]
    assert ranges
    assert len(digests_asked_for(server)) + len(ranges) <= pulled.objects


@pytest.mark.parametrize("status", [403, 301])
def test_addresses_that_are_too_old_are_no_harm(bucket_town, endpoint, status):
    with answering(Answer(status, b"<Error/>")) as refusing:

        def age(asked, answer):
            body = answer.body.replace(endpoint.encode(), refusing.url.encode())
            return answer._replace(body=body)

        with forwarding(bucket_town.url, age) as server:
            pulled = bucket_town.pull(url=server.url)
        assert refusing.asked
        assert all("authorization" not in asked.headers for asked in refusing.asked)
    assert bucket_town.is_whole(pulled)


def test_wrong_bytes_from_an_address_are_asked_of_the_service(bucket_town, endpoint):
    with answering(react=lambda asked: wrong_bytes(endpoint, asked)) as lying:

        def redirect(asked, answer):
            return answer._replace(body=answer.body.replace(endpoint.encode(), lying.url.encode()))

        with forwarding(bucket_town.url, redirect) as server:
            pulled = bucket_town.pull(url=server.url)
    assert lying.asked
    assert bucket_town.is_whole(pulled)


def wrong_bytes(endpoint, asked):
    got = httpx.get(endpoint + asked.path, headers={"Range": asked.headers["range"]})
    return Answer(206, got.content[:-1] + bytes([got.content[-1] ^ 1]))
