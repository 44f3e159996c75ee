import io

import pytest

from store_app import reading, rewriting
from store_app.blobs import (
    get_blobs,
    get_content,
    open_content,
    put_blobs,
    put_file,
    touch_blobs,
)
from store_app.compaction import compact_packs
from store_app.erasure import destroy_erased, mark_erased
from store_app.errors import ObjectCorrupt, ObjectErased, ObjectMissing
from store_app.garbage import collect_garbage
from store_app.leases import grant_lease
from store_app.models import Blob, ErasedBlob, Pack
from store_app.verification import verify
from tests.store_app.builders import digest_of, files_in, flip_bit, hold, many_blobs, raw

pytestmark = pytest.mark.django_db


def erase(*digests: bytes):
    mark_erased(digests, reason="asked by the person shown")
    return destroy_erased(digests)


def bytes_in(folder) -> bytes:
    return b"".join(path.read_bytes() for path in files_in(folder))


def test_an_erased_blob_is_gone_from_its_pack_and_the_others_stay(blob_folder):
    blobs = many_blobs(5)
    put_blobs(blobs)
    report = erase(blobs[2].digest)
    assert report.erased == (blobs[2].digest,)
    assert len(report.files) == 1
    assert b"blob 2 " not in bytes_in(blob_folder)
    assert len(get_blobs(b.digest for b in blobs if b is not blobs[2])) == 4
    assert list(verify("data")) == []


def test_reading_an_erased_blob_answers_gone():
    blobs = many_blobs(3)
    put_blobs(blobs)
    erase(blobs[0].digest)
    for read in (get_content, open_content, lambda digest: get_blobs([digest])):
        with pytest.raises(ObjectErased, match=f"{blobs[0].digest.hex()} was erased") as caught:
            read(blobs[0].digest)
        assert (caught.value.code, caught.value.status) == ("object_erased", 410)


def test_what_is_missing_is_told_before_what_was_erased():
    blobs = many_blobs(3)
    put_blobs(blobs)
    erase(blobs[0].digest)
    with pytest.raises(ObjectMissing) as caught:
        get_blobs([blobs[0].digest, bytes(32)])
    assert caught.value.digests == (bytes(32),)


def test_an_erased_photograph_is_gone(blob_folder):
    digest = put_file(io.BytesIO(b"photograph"))
    erase(digest)
    assert files_in(blob_folder) == []
    assert Pack.objects.get().state == Pack.State.DELETED


def test_erased_bytes_cannot_be_put_again(blob_folder):
    blobs = many_blobs(2)
    digest = put_file(io.BytesIO(b"photograph"))
    erase(digest, blobs[0].digest)
    put_blobs(blobs[1:])
    for put in (lambda: put_blobs(blobs), lambda: put_file(io.BytesIO(b"photograph"))):
        with pytest.raises(ObjectErased):
            put()
    assert b"blob 0 " not in bytes_in(blob_folder)
    assert b"photograph" not in bytes_in(blob_folder)


def test_histories_may_go_on_naming_an_erased_blob():
    digest = put_file(io.BytesIO(b"photograph"))
    erase(digest)
    assert touch_blobs([digest, bytes(32)]) == {bytes(32)}


def test_a_second_copy_without_a_row_is_destroyed_too(blob_folder):
    blobs = many_blobs(4)
    put_blobs(blobs[:2])
    # What a second writer leaves who stored the same blob at the same time.
    Blob.objects.filter(digest=blobs[0].digest).delete()
    put_blobs([blobs[0], blobs[3]])
    assert bytes_in(blob_folder).count(b"blob 0 ") == 2
    assert len(erase(blobs[0].digest).files) == 2
    assert b"blob 0 " not in bytes_in(blob_folder)
    assert list(verify("data")) == []


def test_no_lease_keeps_erased_bytes(blob_folder):
    blobs = many_blobs(2)
    put_blobs(blobs)
    grant_lease("pull")
    erase(blobs[0].digest)
    assert b"blob 0 " not in bytes_in(blob_folder)


def test_verification_tells_who_names_an_erased_blob():
    blobs = many_blobs(2)
    put_blobs(blobs)
    hold([b.digest for b in blobs])
    erase(blobs[1].digest)
    [finding] = verify("data")
    assert (finding.code, finding.parent, finding.path) == ("object_erased", "streets v1", "1.jpg")


def test_erasing_twice_changes_nothing():
    digest = put_file(io.BytesIO(b"photograph"))
    erase(digest)
    mark_erased([digest], reason="another")
    assert destroy_erased([digest]).files == ()
    assert ErasedBlob.objects.get().reason == "asked by the person shown"


def test_a_blob_that_is_not_marked_is_not_destroyed():
    digest = put_file(io.BytesIO(b"photograph"))
    assert destroy_erased([digest]).files == ()
    assert get_content(digest) == b"photograph"


def test_damage_beside_an_erased_blob_stops_erasing_before_it_loses_anything(blob_folder):
    blobs = many_blobs(3)
    put_blobs(blobs)
    flip_bit(blob_folder / Pack.objects.get().name, 8 + 60)
    with pytest.raises(ObjectCorrupt):
        erase(blobs[0].digest)
    assert Blob.objects.count() == 3


def test_an_erasure_that_a_crash_cut_off_is_finished_by_garbage_collection(blob_folder):
    blobs = many_blobs(3)
    put_blobs(blobs)
    hold([b.digest for b in blobs])
    mark_erased([blobs[0].digest], reason="asked")
    collect_garbage(dry_run=False)
    assert b"blob 0 " not in bytes_in(blob_folder)
    assert ErasedBlob.objects.get().destroyed_at is not None


def test_a_compaction_that_has_read_the_blob_already_does_not_bring_it_back(
    blob_folder, monkeypatch
):
    blobs = many_blobs(10)
    put_blobs(blobs)
    Blob.objects.update(touched_at="2020-01-01T00:00:00Z")
    hold([b.digest for b in blobs[:2]])
    seal = rewriting.seal_pack

    def erase_then_seal(objects):
        monkeypatch.setattr(rewriting, "seal_pack", seal)
        erase(blobs[0].digest)
        return seal(objects)

    monkeypatch.setattr(rewriting, "seal_pack", erase_then_seal)
    with pytest.raises(ObjectErased):
        compact_packs(dry_run=False)
    assert b"blob 0 " not in bytes_in(blob_folder)
    assert len(get_blobs([blobs[1].digest])) == 1


def test_a_reader_with_an_old_location_finds_the_blob_where_it_is_now(monkeypatch):
    blobs = many_blobs(3)
    put_blobs(blobs)
    get_locations = reading.get_locations

    def locate_then_erase(digests):
        monkeypatch.setattr(reading, "get_locations", get_locations)
        found = get_locations(digests)
        erase(blobs[0].digest)
        return found

    monkeypatch.setattr(reading, "get_locations", locate_then_erase)
    assert get_blobs([blobs[1].digest]) == {blobs[1].digest: blobs[1].data}


def test_a_label_too_large_for_a_pack_is_erased_by_its_row(blob_folder):
    content = bytes(range(256)) * 20_000
    big = raw(content)
    put_blobs([big])
    erase(digest_of(content))
    assert files_in(blob_folder) == []
