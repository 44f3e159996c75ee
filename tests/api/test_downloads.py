"""Files as answers: ranges, conditions, and downloads that go on after a break."""

import hashlib
import http.client
import io
import random
import tracemalloc
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.utils import timezone
from django.utils.http import http_date
from hypothesis import given
from hypothesis import strategies as st

from api.downloads import ByteRange, parse_range
from datasets_app.jobs.roots import EXPORTS_KEPT
from datasets_app.models import Job, JobState
from people_app.actions.tokens import create_token
from store_app import ranges
from store_app.blobs import (
    find_content,
    get_content,
    iter_content,
    new_blob,
    put_blobs,
    put_file,
)
from store_app.errors import ObjectCorrupt
from store_app.models import Blob, Pack
from tests.api.builders import API, STREETS, body_of, build_world, person
from tests.store_app.builders import digest_of, s3_server, use_bucket

pytestmark = pytest.mark.django_db
PHOTO = f"{STREETS}/versions/v1/images/1/photo"


@pytest.fixture(autouse=True)
def _jobs_run_when_asked(monkeypatch):
    monkeypatch.setattr("datasets_app.jobs.queue._start", lambda job: None)


def export_of(content: bytes, dataset: Any, **fields: Any) -> tuple[str, Job]:
    """The address of a finished export whose archive is this, and its job."""
    result = {
        "digest": put_file(io.BytesIO(content)).hex(),
        "file_name": "streets-v1-coco_panoptic.zip",
        "size_bytes": len(content),
    }
    done = {"state": JobState.DONE, "finished_at": timezone.now(), "result": result}
    job = Job.objects.create(kind="export", dataset=dataset, **{**done, **fields})
    return f"{API}/jobs/{job.pk}/download/", job


# ---- what a Range means ------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=0-0", (0, 1)), ("bytes=2-4", (2, 5)), ("bytes=7-", (7, 10)), ("bytes=-3", (7, 10)),
        ("bytes=0-99", (0, 10)), ("bytes=-99", (0, 10)), ("Bytes = 2-4 ,", (2, 5)),
        ("bytes=0-1,4-5", None), ("bytes=4-2", None), ("bytes=-", None), ("bytes=", None),
        ("bytes=a-b", None), ("bytes=1", None), ("rows=1-2", None), ("", None), ("bytes=--1", None),
    ],
)  # fmt: skip
def test_a_range_means(header, found):
    assert parse_range(header, 10) == (found and ByteRange(*found))


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-11", "bytes=-0", f"bytes={'9' * 30}-"])
def test_a_range_that_is_not_there_is_an_error(header):
    with pytest.raises(ValueError, match="10 bytes"):
        parse_range(header, 10)


@given(st.text(max_size=30), st.integers(0, 50))
def test_no_header_breaks_it(text, size):
    for header in (text, f"bytes={text}"):
        try:
            found = parse_range(header, size)
        except ValueError:
            continue
        assert found is None or 0 <= found.start < found.stop <= size


# ---- answers -----------------------------------------------------------------


def test_a_photograph_is_given_whole_with_what_a_client_needs_to_resume(world, reader):
    response = reader.get(PHOTO)
    assert (response.status_code, body_of(response)) == (200, world.photo)
    digest = hashlib.sha256(world.photo)
    assert response["ETag"] == f'"{digest.hexdigest()}"'
    assert response["Repr-Digest"] == f"sha-256=:{b64encode(digest.digest()).decode()}:"
    assert (response["Accept-Ranges"], response["Content-Type"]) == ("bytes", "image/png")
    assert int(response["Content-Length"]) == len(world.photo)
    assert response["Content-Disposition"] == "inline; filename*=utf-8''a.png"


def test_a_range_of_a_photograph(world, reader):
    response = reader.get(PHOTO, headers={"Range": "bytes=10-19"})
    assert (response.status_code, body_of(response)) == (206, world.photo[10:20])
    assert response["Content-Range"] == f"bytes 10-19/{len(world.photo)}"
    assert response["Content-Length"] == "10"
    assert response["ETag"] == reader.get(PHOTO)["ETag"]


def test_several_ranges_are_answered_by_the_whole(world, reader):
    response = reader.get(PHOTO, headers={"Range": "bytes=0-1,5-6"})
    assert (response.status_code, body_of(response)) == (200, world.photo)


def test_a_range_beyond_the_end_is_416(world, reader):
    response = reader.get(PHOTO, headers={"Range": "bytes=99999-"})
    assert (response.status_code, response.json()["code"]) == (416, "range_not_satisfiable")
    assert response["Content-Range"] == f"bytes */{len(world.photo)}"


