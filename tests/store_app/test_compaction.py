import os
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection
from django.utils import timezone

from store_app import compaction
from store_app.blobs import get_blobs, get_locations, put_blobs, read_locations, touch_blobs
from store_app.compaction import CompactionReport, compact_packs
from store_app.errors import NoRoots
from store_app.garbage import collect_garbage
from store_app.leases import grant_lease, release_lease
from store_app.models import Blob, Lease, Pack
from store_app.verification import verify
from tests.store_app.builders import files_in, flip_bit, hold, many_blobs, raw

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def stored_long_ago(count: int = 10, alive: int = 2):
    """Put so many blobs into one pack, of which the first few are needed."""
    blobs = many_blobs(count)
    put_blobs(blobs)
    Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
    hold([blob.digest for blob in blobs[:alive]])
    return blobs


def compact(**options) -> CompactionReport:
    return compact_packs(dry_run=False, **options)


def test_what_lives_in_a_mostly_dead_pack_moves_into_a_new_one():
    blobs = stored_long_ago()
    old = Pack.objects.get()
    report = compact()
    assert (report.rewritten, report.moved_blobs, report.new_packs) == (1, 2, 1)
    new = Pack.objects.exclude(pk=old.pk).get()
    assert set(new.blobs.values_list("digest", flat=True)) == {b.digest for b in blobs[:2]}
    assert report.new_bytes == new.size < old.size / 4
    assert get_blobs([blobs[1].digest]) == {blobs[1].digest: blobs[1].data}
    assert list(verify("data")) == []


def test_ranges_of_the_old_pack_are_readable_for_the_grace_period(blob_folder):
    blobs = stored_long_ago()
    planned = get_locations(b.digest for b in blobs[:2])
    compact()
    assert len(read_locations(planned)) == 2
    collect_garbage(dry_run=False, now=timezone.now() + 0.9 * DAY)
    assert len(read_locations(planned)) == 2
    report = collect_garbage(dry_run=False, now=timezone.now() + 1.1 * DAY)
    assert report.deleted.first == (planned[0].pack,)
    assert len(files_in(blob_folder)) == 1
    assert len(get_blobs(b.digest for b in blobs[:2])) == 2


def test_an_old_pack_stays_while_a_lease_granted_before_lives():
    stored_long_ago()
    lease = grant_lease("pull", 3 * DAY)
    compact()
    report = collect_garbage(dry_run=False, now=timezone.now() + 2 * DAY)
    assert (report.deleted.files, report.leased.files) == (0, 1)
    release_lease(lease)
    assert collect_garbage(dry_run=False, now=timezone.now() + 2 * DAY).deleted.files == 1


def test_a_lease_granted_after_the_sentence_keeps_nothing():
    stored_long_ago()
    compact()
    grant_lease("pull", 3 * DAY)
    assert collect_garbage(dry_run=False, now=timezone.now() + 2 * DAY).deleted.files == 1


def test_a_lease_that_ended_keeps_nothing_and_is_forgotten():
    stored_long_ago()
    grant_lease("pull", timedelta(hours=1))
    compact()
    assert collect_garbage(dry_run=False, now=timezone.now() + 2 * DAY).deleted.files == 1
    assert not Lease.objects.exists()


def test_a_dry_run_says_the_same_and_does_nothing():
    stored_long_ago()
    before = list(Pack.objects.values())
    report = compact_packs()
    assert (report.dry_run, report.rewritten, report.moved_blobs) == (True, 1, 2)
    assert report.dead_bytes > report.rewritten_bytes * 0.7
    assert list(Pack.objects.values()) == before


def test_a_pack_below_the_threshold_is_left_alone():
    stored_long_ago(alive=6)
    assert compact().rewritten == 0
    assert compact(threshold=0.3).rewritten == 1


def test_a_pack_in_which_nothing_lives_is_left_to_garbage_collection():
    stored_long_ago(alive=0)
    assert compact().rewritten == 0


def test_young_blobs_move_along_since_somebody_may_be_about_to_need_them():
    blobs = stored_long_ago()
    touch_blobs([blobs[9].digest])
    assert compact().moved_blobs == 3


def test_a_compaction_repeated_finds_nothing_to_do():
    stored_long_ago()
    compact()
    assert compact().rewritten == 0


