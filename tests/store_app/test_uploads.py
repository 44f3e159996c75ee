"""Files that arrive piece by piece: what is kept, what is refused, and what is swept."""

import hashlib
import io
import random
import threading
import tracemalloc
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store_app import uploads
from store_app.assembling import assemble
from store_app.blobs import erased_among, find_content, get_content, iter_content, put_file
from store_app.durable import blob_files
from store_app.erasure import mark_erased
from store_app.errors import (
    DigestMismatch,
    ObjectCorrupt,
    ObjectErased,
    ObjectMissing,
    StorageFailed,
)
from store_app.garbage import collect_garbage
from store_app.models import Upload, UploadPart
from store_app.roots import register_roots, register_sweeper
from store_app.upload_errors import (
    BodyBrokeOff,
    ChecksumMismatch,
    OffsetMoved,
    TooManyPieces,
    UploadEnded,
    UploadMissing,
    UploadTooLarge,
)
from store_app.upload_garbage import iter_references, sweep_uploads
from store_app.uploads import Checksum, begin_upload, delete_upload, receive
from tests.store_app.builders import digest_of, files_in, use_bucket

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(100))


class Broken(io.RawIOBase):
    """A body whose connection ends after some bytes, with an error or without."""

    def __init__(self, content: bytes, *, resets: bool = False) -> None:
        self.rest, self.resets = content, resets

    def read(self, size: int = -1) -> bytes:
        if not self.rest and self.resets:
            raise ConnectionResetError
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(uploads, "PART_BYTES", 16)


def begin(size: int = len(CONTENT), **fields) -> Upload:
    return begin_upload(space="dataset:1", owner="user:1", size=size, **fields)


def send(upload: Upload, content: bytes, offset: int = 0, **fields) -> int:
    return receive(upload, io.BytesIO(content), offset=offset, length=len(content), **fields)


def sent(content: bytes = CONTENT, **fields) -> Upload:
    upload = begin(len(content), **fields)
    send(upload, content)
    return upload


def sha256(content: bytes) -> Checksum:
    return Checksum("sha256", hashlib.sha256(content).digest())


def collect(days: float, *, dry_run: bool = False):
    register_roots("uploads", iter_references)
    register_sweeper("uploads", sweep_uploads)
    return collect_garbage(dry_run=dry_run, now=timezone.now() + timedelta(days=days))


def stored(upload: Upload) -> list[tuple[int, int]]:
    return list(upload.parts.order_by("start").values_list("start", "length"))


# ---- receiving ---------------------------------------------------------------


def test_what_arrives_is_durable_part_by_part(blob_folder: Path):
    upload = begin()
    assert send(upload, CONTENT[:40]) == 40
    assert stored(upload) == [(0, 16), (16, 16), (32, 8)]
    assert (
        b"".join((blob_folder / part.name).read_bytes() for part in upload.parts.order_by("start"))
        == CONTENT[:40]
    )
    assert Upload.objects.get().received == upload.received == 40


@pytest.mark.parametrize("resets", [False, True])
def test_a_body_that_breaks_off_leaves_what_arrived(resets):
    upload = begin()
    with pytest.raises(BodyBrokeOff, match="after 37 of 100"):
        receive(upload, Broken(CONTENT[:37], resets=resets), offset=0, length=100)
    assert upload.received == Upload.objects.get().received == 37
    send(upload, CONTENT[37:], 37)
    assert get_content(assemble(upload)) == CONTENT


@given(st.integers(0, 2**32))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_of_any_size_make_the_same_blob(seed: int):
    order = random.Random(seed)
    content = order.randbytes(order.randint(1, 150))
    upload = begin(len(content))
    while not upload.has_arrived:
        piece = content[upload.received :][: order.randint(1, 60)]
        body = Broken(piece[: order.randint(0, len(piece))] if order.random() < 0.3 else piece)
        checksum = order.choice([None, sha256(piece)])
        try:
            receive(upload, body, offset=upload.received, length=len(piece), checksum=checksum)
        except BodyBrokeOff:
            upload = Upload.objects.get(pk=upload.pk)
    assert assemble(upload) == digest_of(content)
    assert get_content(digest_of(content)) == content


def test_a_piece_goes_where_the_bytes_end():
    upload = begin()
    send(upload, CONTENT[:10])
    for offset in (0, 9, 11):
        with pytest.raises(OffsetMoved) as caught:
            send(upload, b"x", offset)
        assert caught.value.actual == 10
    assert upload.received == 10


def test_no_more_is_taken_than_was_announced(blob_folder: Path):
    upload = begin(10)
    with pytest.raises(UploadTooLarge):
        send(upload, bytes(11))
    assert files_in(blob_folder) == []


def test_a_piece_without_bytes_changes_nothing():
    upload = begin()
    assert send(upload, b"") == 0
    assert not UploadPart.objects.exists()


