"""One contract, kept by every kind of storage."""

import base64
import hashlib
import io
import os

import pytest
from django.core.files.storage import storages

from store_app import reading
from store_app.blobs import get_blobs, get_content, new_blob, open_content, put_blobs, put_file
from store_app.durable import Files, blob_files
from store_app.errors import DigestMismatch, ObjectCorrupt, ObjectMissing, StorageFailed
from store_app.garbage import collect_garbage
from store_app.models import Pack
from store_app.s3 import S3Files
from store_app.verification import verify
from tests.store_app.builders import digest_of, hold, many_blobs, raw, use_bucket, use_storage

pytestmark = pytest.mark.django_db


def save(files: Files, name: str, content: bytes) -> None:
    files.save(name, lambda: [content], digest_of(content))


class StorageContract:
    """What the store needs of a storage; `storage` is the fixture that installs one."""

    @pytest.fixture(autouse=True)
    def storage(self):
        raise NotImplementedError

    def test_a_saved_file_is_read_back_in_ranges(self):
        files = blob_files()
        save(files, "packs/ab/abcd.pack", b"0123456789")
        assert files.read_range("packs/ab/abcd.pack", 3, 4) == b"3456"
        assert files.read_range("packs/ab/abcd.pack", 3, 0) == b""

    def test_a_range_beyond_the_end_is_short(self):
        files = blob_files()
        save(files, "packs/ab/abcd.pack", b"0123456789")
        assert files.read_range("packs/ab/abcd.pack", 8, 4) == b"89"
        assert files.read_range("packs/ab/abcd.pack", 10, 4) == b""

    def test_a_missing_file_is_said_to_be_missing(self):
        files = blob_files()
        with pytest.raises(FileNotFoundError):
            files.read_range("packs/ab/abcd.pack", 0, 1)
        with pytest.raises(FileNotFoundError):
            files.open("packs/ab/abcd.pack")

    def test_saving_again_mends_a_damaged_file(self):
        files = blob_files()
        save(files, "objects/ab/abcd", b"dammaged")
        save(files, "objects/ab/abcd", b"whole")
        assert files.read_range("objects/ab/abcd", 0, 100) == b"whole"
        assert [file.name for file in files.iter_files("objects")] == ["objects/ab/abcd"]

    def test_chunks_of_another_digest_leave_no_file(self):
        files = blob_files()
        with pytest.raises(DigestMismatch):
            files.save("objects/ab/abcd", lambda: [b"other"], digest_of(b"content"))
        assert list(files.iter_files("objects")) == list(files.iter_files("incoming")) == []

    def test_files_are_listed_with_their_sizes(self):
        files = blob_files()
        for name in ["packs/ab/1", "packs/ab/2", "packs/cd/3", "objects/ab/4"]:
            save(files, name, name.encode())
        listed = {file.name: file.size for file in files.iter_files("packs")}
        assert listed == {"packs/ab/1": 10, "packs/ab/2": 10, "packs/cd/3": 10}
        assert all(file.modified.tzinfo for file in files.iter_files("packs"))
        assert list(files.iter_files("nowhere")) == []

    def test_a_deleted_file_is_gone_and_may_be_deleted_again(self):
        files = blob_files()
        save(files, "packs/ab/1", b"x")
        files.delete("packs/ab/1")
        files.delete("packs/ab/1")
        assert list(files.iter_files("packs")) == []

    def test_blobs_come_back_from_packs_and_single_objects(self):
        large = os.urandom(5_000_000)
        blobs = [*many_blobs(50), raw(large), new_blob(b"json " * 100), raw(b"")]
        put_blobs(blobs)
        assert Pack.objects.filter(kind=Pack.Kind.SINGLE).count() == 1
        assert get_blobs(b.digest for b in blobs) == {b.digest: b.data for b in blobs}
        assert get_content(digest_of(b"json " * 100)) == b"json " * 100
        assert get_content(digest_of(large)) == large

    def test_ranges_of_one_pack_may_be_read_apart(self, monkeypatch):
        monkeypatch.setattr(reading, "GAP_BYTES", 0)
        blobs = many_blobs(40)
        put_blobs(blobs)
        some = blobs[::3]
        assert get_blobs(b.digest for b in some) == {b.digest: b.data for b in some}

    def test_a_photograph_is_streamed_in_and_out(self):
        photograph = os.urandom(9_000_001)
        digest = put_file(io.BytesIO(photograph))
        with open_content(digest) as file:
            assert file.read(10) == photograph[:10]
            file.seek(0)
            assert digest_of(file.read()) == digest

    def test_an_empty_file_is_a_blob_too(self):
        digest = put_file(io.BytesIO(b""))
        with open_content(digest) as file:
            assert file.read() == b""

    def test_a_flipped_bit_is_found_and_named(self):
        blobs = many_blobs(3)
        put_blobs(blobs)
        pack = Pack.objects.get()
        files = blob_files()
        data = bytearray(files.read_range(pack.name, 0, pack.size))
        data[8 + 60] ^= 1  # the second blob
        save(files, pack.name, bytes(data))
        with pytest.raises(ObjectCorrupt, match="stored bytes is another") as caught:
            get_blobs(b.digest for b in blobs)
        assert caught.value.digest == blobs[1].digest
        assert (caught.value.pack, caught.value.offset) == (pack.name, 68)
        assert get_blobs([blobs[0].digest, blobs[2].digest])

    def test_a_truncated_pack_is_found_and_named(self):
        blobs = many_blobs(3)
        put_blobs(blobs)
        pack, files = Pack.objects.get(), blob_files()
        save(files, pack.name, files.read_range(pack.name, 0, 100))
        with pytest.raises(ObjectCorrupt, match="truncated: 32 of 60 bytes") as caught:
            get_blobs(b.digest for b in blobs)
        assert (caught.value.digest, caught.value.offset) == (blobs[1].digest, 68)

    def test_a_missing_pack_is_found_and_named(self):
        blobs = many_blobs(3)
        put_blobs(blobs)
        pack = Pack.objects.get()
        blob_files().delete(pack.name)
        with pytest.raises(ObjectMissing) as caught:
            get_blobs(b.digest for b in blobs)
        assert (caught.value.pack, caught.value.offset) == (pack.name, 8)
        assert set(caught.value.digests) == {b.digest for b in blobs}

    def test_a_whole_store_is_clean_and_a_missing_pack_is_not(self):
        blobs = many_blobs(3)
        put_blobs(blobs)
        put_file(io.BytesIO(b"photograph"))
        hold([blobs[0].digest])
        assert list(verify("data")) == []
        name = Pack.objects.get(kind=Pack.Kind.PACK).name
        blob_files().delete(name)
        file, needed = verify("tree")
        assert (file.code, file.object) == ("file_missing", name)
        assert (needed.code, needed.object) == ("object_missing", blobs[0].digest.hex())
        assert (needed.parent, needed.path) == ("streets v1", "0.jpg")

    def test_a_dry_run_of_garbage_collection_deletes_nothing(self):
        put_blobs(many_blobs(3))
        hold([])
        collect_garbage()
        assert len(list(blob_files().iter_files("packs"))) == 1