def test_small_packs_are_joined_when_there_are_eight_of_them():
    blobs = many_blobs(8)
    hold([blob.digest for blob in blobs])
    for blob in blobs[:7]:
        put_blobs([blob])
    assert compact().rewritten == 0
    put_blobs(blobs[7:])
    report = compact()
    assert (report.rewritten, report.new_packs) == (8, 1)
    assert len(set(Blob.objects.values_list("pack", flat=True))) == 1
    assert list(verify("data")) == []


def test_a_dead_blob_re_used_while_its_pack_is_rewritten_saves_the_old_pack(monkeypatch):
    blobs = stored_long_ago()
    read = compaction.read_objects

    def read_then_touch(locations):
        assert touch_blobs([blobs[9].digest]) == frozenset()
        return read(locations)

    monkeypatch.setattr(compaction, "read_objects", read_then_touch)
    compact()
    collect_garbage(dry_run=False, now=timezone.now() + 0.9 * DAY)
    hold([blobs[9].digest], parent="streets v2")
    for days in (2, 4):
        collect_garbage(dry_run=False, now=timezone.now() + days * DAY)
    assert len(get_blobs([b.digest for b in (*blobs[:2], blobs[9])])) == 3


def test_a_dead_blob_re_used_after_the_rewrite_saves_the_old_pack():
    blobs = stored_long_ago()
    compact()
    assert touch_blobs([blobs[9].digest]) == frozenset()
    hold([blobs[9].digest], parent="streets v2")
    collect_garbage(dry_run=False, now=timezone.now() + 2 * DAY)
    assert len(get_blobs([b.digest for b in (*blobs[:2], blobs[9])])) == 3
    assert list(verify("data")) == []


def test_a_damaged_pack_is_named_and_left_as_it_is(blob_folder):
    stored_long_ago()
    name = Pack.objects.get().name
    flip_bit(blob_folder / name, 10)
    report = compact()
    assert report.rewritten == 0
    [problem] = report.problems
    assert (problem.code, problem.object) == ("object_corrupt", name)
    assert Pack.objects.count() == 1


def test_damage_of_a_dead_blob_does_not_matter(blob_folder):
    stored_long_ago()
    flip_bit(blob_folder / Pack.objects.get().name, 8 + 5 * 60)
    assert compact().rewritten == 1
    assert [finding.code for finding in verify("data")] == ["file_corrupt", "object_corrupt"]


def test_bytes_in_a_pack_that_no_row_names_count_as_dead():
    stored_long_ago(alive=10)
    kept = Blob.objects.order_by("start").values_list("digest", flat=True)[:2]
    Blob.objects.exclude(digest__in=list(kept)).delete()
    assert compact().rewritten == 1


def test_many_dead_packs_become_few(monkeypatch):
    monkeypatch.setattr("store_app.writing.MAX_PACK_OBJECTS", 10)
    blobs = many_blobs(100)
    put_blobs(blobs)
    Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
    hold([blob.digest for blob in blobs[::10]])
    report = compact()
    assert (report.rewritten, report.new_packs, report.moved_blobs) == (10, 1, 10)


def test_groups_do_not_grow_beyond_one_pack(monkeypatch):
    monkeypatch.setattr("store_app.rewriting.MAX_PACK_OBJECTS", 3)
    for number in range(8):
        put_blobs([raw(b"%d" % number)])
    hold(Blob.objects.values_list("digest", flat=True))
    assert compact().new_packs == 3
    assert list(verify("data")) == []


def test_large_files_are_never_rewritten():
    big = raw(os.urandom(5_000_000))
    put_blobs([big])
    hold([big.digest])
    assert compact().rewritten == 0


def test_without_roots_nothing_is_compacted():
    put_blobs(many_blobs(3))
    with pytest.raises(NoRoots):
        compact()


@pytest.mark.parametrize("threshold", [0, -0.5, 1.1])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    hold([])
    with pytest.raises(ValueError, match="threshold"):
        compact(threshold=threshold)


@pytest.mark.django_db(transaction=True)
def test_readers_find_everything_while_packs_are_rewritten_and_collected():
    blobs = stored_long_ago(count=200, alive=100)
    wanted = [blob.digest for blob in blobs[:100]]
    failures = []

    def read():
        try:
            for _ in range(50):
                assert len(get_blobs(wanted)) == 100
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            connection.close()

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    days = 2.0
    while any(reader.is_alive() for reader in readers):
        compact(threshold=0.01)
        collect_garbage(dry_run=False, now=timezone.now() + days * DAY)
        days += 2
    for reader in readers:
        reader.join()
    assert failures == []
    assert list(verify("data")) == []
