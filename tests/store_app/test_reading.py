import pytest

from store_app import reading
from store_app.blobs import (
    get_blobs,
    get_content,
    get_locations,
    iter_blobs,
    new_blob,
    open_content,
    put_blobs,
)
from store_app.durable import LocalFiles
from store_app.errors import ObjectCorrupt, ObjectMissing
from store_app.models import Blob, Pack
from tests.store_app.builders import digest_of, flip_bit, many_blobs, raw

pytestmark = pytest.mark.django_db


@pytest.fixture
def reads(monkeypatch) -> list[tuple[int, int]]:
    """The (start, length) of every read of a file."""
    seen = []
    read_range = LocalFiles.read_range

    def noting(self, name, start, length):
        seen.append((start, length))
        return read_range(self, name, start, length)

    monkeypatch.setattr(LocalFiles, "read_range", noting)
    return seen


def test_blobs_come_in_the_order_asked_for():
    blobs = many_blobs(5)
    put_blobs(blobs)
    wanted = [blobs[n].digest for n in (3, 0, 4, 0)]
    assert list(get_blobs(wanted)) == [blobs[n].digest for n in (3, 0, 4)]


def test_nothing_asked_is_nothing_read(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert get_blobs([]) == {}


def test_neighbours_are_read_at_once(reads):
    blobs = many_blobs(1_000)
    put_blobs(blobs)
    get_blobs(b.digest for b in blobs[::7])
    assert reads == [(8, 60 * 995)]


def test_a_wide_gap_is_not_read(reads, monkeypatch):
    monkeypatch.setattr(reading, "GAP_BYTES", 100)
    blobs = many_blobs(10)
    put_blobs(blobs)
    get_blobs(blobs[n].digest for n in (0, 2, 5, 6))
    assert reads == [(8, 180), (8 + 5 * 60, 120)]


def test_a_range_does_not_grow_beyond_its_limit(reads, monkeypatch):
    monkeypatch.setattr(reading, "RANGE_BYTES", 150)
    blobs = many_blobs(5)
    put_blobs(blobs)
    get_blobs(b.digest for b in blobs)
    assert reads == [(8, 120), (128, 120), (248, 60)]


def test_all_missing_blobs_are_listed():
    put_blobs([raw(b"here")])
    gone = [digest_of(b"gone"), digest_of(b"also gone")]
    with pytest.raises(ObjectMissing) as caught:
        get_blobs([gone[0], digest_of(b"here"), gone[1]])
    assert caught.value.digests == tuple(gone)


def test_iterating_keeps_order_and_repetitions_and_reads_within_a_budget(reads):
    blobs = many_blobs(10)
    put_blobs(blobs)
    wanted = [blobs[n].digest for n in (9, 1, 1, 2, 8, 3)]
    found = list(iter_blobs(iter(wanted), batch_bytes=130))
    assert found == [(blobs[n].digest, blobs[n].data) for n in (9, 1, 1, 2, 8, 3)]
    assert len(reads) == 3


def test_iterating_looks_up_as_it_goes(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(reading, "_LOOKED_UP_AT_ONCE", 4)
    blobs = many_blobs(10)
    put_blobs(blobs)
    with django_assert_num_queries(3):
        assert len(list(iter_blobs(b.digest for b in blobs))) == 10


def test_content_is_decoded_and_checked():
    content = b"attributes " * 20
    put_blobs([new_blob(content, "zstd")])
    assert get_content(digest_of(content)) == content
    assert open_content(digest_of(content)).read() == content


def test_stored_bytes_that_decode_to_other_content_are_corrupt():
    put_blobs([new_blob(b"content", "zstd")])
    # As if an encoder had been wrong: the bytes are those stored, their content is not.
    Blob.objects.update(digest=digest_of(b"another"))
    with pytest.raises(ObjectCorrupt, match="its content has another digest"):
        get_content(digest_of(b"another"))


def test_a_wrong_size_in_the_index_is_corrupt():
    put_blobs([raw(b"content")])
    Blob.objects.update(size=8)
    with pytest.raises(ObjectCorrupt, match="7 bytes, not 8"):
        get_content(digest_of(b"content"))


def test_a_damaged_photograph_is_not_opened(blob_folder, monkeypatch):
    monkeypatch.setattr(reading, "_IN_MEMORY_BYTES", 10)
    monkeypatch.setattr("store_app.writing.LARGE_BYTES", 10)
    put_blobs([raw(b"a photograph")])
    flip_bit(blob_folder / Pack.objects.get().name, 3)
    with pytest.raises(ObjectCorrupt):
        open_content(digest_of(b"a photograph"))


def test_a_lost_photograph_is_named(blob_folder, monkeypatch):
    monkeypatch.setattr(reading, "_IN_MEMORY_BYTES", 10)
    monkeypatch.setattr("store_app.writing.LARGE_BYTES", 10)
    put_blobs([raw(b"a photograph")])
    (blob_folder / Pack.objects.get().name).unlink()
    with pytest.raises(ObjectMissing, match=r"objects/.*not in the storage"):
        open_content(digest_of(b"a photograph"))


def test_a_location_says_which_bytes_of_which_file(blob_folder):
    blobs = many_blobs(2)
    put_blobs(blobs)
    [location] = get_locations([blobs[1].digest])
    data = (blob_folder / location.pack).read_bytes()
    assert data[location.start : location.start + location.length] == blobs[1].data
    assert (location.size, location.stored_digest) == (60, blobs[1].digest)