def test_tiny_pieces_are_refused_in_the_end(monkeypatch):
    monkeypatch.setattr(uploads, "_SMALL_PARTS", 3)
    upload = begin(4)
    for place in range(3):
        send(upload, b"x", place)
    with pytest.raises(TooManyPieces):
        send(upload, b"x", 3)


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_piece_with_its_checksum_is_kept(algorithm):
    upload = begin()
    checksum = Checksum(algorithm, hashlib.new(algorithm, CONTENT).digest())
    assert send(upload, CONTENT, checksum=checksum) == 100


def test_of_a_piece_with_another_checksum_nothing_is_kept(blob_folder: Path):
    upload = begin()
    with pytest.raises(ChecksumMismatch):
        send(upload, CONTENT[:50], checksum=sha256(b"else"))
    with pytest.raises(BodyBrokeOff):
        receive(upload, Broken(CONTENT[:50]), offset=0, length=100, checksum=sha256(CONTENT))
    assert files_in(blob_folder) == []
    assert Upload.objects.get().received == 0


def test_a_sender_who_was_overtaken_is_told_and_leaves_nothing():
    slow, quick = begin(), Upload.objects.get()
    send(quick, CONTENT[:20])
    with pytest.raises(OffsetMoved):
        send(slow, CONTENT[:50])  # it read its row before
    assert stored(quick) == [(0, 16), (16, 4)]
    assert len(list(blob_files().iter_files("uploads"))) == 2
    send(quick, CONTENT[20:], 20)
    assert get_content(assemble(quick)) == CONTENT


@pytest.mark.django_db(transaction=True)
def test_of_many_senders_at_one_offset_one_wins_each_part():
    upload = begin(len(CONTENT))
    barrier, outcomes = threading.Barrier(4), []

    def run() -> None:
        try:
            mine = Upload.objects.get(pk=upload.pk)
            barrier.wait()
            outcomes.append(send(mine, CONTENT))
        except OffsetMoved as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("offset_mismatch") >= 3
    upload.refresh_from_db()
    if not upload.has_arrived:  # each was overtaken once
        send(upload, CONTENT[upload.received :], upload.received)
    assert len(list(blob_files().iter_files("uploads"))) == upload.parts.count()
    assert get_content(assemble(upload)) == CONTENT


def test_a_storage_that_fails_leaves_the_offset_where_it_was(monkeypatch):
    upload = begin()
    send(upload, CONTENT[:16])

    def fail(*args: object) -> None:
        raise StorageFailed("uploads", "full")

    monkeypatch.setattr("store_app.durable.LocalFiles.save", fail)
    with pytest.raises(StorageFailed):
        send(upload, CONTENT[16:], 16)
    assert Upload.objects.get().received == 16


def test_an_upload_that_expired_takes_nothing():
    upload = begin()
    Upload.objects.update(expires_at=timezone.now())
    upload.refresh_from_db()
    for act in (lambda: send(upload, b"x"), lambda: assemble(upload)):
        with pytest.raises(UploadEnded, match="expired"):
            act()


def test_each_piece_lets_it_live_longer():
    upload = begin()
    Upload.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    send(upload, b"x")
    assert Upload.objects.get().expires_at > timezone.now() + timedelta(hours=24)


# ---- one blob ----------------------------------------------------------------


def test_what_has_arrived_becomes_a_blob_and_gives_its_parts_back(blob_folder: Path):
    upload, digests = sent(), []
    assert assemble(upload, digests.append) == digest_of(CONTENT)
    assert assemble(upload, digests.append) == digest_of(CONTENT)
    assert digests == [digest_of(CONTENT)]
    assert Upload.objects.get().digest == digest_of(CONTENT)
    assert [path.parent.parent.name for path in files_in(blob_folder)] == ["objects"]
    assert not (blob_folder / "uploads" / upload.pk.hex).exists()


def test_a_blob_that_is_known_is_not_written_again(blob_folder: Path):
    put_file(io.BytesIO(CONTENT))
    [before] = [path.stat().st_mtime_ns for path in files_in(blob_folder)]
    assemble(sent())
    assert [path.stat().st_mtime_ns for path in files_in(blob_folder)] == [before]


def test_a_file_without_bytes_is_a_blob():
    assert get_content(assemble(begin(0))) == b""


def test_a_file_of_another_digest_than_announced_fails_for_good(blob_folder: Path):
    upload = sent(expected_digest=digest_of(b"else"))
    with pytest.raises(DigestMismatch):
        assemble(upload)
    upload.refresh_from_db()
    with pytest.raises(UploadEnded, match="digest_mismatch"):
        send(upload, b"")
    assert files_in(blob_folder) == []


def test_what_was_erased_does_not_come_back_in_pieces(blob_folder: Path):
    mark_erased([digest_of(CONTENT)], reason="asked")
    with pytest.raises(ObjectErased):
        assemble(sent())
    assert files_in(blob_folder) == []
    assert erased_among([digest_of(CONTENT)])


def test_a_part_that_was_damaged_is_found(blob_folder: Path):
    upload = sent()
    part = upload.parts.get(start=16)
    (blob_folder / part.name).write_bytes(b"something else..")
    with pytest.raises(ObjectCorrupt):
        assemble(upload)
    assert Upload.objects.get().failed == "object_corrupt"


