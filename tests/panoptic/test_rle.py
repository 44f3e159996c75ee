"""COCO's RLE, both ways, against pycocotools and against counts written by hand."""

import contextlib
import json
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from panoptic import rle
from panoptic.errors import MalformedFile
from panoptic.kernels import rle_numba, rle_numpy
from panoptic.rle import decode_coco_rle, encode_coco_rle, encode_coco_rles
from panoptic.runs import constant_runs, decode_runs, encode_runs
from tests.builders import id_map
from tests.real_data import real_data

coco = pytest.importorskip("pycocotools.mask", reason="the extra `coco` is not installed")

unhurried = settings(deadline=None)
masks = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))
id_maps = hnp.arrays(
    np.uint32, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 4)
)


each_twin = pytest.mark.parametrize("kernels", [rle_numpy, rle_numba], ids=["numpy", "numba"])


@contextmanager
def using(kernels):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle, "kernels", kernels)
        yield


def by_pycocotools(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")


@each_twin
@unhurried
@given(mask=masks)
def test_masks_are_encoded_as_pycocotools_does(kernels, mask):
    with using(kernels):
        assert encode_coco_rle(encode_runs(mask)) == by_pycocotools(mask)


@each_twin
@unhurried
@given(mask=masks)
def test_masks_that_pycocotools_encoded_are_decoded(kernels, mask):
    with using(kernels):
        assert (decode_runs(decode_coco_rle(by_pycocotools(mask), *mask.shape)) == mask).all()


@each_twin
@unhurried
@given(ids=id_maps)
def test_all_segments_of_a_layer_are_encoded_at_once(kernels, ids):
    with using(kernels):
        strings = encode_coco_rles(encode_runs(ids))
    assert strings == {int(k): by_pycocotools(ids == k) for k in np.unique(ids[ids > 0])}
    assert list(strings) == sorted(strings)


@each_twin
def test_a_layer_without_segments_has_no_strings(kernels):
    with using(kernels):
        assert encode_coco_rles(constant_runs(3, 4)) == {}


@each_twin
@pytest.mark.parametrize("value", [0, 1])
def test_a_mask_of_nothing_or_everything(kernels, value):
    mask = np.full((7, 5), bool(value))
    with using(kernels):
        assert encode_coco_rle(encode_runs(mask)) == by_pycocotools(mask)
    assert decode_coco_rle(by_pycocotools(mask), 7, 5) == constant_runs(7, 5, value)


def test_counts_are_read_column_by_column():
    assert decode_coco_rle([1, 2, 3], 2, 3) == encode_runs(id_map(".1. 1.."))


@each_twin
def test_a_mask_with_large_counts(kernels):
    mask = np.zeros((3000, 2100), bool)
    mask[5:2990, 40:45] = mask[:, 2000:2090] = True
    with using(kernels):
        text = encode_coco_rle(encode_runs(mask))
    assert text == by_pycocotools(mask)
    assert (decode_runs(decode_coco_rle(text.encode(), 3000, 2100)) == mask).all()


def test_empty_runs_within_a_list_are_legal():
    assert decode_coco_rle([0, 1, 0, 2, 3], 2, 3) == encode_runs(id_map("11. 1.."))


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([1, 2], "covers 3 pixels of 2 × 3"),
        ([1, 2, 4], "covers 7 pixels of 2 × 3"),
        ([], "covers 0 pixels"),
        ([8, -2], "negative count, -2"),
        ([1.0, 5], "no integer"),
        ([True, 5], "no integer"),
        (["1", 5], "no integer"),
        ([2**70], "a count of"),
        (None, "neither a string nor a list"),
        ({"counts": []}, "neither a string nor a list"),
        ("", "covers 0 pixels"),
        ("1", "covers 1 pixels"),
        ("6 ", "character"),
        ("6\xff", "character"),
        ("6é漢", "character"),
        ("V", "ends within a number"),
        ("PPPPPPPPP1", "more than 35 bits"),
        ("11O", "negative count"),
        ("oooooo?", "covers"),
    ],
)
@each_twin
def test_bad_counts_are_refused_with_a_reason(kernels, counts, reason):
    with using(kernels), pytest.raises(MalformedFile, match=reason):
        decode_coco_rle(counts, 2, 3)


@pytest.mark.parametrize("counts", ["6\xff".encode("latin-1"), b"\x00", b"\xf0\x9f"])
@each_twin
def test_bad_bytes_are_refused(kernels, counts):
    with using(kernels), pytest.raises(MalformedFile, match="character"):
        decode_coco_rle(counts, 2, 3)


@each_twin
@unhurried
@given(text=st.text(alphabet=[chr(k) for k in range(40, 120)], max_size=40))
def test_any_text_is_decoded_or_refused(kernels, text):
    with using(kernels), contextlib.suppress(MalformedFile):
        assert decode_coco_rle(text, 3, 4).size == 12


@unhurried
@given(st.lists(st.integers(48, 111), max_size=60))
def test_both_twins_decode_alike(groups):
    characters = np.array(groups, np.uint8)
    plain, compiled = rle_numpy.decode_string(characters), rle_numba.decode_string(characters)
    assert plain[1] == compiled[1]
    assert plain[0].tolist() == compiled[0].tolist()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_every_annotation_of_real_coco_comes_back():
    path = real_data("coco_instances") / "instances_train80.json"
    content = json.loads(path.read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    for annotation in content["annotations"]:
        height, width = sizes[annotation["image_id"]]
        shape = annotation["segmentation"]
        is_list = isinstance(shape, list)
        merged = coco.merge(coco.frPyObjects(shape, height, width)) if is_list else shape
        if not is_list:
            merged = coco.frPyObjects(shape, height, width)
            assert decode_coco_rle(shape["counts"], height, width) == decode_coco_rle(
                merged["counts"], height, width
            )
        mask = decode_coco_rle(merged["counts"], height, width)
        assert (decode_runs(mask, np.uint8) == coco.decode(merged)).all()
        assert encode_coco_rle(mask).encode() == merged["counts"]
