"""A bucket behind a connection that breaks: nothing is lost, and what went wrong is said."""

import io
import os

import pytest
from django.utils import timezone

from store_app.blobs import get_blobs, get_content, put_blobs, put_file
from store_app.compaction import compact_packs
from store_app.durable import blob_files
from store_app.errors import StorageFailed
from store_app.garbage import GRACE, collect_garbage
from store_app.models import Blob, Pack
from store_app.s3 import S3Files
from store_app.verification import find_unfinished, start_verification, verify
from tests.store_app.builders import digest_of, hold, many_blobs, use_bucket
from tests.store_app.cutting_proxy import CuttingProxy, cutting_proxy

pytestmark = pytest.mark.django_db

ALWAYS = 1_000
DENIED = b"<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>"
NO_BUCKET = b"<Error><Code>NoSuchBucket</Code><Message>no such bucket</Message></Error>"


@pytest.fixture
def proxy(settings, moto_endpoint, tmp_path_factory):
    """A bucket of its own, and the way to it."""
    name = tmp_path_factory.mktemp("cut").name
    with cutting_proxy(moto_endpoint) as proxy:
        use_bucket(settings, moto_endpoint, name, through=proxy.address)
        yield proxy


def test_an_upload_that_is_cut_off_is_sent_again(proxy: CuttingProxy):
    blobs = many_blobs(100)
    proxy.cut_requests(1, after=3_000)
    put_blobs(blobs)
    assert proxy.cut == 1
    assert len(get_blobs(blob.digest for blob in blobs)) == 100


def test_an_upload_that_is_cut_off_each_time_leaves_no_rows_and_can_be_repeated(
    proxy: CuttingProxy,
):
    blobs = many_blobs(100)
    proxy.cut_requests(ALWAYS, after=3_000)
    with pytest.raises(StorageFailed, match=r"packs/\w\w/\w+\.pack: "):
        put_blobs(blobs)
    assert not Pack.objects.exists()
    proxy.heal()
    put_blobs(blobs)
    assert list(verify("data")) == []


def test_an_upload_in_parts_that_is_cut_off_leaves_no_rows_and_no_parts_for_ever(
    proxy: CuttingProxy, monkeypatch
):
    monkeypatch.setattr(S3Files, "single_request_bytes", 1_000_000)
    photograph = os.urandom(9_000_000)  # two parts
    proxy.cut_requests(ALWAYS, after=2_000_000)
    with pytest.raises(StorageFailed):
        put_file(io.BytesIO(photograph))
    assert not Pack.objects.exists()
    proxy.heal()
    hold([digest_of(photograph)])
    collect_garbage(dry_run=False, now=timezone.now() + 2 * GRACE)
    files = blob_files()
    assert not files.client.list_multipart_uploads(Bucket=files.bucket).get("Uploads")
    assert get_content(put_file(io.BytesIO(photograph))) == photograph


def test_a_read_that_is_cut_off_is_asked_for_again(proxy: CuttingProxy):
    blobs = many_blobs(100)
    put_blobs(blobs)
    proxy.cut_answers(2, after=3_000)
    assert len(get_blobs(blob.digest for blob in blobs)) == 100
    assert proxy.cut == 2


def test_a_file_that_is_cut_off_goes_on_where_it_was(proxy: CuttingProxy):
    photograph = os.urandom(3_000_000)
    put_file(io.BytesIO(photograph))
    proxy.cut_answers(2, after=1_200_000)
    with blob_files().open(Pack.objects.get().name) as file:
        assert file.read() == photograph
    assert proxy.cut == 2


def test_a_read_that_is_cut_off_each_time_is_a_failure_and_no_damage(proxy: CuttingProxy):
    blobs = many_blobs(100)
    put_blobs(blobs)
    name = Pack.objects.get().name
    proxy.cut_answers(ALWAYS, after=3_000)
    with pytest.raises(StorageFailed, match=f"{name}: cut off 3 times"):
        get_blobs(blob.digest for blob in blobs)
    proxy.heal()
    assert list(verify("data")) == []