def test_a_part_that_was_lost_is_found(blob_folder: Path):
    upload = sent()
    (blob_folder / upload.parts.get(start=16).name).unlink()
    with pytest.raises(ObjectMissing):
        assemble(upload)
    assert Upload.objects.get().failed == "object_missing"


def test_half_a_file_is_no_blob():
    upload = begin()
    send(upload, CONTENT[:50])
    with pytest.raises(ValueError, match="50 of 100"):
        assemble(upload)
    assert not Upload.objects.get().failed


def test_an_upload_takes_the_memory_of_a_part(monkeypatch):
    monkeypatch.setattr(uploads, "PART_BYTES", 2**20)
    size = 24 * 2**20
    upload = begin(size)
    tracemalloc.start()
    receive(upload, io.BytesIO(bytes(size)), offset=0, length=size)
    tracemalloc.reset_peak()
    start = tracemalloc.get_traced_memory()[0]
    digest = assemble(upload)
    assert sum(map(len, iter_content(find_content(digest)))) == size
    assert tracemalloc.get_traced_memory()[1] - start < 5 * 2**20
    tracemalloc.stop()


def test_it_works_alike_in_a_bucket(settings, moto_endpoint):
    use_bucket(settings, moto_endpoint, f"uploads-{uuid4().hex[:8]}")
    upload = begin()
    with pytest.raises(BodyBrokeOff):
        receive(upload, Broken(CONTENT[:70]), offset=0, length=100)
    send(upload, CONTENT[70:], 70)
    assert get_content(assemble(upload)) == CONTENT
    assert list(blob_files().iter_files("uploads")) == []


def test_a_crash_before_the_row_leaves_the_offset_where_it_was(monkeypatch):
    upload = begin()
    send(upload, CONTENT[:20])
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "crash_point", crash)
        with pytest.raises(KeyboardInterrupt):
            send(upload, CONTENT[20:], 20)
    upload = Upload.objects.get()
    assert (upload.received, len(list(blob_files().iter_files("uploads")))) == (20, 3)
    send(upload, CONTENT[20:], 20)
    assert get_content(assemble(upload)) == CONTENT


def test_a_crash_before_the_digest_is_made_good_by_doing_it_again(monkeypatch):
    upload = sent()
    with monkeypatch.context() as patched:
        patched.setattr("store_app.assembling.crash_point", crash)
        with pytest.raises(KeyboardInterrupt):
            assemble(upload)
    assert Upload.objects.get().digest is None
    assert get_content(assemble(Upload.objects.get())) == CONTENT
    assert not UploadPart.objects.exists()


def test_one_that_was_completed_meanwhile_is_told_so():
    slow = sent()
    assemble(Upload.objects.get())  # takes the pieces away
    assert assemble(slow) == digest_of(CONTENT)


def crash(name: str) -> None:
    raise KeyboardInterrupt(name)


# ---- garbage -----------------------------------------------------------------


def test_a_deleted_upload_leaves_nothing(blob_folder: Path, django_capture_on_commit_callbacks):
    upload = sent()
    with django_capture_on_commit_callbacks(execute=True):
        delete_upload(upload.pk)
    assert files_in(blob_folder) == []
    with pytest.raises(UploadMissing):
        delete_upload(upload.pk)
    with pytest.raises(UploadMissing):
        assemble(upload)


def test_an_upload_that_expired_is_swept(blob_folder: Path):
    sent()
    assert [row.deleted for row in collect(1).rows] == [0, 0]
    assert [row.deleted for row in collect(3, dry_run=True).rows] == [1, 0]
    assert Upload.objects.exists()
    assert [row.deleted for row in collect(3).rows] == [1, 0]
    assert files_in(blob_folder) == []


def test_the_blob_of_an_upload_stays_until_the_upload_goes():
    assemble(sent())
    collect(1.5)  # condemned, if nobody held it
    assert get_content(digest_of(CONTENT)) == CONTENT
    for days in (3, 4.5):
        collect(days)
    with pytest.raises(ObjectMissing):
        get_content(digest_of(CONTENT))


def test_pieces_that_a_crash_left_are_swept_when_they_are_old():
    name = f"uploads/{uuid4().hex}/{uuid4().hex}"
    blob_files().save(name, lambda: [b"x"], digest_of(b"x"))
    assert [row.deleted for row in collect(0.5).rows] == [0, 0]
    assert [row.deleted for row in collect(1.5).rows] == [0, 1]
    assert list(blob_files().iter_files("uploads")) == []


def test_pieces_without_a_row_stay_while_their_upload_lives():
    upload = begin()
    name = f"uploads/{upload.pk.hex}/{uuid4().hex}"
    blob_files().save(name, lambda: [b"x"], digest_of(b"x"))
    collect(1.5)
    assert [file.name for file in blob_files().iter_files("uploads")] == [name]
