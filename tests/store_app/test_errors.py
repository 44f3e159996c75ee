import pickle

import pytest

from store_app.errors import NoRoots, ObjectCorrupt, ObjectMissing, StorageFailed, TesseraError


@pytest.mark.parametrize(
    "error",
    [
        ObjectMissing([b"\1" * 32, b"\2" * 32]),
        ObjectCorrupt(b"\1" * 32, pack="packs/ab/abcd.pack", offset=8, reason="truncated"),
        StorageFailed("packs/ab/abcd.pack", "no space"),
        NoRoots(),
    ],
)
def test_an_error_crosses_a_process_pool_unchanged(error: TesseraError):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.facts, vars(copy)) == (str(error), error.facts, vars(error))


def test_a_corrupt_object_names_digest_pack_and_offset():
    error = ObjectCorrupt(b"\1" * 32, pack="packs/ab/abcd.pack", offset=8, reason="truncated")
    assert str(error) == (
        f"object {'01' * 32} is corrupt: truncated (packs/ab/abcd.pack, offset 8)"
    )
    assert error.facts["digest"] == "01" * 32


def test_missing_objects_are_all_listed():
    error = ObjectMissing([b"\1" * 32, b"\2" * 32])
    assert error.facts["digests"] == ["01" * 32, "02" * 32]
    assert "and 1 more" in str(error)