def test_head_tells_the_length_and_reads_nothing(world, reader, tmp_path: Path):
    for path in (tmp_path / "blobs" / "objects").rglob("*"):
        path.unlink() if path.is_file() else None
    response = reader.head(PHOTO, headers={"Range": "bytes=0-9"})
    assert (response.status_code, response.content) == (200, b"")
    assert int(response["Content-Length"]) == len(world.photo)
    assert response["Accept-Ranges"] == "bytes"


def test_conditions_are_kept(world, reader):
    made = timezone.now() - timedelta(hours=2)
    url, _ = export_of(b"0123456789", world.dataset, finished_at=made)
    whole = reader.get(url)
    etag, modified = whole["ETag"], whole["Last-Modified"]
    assert modified == http_date(made.timestamp())
    earlier = http_date(made.timestamp() - 60)
    for headers, status, body in [
        ({"If-None-Match": etag}, 304, b""),
        ({"If-None-Match": f"W/{etag}"}, 304, b""),
        ({"If-None-Match": '"else"', "If-Modified-Since": modified}, 200, b"0123456789"),
        ({"If-Modified-Since": modified}, 304, b""),
        ({"If-Modified-Since": earlier}, 200, b"0123456789"),
        ({"Range": "bytes=5-", "If-None-Match": etag}, 304, b""),
        ({"Range": "bytes=5-", "If-Match": etag}, 206, b"56789"),
        ({"Range": "bytes=5-", "If-Range": etag}, 206, b"56789"),
        ({"Range": "bytes=5-", "If-Range": modified}, 206, b"56789"),
        ({"Range": "bytes=5-", "If-Range": '"else"'}, 200, b"0123456789"),
        ({"Range": "bytes=5-", "If-Range": f"W/{etag}"}, 200, b"0123456789"),
        ({"Range": "bytes=5-", "If-Range": earlier}, 200, b"0123456789"),
        ({"Range": "bytes=50-", "If-Range": '"else"'}, 200, b"0123456789"),
        ({"Range": "bytes=5-", "If-Range": "nonsense"}, 200, b"0123456789"),
    ]:
        response = reader.get(url, headers=headers)
        assert (response.status_code, body_of(response)) == (status, body), headers
        assert response["ETag"] == etag
    for headers in ({"If-Match": '"else"'}, {"If-Unmodified-Since": earlier}):
        response = reader.get(url, headers=headers)
        assert (response.status_code, response.json()["code"]) == (412, "precondition_failed")


def test_an_export_is_saved_under_its_name(world, reader):
    url, _ = export_of(b"PK", world.dataset)
    assert reader.get(url)["Content-Disposition"] == (
        "attachment; filename*=utf-8''streets-v1-coco_panoptic.zip"
    )


def test_a_photograph_of_a_branch_has_no_date(world, reader):
    headers = {"Range": "bytes=1-", "If-Range": http_date(timezone.now().timestamp())}
    assert reader.get(PHOTO, headers=headers).status_code == 200


def test_ranges_are_nobody_elses(world, stranger):
    url, _ = export_of(b"PK", world.dataset)
    for path in (url, PHOTO):
        assert stranger.get(path, headers={"Range": "bytes=0-"}).status_code == 404


def test_an_export_of_long_ago_is_gone(world, reader):
    url, _ = export_of(b"PK", world.dataset, finished_at=timezone.now() - EXPORTS_KEPT)
    response = reader.get(url)
    assert (response.status_code, response.json()["code"]) == (410, "export_expired")
    assert reader.get(url, headers={"If-None-Match": "*"}).status_code == 410


def test_an_export_whose_bytes_are_gone_is_gone(world, reader):
    url, job = export_of(b"PK", world.dataset)
    Blob.objects.filter(digest=bytes.fromhex(job.result["digest"])).delete()
    assert reader.get(url).json()["code"] == "export_expired"


# ---- the store ---------------------------------------------------------------


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(ranges, "_PIECE_BYTES", 7)
    monkeypatch.setattr(ranges, "_REMOTE_PIECE_BYTES", 7)
    monkeypatch.setattr(ranges, "IN_MEMORY_BYTES", 20)