class TestLocalFiles(StorageContract):
    @pytest.fixture(autouse=True)
    def storage(self, blob_folder):
        pass  # the default of these tests

    def test_nothing_unfinished_stays_behind(self, blob_folder):
        put_blobs(many_blobs(3))
        assert list((blob_folder / "incoming").iterdir()) == []

    def test_a_full_disk_is_reported_and_leaves_no_rows(self, monkeypatch):
        def full(handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("store_app.durable.os.fsync", full)
        with pytest.raises(StorageFailed, match="No space left"):
            put_blobs(many_blobs(3))
        assert not Pack.objects.exists()

    def test_what_reads_back_otherwise_is_not_made_reachable(self, monkeypatch):
        monkeypatch.setattr("store_app.durable.hash_chunks", lambda chunks: bytes(32))
        with pytest.raises(StorageFailed, match="reads back as 0000"):
            put_blobs(many_blobs(3))
        assert not Pack.objects.exists()


class TestAnyFiles(StorageContract):
    @pytest.fixture(autouse=True)
    def storage(self, settings):
        use_storage(settings, "django.core.files.storage.InMemoryStorage")


class TestS3Files(StorageContract):
    @pytest.fixture(autouse=True)
    def storage(self, settings, moto_endpoint, tmp_path_factory):
        bucket = tmp_path_factory.mktemp("bucket").name.replace("_", "-")
        use_bucket(settings, moto_endpoint, bucket)

    def test_keys_lie_below_the_prefix(self):
        put_blobs(many_blobs(1))
        storage = storages["blobs"]
        keys = [item.key for item in storage.bucket.objects.all()]
        assert keys == [f"some/prefix/{Pack.objects.get().name}"]

    def test_an_object_is_sent_with_its_sha256(self):
        sent = []

        def note(request, **_):
            sent.append(request.headers["x-amz-checksum-sha256"])

        files = blob_files()
        files.client.meta.events.register("before-sign.s3.PutObject", note)
        put_blobs(many_blobs(1))
        assert [base64.b64decode(checksum) for checksum in sent] == [Pack.objects.get().digest]

    def test_a_large_object_is_sent_in_parts_and_read_back(self, monkeypatch):
        monkeypatch.setattr(S3Files, "single_request_bytes", 1_000_000)
        photograph = os.urandom(17_000_000)  # boto3 makes parts of 8 MB
        digest = put_file(io.BytesIO(photograph))
        assert hashlib.sha256(photograph).digest() == digest
        assert get_content(digest) == photograph

    @pytest.mark.parametrize(("repeats_checksum", "read_back"), [(True, 0), (False, 1)])
    def test_an_object_is_read_back_unless_the_server_repeats_its_sha256(
        self, monkeypatch, repeats_checksum, read_back
    ):
        checked = []
        checksum = base64.b64encode(digest_of(b"photograph")).decode()

        def answer(parsed, **_):
            parsed["ChecksumSHA256"] = checksum if repeats_checksum else None

        files = blob_files()
        files.client.meta.events.register("after-call.s3.PutObject", answer)
        monkeypatch.setattr(S3Files, "check", lambda self, name, digest: checked.append(name))
        put_file(io.BytesIO(b"photograph"))
        assert len(checked) == read_back

    def test_a_refused_upload_leaves_no_rows(self):
        files = blob_files()
        files.client.delete_bucket(Bucket=files.bucket)
        with pytest.raises(StorageFailed, match="NoSuchBucket"):
            put_blobs(many_blobs(3))
        assert not Pack.objects.exists()
