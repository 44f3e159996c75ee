import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.errors import MalformedPack
from panoptic.packs import NewObject, SealedPack, read_entries, seal_pack

GOLDEN = (
    "54455353504b0001"  # head
    "6d6f73616963"  # the object "mosaic"; the empty object has no bytes
    "19818c00e27a53819a4ce1341ee0794353501110ebecd1c9884db188843988d0"  # mosaic: digest
    "19818c00e27a53819a4ce1341ee0794353501110ebecd1c9884db188843988d0"  # stored digest
    "0800000000000000"  # start
    "0600000000000000"  # length
    "0600000000000000"  # size
    "00"  # codec
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # empty: digest
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # stored digest
    "0e00000000000000"  # start
    "0000000000000000"  # length
    "0000000000000000"  # size
    "00"  # codec
    "0e00000000000000"  # start of the table
    "02000000"  # objects
    "54455353504b0100"  # end
)


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def pack_of(*contents: bytes) -> SealedPack:
    return seal_pack(
        [NewObject(digest_of(c), digest_of(c), len(c), codec=0, data=c) for c in contents]
    )


def bytes_of(pack: SealedPack) -> bytes:
    return b"".join(pack.chunks)


def test_the_bytes_of_a_pack_are_those_of_the_document():
    data = bytes_of(pack_of(b"mosaic", b""))
    assert data.hex() == GOLDEN
    example = Path(__file__).parents[2] / "docs/formats/pack.md"
    assert GOLDEN in "".join(example.read_text().split())


def test_a_pack_is_named_by_the_sha256_of_its_bytes():
    pack = pack_of(b"one", b"two")
    assert pack.digest == hashlib.sha256(bytes_of(pack)).digest()
    assert pack.size == len(bytes_of(pack))


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_the_table_finds_each_object(contents):
    pack = pack_of(*contents)
    data = bytes_of(pack)
    entries = read_entries(data)
    assert entries == list(pack.entries)
    assert [data[e.start : e.start + e.length] for e in entries] == contents


@given(st.lists(st.binary(max_size=9), max_size=3), st.data())
def test_a_shortened_pack_is_refused(contents, data):
    whole = bytes_of(pack_of(*contents))
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(MalformedPack):
        read_entries(whole[:length])


@pytest.mark.parametrize(
    ("offset", "reason"),
    [(0, "does not begin"), (-1, "does not end"), (-12, "does not fit"), (14 + 64, "begin at 8")],
)
def test_a_broken_frame_says_where(offset, reason):
    data = bytearray(bytes_of(pack_of(b"mosaic")))
    data[offset] ^= 1
    with pytest.raises(MalformedPack, match=reason):
        read_entries(bytes(data))


def test_objects_must_fill_the_space_before_the_table():
    data = bytearray(bytes_of(pack_of(b"mosaic")))
    data[14 + 72] -= 1  # the low byte of the length
    with pytest.raises(MalformedPack, match="the objects end at 13, the table begins at 14"):
        read_entries(bytes(data))
