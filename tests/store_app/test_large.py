import io
import os
import tracemalloc

import pytest

from panoptic.errors import UnknownCodec
from store_app import large
from store_app.blobs import get_content, put_file, put_files
from store_app.errors import DigestMismatch
from store_app.models import Blob, Pack
from tests.store_app.builders import digest_of, files_in

pytestmark = pytest.mark.django_db


class OnlyForwards(io.RawIOBase):
    """A stream such as an upload: it cannot be read twice."""

    def __init__(self, content: bytes) -> None:
        self._inner = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._inner.readinto(buffer)


@pytest.mark.parametrize("codec", ["raw", "zstd"])
@pytest.mark.parametrize("kind", ["path", "file", "stream"])
def test_a_file_is_stored_under_the_digest_of_its_content(tmp_path, codec, kind):
    content = b"photograph " * 200_000
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    source = {"path": path, "file": io.BytesIO(content), "stream": OnlyForwards(content)}[kind]
    assert put_file(source, codec) == digest_of(content)
    assert get_content(digest_of(content)) == content


def test_a_file_is_stored_from_where_it_stands():
    file = io.BytesIO(b"header and content")
    file.seek(11)
    assert put_file(file) == digest_of(b"content")


def test_a_file_known_already_is_not_written_again(blob_folder, monkeypatch):
    put_file(io.BytesIO(b"photograph"))
    monkeypatch.setattr(large, "store_files", lambda files: pytest.fail(str(files)) if files else 0)
    assert put_file(io.BytesIO(b"photograph")) == digest_of(b"photograph")


def test_many_files_share_transactions_and_keep_their_order(
    tmp_path, django_assert_num_queries, blob_folder
):
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(b"photo %d" % (number % 4))  # the last is the first again
    # A look-up, a savepoint, two rows a file, a look whether any was erased.
    with django_assert_num_queries(1 + 2 + 2 * 4 + 1):
        digests = list(put_files(paths))
    assert digests == [digest_of(b"photo %d" % (number % 4)) for number in range(5)]
    assert len(files_in(blob_folder)) == Blob.objects.count() == Pack.objects.count() == 4


def test_a_file_that_changes_while_it_is_stored_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"before")
    store = large.store_files

    def change_then_store(files):
        path.write_bytes(b"after!")
        store(files)

    monkeypatch.setattr(large, "store_files", change_then_store)
    with pytest.raises(DigestMismatch):
        put_file(path)
    assert not Blob.objects.exists()


def test_labels_are_no_files():
    with pytest.raises(UnknownCodec):
        put_file(io.BytesIO(b""), codec="label")


def test_a_file_is_never_held_in_memory(tmp_path):
    path = tmp_path / "large.tif"
    path.write_bytes(os.urandom(2**20) * 40)
    tracemalloc.start()
    put_file(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20