def stored_in_all_ways(content: bytes) -> list[bytes]:
    """The digests of four blobs with this content behind a letter: alone or packed, raw or not."""
    packed = [
        new_blob(letter + content, codec) for letter, codec in [(b"a", "raw"), (b"b", "zstd")]
    ]
    put_blobs(packed)
    alone = [put_file(io.BytesIO(letter + content), codec)
             for letter, codec in [(b"c", "raw"), (b"d", "zstd")]]  # fmt: skip
    assert Pack.objects.filter(kind=Pack.Kind.SINGLE).count() >= 2
    return [blob.digest for blob in packed] + alone


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("size", [0, 5, 19, 60])
def test_every_range_of_every_stored_form(size):
    for digest in stored_in_all_ways(random.Random(size).randbytes(size)):
        content, whole = find_content(digest), get_content(digest)
        assert content.size == size + 1
        assert b"".join(iter_content(content)) == whole
        for start in range(0, size, 3):
            for stop in range(start + 1, size + 2, 4):
                assert b"".join(iter_content(content, start, stop)) == whole[start:stop]


@pytest.mark.usefixtures("small_pieces")
def test_a_damaged_file_never_comes_complete(tmp_path: Path):
    digest = put_file(io.BytesIO(bytes(100)))
    path = tmp_path / "blobs" / "objects" / digest.hex()[:2] / digest.hex()
    path.write_bytes(bytes(50) + b"\1" + bytes(49))
    pieces, got = iter_content(find_content(digest)), []
    with pytest.raises(ObjectCorrupt):
        got.extend(pieces)
    assert sum(map(len, got)) < 100
    path.write_bytes(bytes(50))
    with pytest.raises(ObjectCorrupt, match="truncated"):
        list(iter_content(find_content(digest), 40, 60))


@pytest.mark.usefixtures("small_pieces")
def test_a_download_follows_a_blob_that_moves(tmp_path: Path):
    digest = digest_of(bytes(100))
    put_blobs([new_blob(bytes(100), "raw"), new_blob(b"beside", "raw")])
    pieces = iter_content(find_content(digest))
    begun = next(pieces)
    old = Blob.objects.get(digest=digest).pack
    put_file(io.BytesIO(bytes(100) + b"else"))
    new = Pack.objects.create(
        kind=Pack.Kind.SINGLE, digest=digest, size=100, created_at=timezone.now()
    )
    target = tmp_path / "blobs" / new.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(bytes(100))
    Blob.objects.filter(digest=digest).update(pack=new, start=0)
    (tmp_path / "blobs" / old.name).unlink()
    assert begun + b"".join(pieces) == bytes(100)


def test_a_bucket_is_asked_for_the_range_alone(settings, monkeypatch):
    with s3_server() as endpoint:
        use_bucket(settings, endpoint, f"ranges-{uuid4().hex[:8]}")
        content = find_content(put_file(io.BytesIO(bytes(10_000_000))))
        asked: list[str] = []
        from store_app.s3 import S3Files

        read = S3Files.read_range

        def note(files, name, start, length):
            asked.append(f"{start}+{length}")
            return read(files, name, start, length)

        monkeypatch.setattr(S3Files, "read_range", note)
        assert b"".join(iter_content(content, 5_000_000, 5_000_100)) == bytes(100)
    assert asked == ["5000000+100"]


def test_a_download_takes_the_memory_of_a_piece():
    content = find_content(put_file(io.BytesIO(bytes(32 * 2**20))))
    packed = find_content(put_file(io.BytesIO(bytes(32 * 2**20) + b"."), "zstd"))
    tracemalloc.start()
    for one in (content, packed):
        for span in ((0, one.size), (1_000, one.size - 1_000)):
            assert sum(map(len, iter_content(one, *span))) == span[1] - span[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


# ---- over the wire -----------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_download_that_breaks_off_at_random_is_resumed(live_server):
    world = build_world()
    order = random.Random(7)
    content = order.randbytes(3_000_000)
    url, _ = export_of(content, world.dataset)
    headers = {"Authorization": f"Token {create_token(user=person('ada')).secret}"}
    parts = urlsplit(live_server.url)
    got, tries = b"", 0
    while len(got) < len(content):
        line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        if got:
            headers |= {"Range": f"bytes={len(got)}-"}
        line.request("GET", url, headers=headers)
        answer = line.getresponse()
        assert answer.status == (206 if got else 200)
        headers["If-Range"] = answer.headers["ETag"]
        # The connection ends in the middle of what was asked for.
        got += answer.read(order.randint(1, 900_000))
        line.close()
        tries += 1
    assert tries > 3
    assert headers["If-Range"] == f'"{hashlib.sha256(got).hexdigest()}"'