@pytest.mark.parametrize("after", [0, 20, 150])
def test_an_answer_that_ends_within_its_headers_is_not_an_empty_one(proxy: CuttingProxy, after):
    put_blobs(many_blobs(3))
    name, files = Pack.objects.get().name, blob_files()
    proxy.cut_answers(ALWAYS, after)
    for ask in (
        lambda: list(files.iter_files("packs")),
        lambda: files.exists(name),
        lambda: files.read_range(name, 0, 10),
        lambda: files.open(name),
    ):
        with pytest.raises(StorageFailed):
            ask()


def test_a_bucket_that_cannot_be_listed_loses_nothing(proxy: CuttingProxy):
    put_blobs(many_blobs(10))
    hold([])
    collect_garbage(dry_run=False, now=timezone.now() + 2 * GRACE)
    proxy.cut_requests(ALWAYS, after=20)
    with pytest.raises(StorageFailed):
        collect_garbage(dry_run=False, now=timezone.now() + 4 * GRACE)
    assert Pack.objects.get().state == Pack.State.DELETING
    proxy.heal()
    assert len(list(blob_files().iter_files("packs"))) == 1
    collect_garbage(dry_run=False, now=timezone.now() + 4 * GRACE)
    assert list(blob_files().iter_files("packs")) == []


def test_a_compaction_that_is_cut_off_changes_nothing_and_can_be_repeated(proxy: CuttingProxy):
    blobs = many_blobs(100)
    put_blobs(blobs)
    Blob.objects.update(touched_at=timezone.now() - 9 * GRACE)
    hold([blob.digest for blob in blobs[:20]])
    before = list(Blob.objects.order_by("digest").values("pack", "start"))
    proxy.cut_requests(ALWAYS, after=1_500)
    with pytest.raises(StorageFailed):
        compact_packs(dry_run=False)
    assert list(Blob.objects.order_by("digest").values("pack", "start")) == before
    proxy.heal()
    assert compact_packs(dry_run=False).moved_blobs == 20
    assert list(verify("data")) == []


def test_a_verification_that_is_cut_off_finds_no_damage_and_goes_on_later(proxy: CuttingProxy):
    for blob in many_blobs(3):
        put_blobs([blob])
    run = start_verification()
    proxy.cut_answers(ALWAYS, after=1)
    with pytest.raises(StorageFailed):
        list(verify("data", run=run))
    proxy.heal()
    assert list(verify("data", run=find_unfinished())) == []


@pytest.mark.parametrize(
    ("status", "body"), [("403 Forbidden", DENIED), ("404 Not Found", NO_BUCKET)]
)
def test_what_the_service_may_not_see_is_not_said_to_be_lost(proxy: CuttingProxy, status, body):
    photograph = put_file(io.BytesIO(b"photograph"))
    name = Pack.objects.get().name
    proxy.answer_all(status, body)
    files = blob_files()
    for ask in (
        lambda: files.read_range(name, 0, 5),
        lambda: files.open(name),
        lambda: files.exists(name),
        lambda: files.delete(name),
        lambda: list(files.iter_files("objects")),
        lambda: get_content(photograph),
        lambda: list(verify("data")),
    ):
        with pytest.raises(StorageFailed):
            ask()


def test_who_may_not_list_unfinished_uploads_collects_the_rest(proxy: CuttingProxy):
    proxy.answer_all("403 Forbidden", DENIED)
    assert list(blob_files().iter_unfinished()) == []


def test_a_file_that_is_not_there_is_told_from_one_that_cannot_be_asked_for(proxy: CuttingProxy):
    files = blob_files()
    assert not files.exists("objects/ab/abcd")
    with pytest.raises(FileNotFoundError):
        files.open("objects/ab/abcd")
    proxy.answer_all("503 Slow Down")
    with pytest.raises(StorageFailed):
        files.exists("objects/ab/abcd")
