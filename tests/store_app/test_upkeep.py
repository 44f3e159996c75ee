"""Compacting, collecting, verifying and erasing: one body for files and for a bucket."""

import io
from datetime import timedelta

import pytest
from django.utils import timezone

from store_app.blobs import get_blobs, open_content, put_blobs, put_file
from store_app.compaction import compact_packs
from store_app.durable import blob_files
from store_app.erasure import destroy_erased, mark_erased
from store_app.errors import ObjectErased
from store_app.garbage import collect_garbage
from store_app.models import Blob, Pack
from store_app.verification import start_verification, verify
from tests.store_app.builders import digest_of, hold, many_blobs, use_bucket

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def collect(days: float):
    """Collect so many days from now."""
    return collect_garbage(dry_run=False, now=timezone.now() + days * DAY)


def stored_long_ago(alive: int):
    """Ten blobs in one pack, of which the first few are needed."""
    blobs = many_blobs(10)
    put_blobs(blobs)
    Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
    hold([blob.digest for blob in blobs[:alive]])
    return blobs


def names_stored() -> list[str]:
    files = blob_files()
    return sorted(file.name for kind in ("packs", "objects") for file in files.iter_files(kind))


class UpkeepContract:
    """What upkeep does on every kind of storage; `storage` is the fixture that installs one."""

    @pytest.fixture(autouse=True)
    def storage(self):
        raise NotImplementedError

    def test_what_nobody_needs_is_condemned_and_deleted_a_day_later(self):
        stored_long_ago(alive=0)
        put_file(io.BytesIO(b"photograph"))
        Blob.objects.update(touched_at=timezone.now() - 5 * DAY)
        assert collect(2).condemned.files == 2
        assert len(names_stored()) == 2
        assert collect(3.1).deleted.files == 2
        assert names_stored() == []
        assert list(verify("data")) == []

    def test_a_file_that_no_row_knows_is_deleted_when_it_is_old(self):
        put_file(io.BytesIO(b"photograph"))
        hold([digest_of(b"photograph")])
        orphan = f"objects/ab/ab{'0' * 62}"
        files = blob_files()
        files.save(orphan, lambda: [b"left by a crash"], digest_of(b"left by a crash"))
        assert collect(0).orphans.files == 0
        assert collect(2).orphans.first == (orphan,)
        assert len(names_stored()) == 1

    def test_what_lives_in_a_mostly_dead_pack_moves_and_the_old_pack_goes(self):
        blobs = stored_long_ago(alive=2)
        old = Pack.objects.get()
        assert compact_packs(dry_run=False).moved_blobs == 2
        assert len(names_stored()) == 2
        assert collect(1.1).deleted.first == (old.name,)
        assert [Pack.objects.exclude(pk=old.pk).get().name] == names_stored()
        assert get_blobs([blobs[1].digest]) == {blobs[1].digest: blobs[1].data}
        assert list(verify("data")) == []

    def test_damage_is_named_at_the_level_that_reads_and_stops_a_compaction(self):
        blobs = stored_long_ago(alive=2)
        pack, files = Pack.objects.get(), blob_files()
        data = bytearray(files.read_range(pack.name, 0, pack.size))
        data[10] ^= 1
        files.save(pack.name, lambda: [bytes(data)], digest_of(bytes(data)))
        assert list(verify("tree")) == []
        file, blob = verify("data")
        assert (file.code, file.object) == ("file_corrupt", pack.name)
        assert (blob.code, blob.object) == ("object_corrupt", blobs[0].digest.hex())
        assert [problem.object for problem in compact_packs(dry_run=False).problems] == [pack.name]
        assert names_stored() == [pack.name]

    def test_a_sample_is_read_and_says_what_it_covered(self):
        put_blobs(many_blobs(100))
        put_file(io.BytesIO(b"photograph"))
        run = start_verification(sample=0.3, seed=1)
        assert list(verify("data", run=run)) == []
        assert 0 < run.covered["blobs"] < run.covered["of_blobs"] == 101

    def test_erased_bytes_are_gone_and_their_neighbours_stay(self):
        blobs = stored_long_ago(alive=10)
        photograph = put_file(io.BytesIO(b"photograph"))
        erased = [blobs[2].digest, photograph]
        mark_erased(erased, reason="asked by the person shown")
        assert len(destroy_erased(erased).files) == 2
        held = b"".join(blob_files().read_range(name, 0, 10_000) for name in names_stored())
        assert b"blob 1 " in held
        assert b"blob 2 " not in held
        assert b"photograph" not in held
        assert len(get_blobs(b.digest for b in blobs if b is not blobs[2])) == 9
        with pytest.raises(ObjectErased):
            open_content(photograph)
        assert [finding.code for finding in verify("data")] == ["object_erased"]


class TestUpkeepOfLocalFiles(UpkeepContract):
    @pytest.fixture(autouse=True)
    def storage(self, blob_folder):
        pass  # the default of these tests


class TestUpkeepOfABucket(UpkeepContract):
    @pytest.fixture(autouse=True)
    def storage(self, settings, moto_endpoint, tmp_path_factory):
        self.bucket = tmp_path_factory.mktemp("upkeep").name.replace("_", "-")
        self.client = use_bucket(settings, moto_endpoint, self.bucket)

    def test_more_files_than_one_listing_has_are_all_seen(self):
        from moto.s3.models import s3_backends

        stored = s3_backends["123456789012"]["aws"]
        for number in range(1_003):  # a listing has 1,000
            name = f"objects/{number % 256:02x}/{number % 256:02x}{number:062x}"
            stored.put_object(self.bucket, f"some/prefix/{name}", b"x")
        hold([])
        assert collect(0).orphans.files == 0
        assert len(names_stored()) == 1_003

    def test_parts_of_an_upload_that_nobody_completed_are_given_up_when_they_are_old(self):
        put_file(io.BytesIO(b"photograph"))
        hold([digest_of(b"photograph")])
        key = f"some/prefix/objects/ab/ab{'0' * 62}"
        begun = self.client.create_multipart_upload(Bucket=self.bucket, Key=key)
        where = {"Bucket": self.bucket, "Key": key, "UploadId": begun["UploadId"]}
        self.client.upload_part(**where, PartNumber=1, Body=bytes(1_000))

        def begun_now(parsed, **_):
            for upload in parsed["Uploads"]:  # the server of the tests says 2010 of all
                upload["Initiated"] = timezone.now()

        blob_files().client.meta.events.register("after-call.s3.ListMultipartUploads", begun_now)
        assert collect(0).orphans.files == 0
        report = collect(2)
        assert (report.orphans.files, report.orphans.bytes) == (1, 1_000)
        assert not self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads")
        assert len(names_stored()) == 1
