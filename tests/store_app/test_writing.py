import os
import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panoptic.errors import UnknownCodec
from store_app import writing
from store_app.blobs import NewBlob, PutReport, get_blobs, new_blob, put_blobs, touch_blobs
from store_app.errors import DigestMismatch
from store_app.models import Blob, Pack
from tests.store_app.builders import digest_of, files_in, many_blobs, raw

pytestmark = pytest.mark.django_db


def test_new_blobs_are_counted_and_readable():
    blobs = many_blobs(3)
    assert put_blobs(blobs) == PutReport(new=3, known=0, stored_bytes=180)
    assert get_blobs(b.digest for b in blobs) == {b.digest: b.data for b in blobs}


def test_nothing_makes_no_pack(blob_folder):
    assert put_blobs([]) == PutReport(0, 0, 0)
    assert not blob_folder.exists()


def test_known_blobs_are_not_stored_again(blob_folder):
    put_blobs(many_blobs(3))
    assert put_blobs(many_blobs(5)) == PutReport(new=2, known=3, stored_bytes=120)
    assert len(files_in(blob_folder)) == 2


def test_a_blob_given_twice_in_one_call_is_stored_once():
    assert put_blobs([raw(b"a"), raw(b"b"), raw(b"a")]) == PutReport(2, 1, 2)


def test_the_content_is_one_blob_whatever_its_codec():
    content = b"tessera " * 30
    put_blobs([new_blob(content, "zstd")])
    assert put_blobs([raw(content)]).known == 1


def test_blobs_are_drawn_only_as_packs_fill(monkeypatch):
    monkeypatch.setattr(writing, "MAX_PACK_OBJECTS", 10)
    packs_seen = []

    def source():
        for blob in many_blobs(35):
            packs_seen.append(Pack.objects.count())
            yield blob

    put_blobs(source())
    assert [packs_seen[n] for n in (0, 10, 11, 21, 31)] == [0, 0, 1, 2, 3]


def test_a_pack_holds_so_many_bytes_and_no_more(monkeypatch, blob_folder):
    monkeypatch.setattr(writing, "MAX_PACK_BYTES", 2_000)
    put_blobs(many_blobs(100))
    sizes = [path.stat().st_size for path in files_in(blob_folder)]
    assert len(sizes) > 1
    assert max(sizes) <= 2_000
    assert sorted(sizes)[1] > 1_800


def test_a_large_blob_is_a_file_of_its_own(blob_folder):
    large = raw(os.urandom(writing.LARGE_BYTES + 1))
    put_blobs([raw(b"small"), large])
    single = blob_folder / "objects" / large.digest.hex()[:2] / large.digest.hex()
    assert single.read_bytes() == large.data


@pytest.mark.parametrize(
    "blob",
    [
        NewBlob(digest_of(b"other"), "raw", b"content", 7),
        new_blob(b"content", "zstd")._replace(digest=digest_of(b"other")),
    ],
)
def test_content_under_a_digest_that_is_not_its_own_is_refused(blob, blob_folder):
    with pytest.raises(DigestMismatch) as caught:
        put_blobs([raw(b"good"), blob])
    assert caught.value.actual == digest_of(b"content")
    assert not Blob.objects.exists()
    assert not blob_folder.exists()


def test_an_unknown_codec_is_refused():
    with pytest.raises(UnknownCodec, match="gzip"):
        put_blobs([raw(b"x")._replace(codec="gzip")])


def test_touching_says_which_blobs_are_missing():
    blobs = many_blobs(2)
    put_blobs(blobs)
    gone = digest_of(b"never stored")
    assert touch_blobs([blobs[0].digest, gone, blobs[1].digest]) == {gone}
    assert touch_blobs([]) == frozenset()


def test_an_old_blob_is_touched_when_it_is_used_again():
    put_blobs([raw(b"old")])
    Blob.objects.update(touched_at="2020-01-01T00:00:00Z")
    assert put_blobs([raw(b"old")]).known == 1
    assert Blob.objects.get().touched_at.year > 2020


def test_a_blob_touched_just_now_is_not_written_again():
    put_blobs([raw(b"fresh")])
    before = Blob.objects.get().touched_at
    put_blobs([raw(b"fresh")])
    assert Blob.objects.get().touched_at == before


@given(st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_blob_ever_put_can_be_read(monkeypatch, calls):
    monkeypatch.setattr(writing, "MAX_PACK_OBJECTS", 3)
    for numbers in calls:
        blobs = [raw(b"%d" % number) for number in numbers]
        report = put_blobs(blobs)
        assert report.new + report.known == len(blobs)
    wanted = {digest_of(b"%d" % n): b"%d" % n for numbers in calls for n in numbers}
    assert get_blobs(wanted) == wanted


def test_twenty_thousand_small_blobs_take_few_queries():
    blobs = many_blobs(20_000)
    with CaptureQueriesContext(
        connection,
    ) as putting:
        put_blobs(blobs)
    # Three packs: one look-up each, and a savepoint with the row of the pack, those of its
    # blobs, and a look whether any of them was erased.
    assert len(putting) == 3 * 6
    with CaptureQueriesContext(connection) as putting_again:
        assert put_blobs(blobs).known == 20_000
    assert len(putting_again) == 3
    with CaptureQueriesContext(connection) as getting:
        found = get_blobs(b.digest for b in blobs)
    assert len(getting) == 1
    assert found == {b.digest: b.data for b in blobs}


def test_known_blobs_behind_an_almost_full_pack_are_not_looked_up_one_by_one(monkeypatch):
    monkeypatch.setattr(writing, "MAX_PACK_OBJECTS", 100)
    known = many_blobs(1_000)
    put_blobs(known)
    new = [raw(b"new %d" % n) for n in range(99)]
    with CaptureQueriesContext(connection) as queries:
        put_blobs([*new, *known])
    assert len(queries) < 20


@pytest.mark.django_db(transaction=True)
def test_writers_of_the_same_blobs_do_not_hinder_each_other(monkeypatch):
    monkeypatch.setattr(writing, "MAX_PACK_OBJECTS", 50)
    blobs = many_blobs(400)
    orders = [blobs, blobs[::-1], blobs[200:] + blobs[:200], blobs[::2] + blobs[1::2]]
    failures = []
    together = threading.Barrier(len(orders))

    def write(order):
        try:
            together.wait()
            put_blobs(order)
        except Exception as error:  # noqa: BLE001 (a thread's errors would be lost)
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert Blob.objects.count() == 400
    assert get_blobs(b.digest for b in blobs) == {b.digest: b.data for b in blobs}
