from datetime import timedelta

import pytest
from django.utils import timezone

from panoptic.packs import ENTRY_BYTES
from store_app import garbage, roots, storing
from store_app.blobs import get_blobs, put_blobs, put_file, touch_blobs
from store_app.errors import NoRoots
from store_app.garbage import GarbageReport, Names, collect_garbage
from store_app.models import Blob, Pack
from store_app.verification import verify
from tests.store_app.builders import files_in, hold, many_blobs, raw

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def collect(days: float, *, dry_run: bool = False) -> GarbageReport:
    """Collect so many days from now."""
    return collect_garbage(dry_run=dry_run, now=timezone.now() + days * DAY)


def forget_roots() -> None:
    roots._registered.clear()
    hold([])


def test_without_roots_nothing_is_collected():
    put_blobs(many_blobs(3))
    with pytest.raises(NoRoots):
        collect(2)


def test_a_pack_is_condemned_first_and_deleted_a_day_later(blob_folder):
    put_blobs(many_blobs(3))
    hold([])
    name = Pack.objects.get().name
    assert collect(2).condemned.first == (name,)
    assert collect(2.5).deleted.files == 0
    report = collect(3.1)
    assert report.deleted.first == (name,)
    assert report.deleted.bytes > 180
    assert files_in(blob_folder) == []
    assert not Blob.objects.exists()
    assert Pack.objects.get().state == Pack.State.DELETED


def test_a_pack_with_one_living_blob_stays():
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([blobs[1].digest])
    for days in (2, 4, 6):
        report = collect(days)
        assert report.live.first == (Pack.objects.get().name,)
        assert report.dead_bytes == 2 * (60 + ENTRY_BYTES)
        assert report.condemned == report.deleted == report.orphans == Names()
    assert len(get_blobs(b.digest for b in blobs)) == 3


def test_a_dry_run_says_the_same_and_does_nothing(blob_folder):
    put_blobs(many_blobs(3))
    hold([])
    name = Pack.objects.get().name
    assert collect(2, dry_run=True).condemned.first == (name,)
    assert Pack.objects.get().condemned_at is None
    collect(2)
    assert collect(4, dry_run=True).deleted.first == (name,)
    assert (blob_folder / name).exists()
    assert Blob.objects.count() == 3


def test_a_young_pack_is_not_condemned():
    put_blobs(many_blobs(3))
    hold([])
    assert collect(0.5).condemned.files == 0


def test_a_condemned_pack_that_is_needed_again_is_reprieved():
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([])
    collect(2)
    hold([blobs[0].digest], parent="streets v2")
    assert collect(4).reprieved.first == (Pack.objects.get().name,)
    forget_roots()
    assert collect(4.5).deleted.files == 0


def test_a_condemned_pack_whose_blob_is_put_again_is_reprieved():
    put_blobs(many_blobs(3))
    hold([])
    Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
    collect(0)
    assert put_blobs([many_blobs(3)[0]]).known == 1
    assert collect(1.1).deleted.files == 0
    assert Pack.objects.get().condemned_at is None


def test_a_blob_touched_between_mark_and_deletion_saves_its_pack():
    blobs = many_blobs(3)
    put_blobs(blobs)
    Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
    touched = []

    def walker():
        # While the second run marks, a commit re-uses a blob that it does not see yet.
        if Pack.objects.filter(condemned_at__isnull=False).exists():
            touched.append(touch_blobs([blobs[0].digest]))
        return iter(())

    roots.register_roots("datasets", walker)
    collect(0)
    assert collect(1.1).deleted.files == 0
    assert touched == [frozenset()]
    assert len(get_blobs(b.digest for b in blobs)) == 3


def test_a_file_deleted_while_it_is_written_again_is_written_once_more(monkeypatch):
    blobs = many_blobs(3)
    hold([])
    reports = []

    def collector_passes(point):
        if point == "after_pack_before_sql":
            # The file has no row yet, and the collector's clock is far ahead.
            reports.append(collect(3))

    monkeypatch.setattr(storing, "crash_point", collector_passes)
    put_blobs(blobs)
    assert reports[0].orphans.files == 1
    assert list(verify("data")) == []
    assert len(get_blobs(b.digest for b in blobs)) == 3


def test_a_blob_touched_after_the_sentence_saves_its_pack(monkeypatch):
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([])
    Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
    collect(0)
    execute = garbage._execute

    def touch_then_execute(*args):
        touch_blobs([blobs[0].digest])
        return execute(*args)

    monkeypatch.setattr(garbage, "_execute", touch_then_execute)
    assert collect(1.1).deleted.files == 0
    assert len(get_blobs(b.digest for b in blobs)) == 3


def test_a_pack_stored_again_before_its_file_is_deleted_keeps_its_file(monkeypatch):
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([])
    collect(2)
    delete_file = garbage.delete_file

    def store_then_delete(*args):
        put_blobs(blobs)
        delete_file(*args)

    monkeypatch.setattr(garbage, "delete_file", store_then_delete)
    assert collect(4).deleted.files == 1
    assert list(verify("data")) == []
    assert len(get_blobs(b.digest for b in blobs)) == 3


def test_what_was_deleted_can_be_stored_again():
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([])
    collect(2)
    collect(4)
    assert put_blobs(blobs).new == 3
    assert Pack.objects.get().state == Pack.State.ACTIVE
    assert list(verify("data")) == []


def test_a_deletion_that_a_crash_interrupted_is_finished(blob_folder):
    put_blobs(many_blobs(3))
    hold([])
    Blob.objects.all().delete()
    Pack.objects.update(state=Pack.State.DELETING)
    collect(0)
    assert Pack.objects.get().state == Pack.State.DELETED
    assert files_in(blob_folder) == []


def test_leftovers_of_crashes_are_deleted_when_they_are_old(blob_folder):
    hold([])
    leftover = blob_folder / "packs" / "ab" / ("ab" * 32 + ".pack")
    unfinished = blob_folder / "incoming" / "1234"
    for path in (leftover, unfinished):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    assert collect(0.5).orphans.files == 0
    report = collect(2, dry_run=True)
    assert set(report.orphans.first) == {f"packs/ab/{'ab' * 32}.pack", "incoming/1234"}
    assert len(files_in(blob_folder)) == 2
    assert collect(2).orphans.bytes == 8
    assert files_in(blob_folder) == []


def test_files_that_are_not_the_stores_are_left_alone(blob_folder):
    hold([])
    strange = blob_folder / "packs" / "ab" / "README"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(b"hello")
    assert collect(2).orphans.files == 0
    assert strange.exists()


def test_photographs_that_nobody_needs_are_collected(tmp_path, blob_folder):
    (tmp_path / "a.jpg").write_bytes(b"photograph")
    digest = put_file(tmp_path / "a.jpg")
    hold([])
    collect(2)
    assert collect(4).deleted.first == (f"objects/{digest.hex()[:2]}/{digest.hex()}",)
    assert files_in(blob_folder) == []


def test_a_grace_shorter_than_the_freshness_of_touches_is_refused():
    hold([])
    with pytest.raises(ValueError, match="at least 1:00:00"):
        collect_garbage(grace=timedelta(minutes=59))


def test_a_failing_walker_stops_everything():
    put_blobs([raw(b"x")])

    def walker():
        raise RuntimeError("a tree node is unreadable")
        yield

    roots.register_roots("datasets", walker)
    with pytest.raises(RuntimeError):
        collect(2)
    assert Pack.objects.get().condemned_at is None
