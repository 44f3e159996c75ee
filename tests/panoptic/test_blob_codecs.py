import hashlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.blob_codecs import codec_number, codec_of
from panoptic.errors import UnknownCodec
from panoptic.label_bytes import canonical_bytes
from tests.builders import label


@pytest.mark.parametrize("name", ["raw", "zstd"])
@given(content=st.binary(max_size=200))
def test_decode_inverts_encode(name, content):
    codec = codec_of(codec_number(name))
    assert codec.decode(codec.encode(content), len(content)) == content


def test_the_content_of_a_label_is_its_canonical_form():
    content = canonical_bytes(label("112 112 ..2", {1: 7, 2: 9}))
    codec = codec_of(codec_number("label"))
    stored = codec.encode(content)
    assert stored != content
    assert codec.decode(stored, len(content)) == content


def test_a_frame_that_claims_another_size_is_refused_before_it_is_decoded():
    codec = codec_of(codec_number("zstd"))
    with pytest.raises(ValueError, match="claims 1000000 bytes, the index 5"):
        codec.decode(codec.encode(bytes(1_000_000)), 5)


@pytest.mark.parametrize("damage", [lambda s: s[:-3], lambda s: s + b"x", lambda s: b"x" + s])
def test_a_damaged_frame_is_refused(damage):
    codec = codec_of(codec_number("zstd"))
    with pytest.raises(ValueError, match=r"decompress|content size|unused"):
        codec.decode(damage(codec.encode(b"tessera " * 50)), 400)


@pytest.mark.parametrize("name", ["gzip", ""])
def test_an_unknown_codec_is_refused(name):
    with pytest.raises(UnknownCodec):
        codec_number(name)


def test_an_unknown_number_is_refused():
    with pytest.raises(UnknownCodec):
        codec_of(99)


def test_threads_compress_side_by_side():
    codec = codec_of(codec_number("zstd"))
    contents = [hashlib.sha256(bytes([n])).digest() * 2000 for n in range(8)]
    results = {}

    def work(n: int) -> None:
        for _ in range(20):
            results[n] = codec.decode(codec.encode(contents[n]), len(contents[n]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict(enumerate(contents))
