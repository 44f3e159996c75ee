from __future__ import annotations

import io
import pickle
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from panoptic.codec import PLAIN, PREDICTED, EncodedLabel, decode_label, encode_label, pack_label
from panoptic.errors import MalformedLabel, TooLarge
from panoptic.kernels import codec_numpy
from panoptic.kernels.codec_tokens import FINE, TOKENS
from panoptic.label import (
    Label,
    Segment,
    compose_label,
    count_classes,
    empty_label,
    label_from_id_map,
    pack_counts,
)
from panoptic.label_bytes import canonical_bytes, label_digest, shape_digest
from panoptic.label_checks import Limits, check_label
from panoptic.runs import constant_runs, encode_runs, make_runs, mask_of, relabel_runs
from tests.builders import label, stack
from tests.panoptic.strategies import layered_labels
from tests.panoptic.twins import law, twin  # noqa: F401
from tests.real_data import real_data

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "label-codec.md"
CODECS = [PLAIN, PREDICTED]

pytestmark = pytest.mark.usefixtures("twin")


@st.composite
def partitions(draw: Any) -> Label:
    """Up to 12 × 12 pixels whose rows resemble one another, as those of real labels do."""
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    rows = [draw(st.lists(st.integers(0, 3), min_size=width, max_size=width))]
    for _ in range(height - 1):
        row = list(rows[-1])
        for place in draw(st.lists(st.integers(0, width - 1), max_size=3)):
            row[place] = draw(st.integers(0, 3))
        rows.append(row)
    plane = np.array(rows, np.uint32)
    return label_from_id_map(plane, [Segment(int(i), 1) for i in np.unique(plane) if i])


def with_checksum(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def rows_of(drawn: Label) -> tuple[Any, ...]:
    """What `encode_rows` is given for a partition."""
    (layer,) = drawn.layers
    places = np.searchsorted(drawn.segments.ids, layer.values, side="right").astype(np.uint32)
    return places, layer.lengths, np.array([layer.count]), drawn.height, drawn.width


def documented_bytes() -> bytes:
    block = re.search(r"```hex\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return bytes.fromhex("".join(line.partition("#")[0] for line in block[1].splitlines()))


def real_maps() -> list[tuple[NDArray[np.uint32], int]]:
    """Id maps of COCO, with the bytes of the same PNG as Pillow writes it."""
    maps = []
    for path in sorted(real_data("coco_panoptic_sample").glob("panoptic_examples/*.png")):
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB")).astype(np.uint32)
            png = io.BytesIO()
            image.convert("RGB").save(png, "PNG")
        maps.append((rgb @ np.array([1, 256, 65536], np.uint32), len(png.getvalue())))
    return maps


def test_the_documented_example_is_written_and_read():
    drawn = label("112 112 ..2", {1: 7, 2: 9})
    assert encode_label(drawn, PREDICTED) == documented_bytes()
    assert decode_label(documented_bytes()) == drawn


@pytest.mark.parametrize("codec", CODECS)
@law
@given(st.one_of(layered_labels(), partitions()))
def test_decode_is_the_inverse_of_encode(codec, drawn):
    decoded = decode_label(encode_label(drawn, codec))
    assert decoded == drawn
    assert canonical_bytes(decoded) == canonical_bytes(drawn)


@law
@given(partitions().filter(lambda drawn: drawn.layers))
def test_both_twins_write_the_same_tokens(drawn):
    numba_twin = pytest.importorskip(
        "panoptic.kernels.codec_numba", reason="the compiled kernels need numba"
    )
    ours, others = (kernels.encode_rows(*rows_of(drawn)) for kernels in (codec_numpy, numba_twin))
    assert [stream.tolist() for stream in ours] == [stream.tolist() for stream in others]


@pytest.mark.parametrize("codec", CODECS)
@law
@given(st.one_of(layered_labels(), partitions()), st.data())
def test_cut_off_bytes_are_refused(codec, drawn, data):
    stored = encode_label(drawn, codec)
    cut = data.draw(st.integers(0, len(stored) - 1))
    with pytest.raises(MalformedLabel):
        decode_label(stored[:cut])
    if cut > 4:
        with pytest.raises(MalformedLabel):
            decode_label(with_checksum(stored[: cut - 4]))


@pytest.mark.parametrize("codec", CODECS)
@law
@given(st.one_of(layered_labels(), partitions()), st.data())
def test_altered_bytes_are_refused(codec, drawn, data):
    stored = bytearray(encode_label(drawn, codec))
    stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MalformedLabel):
        decode_label(bytes(stored))


@pytest.mark.parametrize("codec", CODECS)
@law
@given(st.one_of(layered_labels(), partitions()), st.data())
def test_forged_bytes_with_a_right_checksum_are_refused_or_a_label(codec, drawn, data):
    body = bytearray(encode_label(drawn, codec)[:-4])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_label(with_checksum(bytes(body)), Limits(pixels=10**6, runs=10**5))
    except (MalformedLabel, TooLarge):
        return
    check_label(decoded)


@law
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_a_label(noise):
    for codec in CODECS:
        try:
            check_label(decode_label(with_checksum(bytes([codec]) + noise), Limits(pixels=10**6)))
        except (MalformedLabel, TooLarge):
            continue


@law
@given(st.data())
def test_forged_tokens_are_found_by_both_twins_alike(data):
    numba_twin = pytest.importorskip(
        "panoptic.kernels.codec_numba", reason="the compiled kernels need numba"
    )
    drawn = data.draw(partitions().filter(lambda drawn: drawn.layers))
    tokens, numbers = (stream.copy() for stream in codec_numpy.encode_rows(*rows_of(drawn)))
    for _ in range(data.draw(st.integers(0, 3))):
        tokens[data.draw(st.integers(0, tokens.size - 1))] = data.draw(st.integers(0, TOKENS))
    for _ in range(data.draw(st.integers(0, 2)) if numbers.size else 0):
        numbers[data.draw(st.integers(0, numbers.size - 1))] = data.draw(st.integers(0, 255))
    given_to = (
        tokens,
        numbers,
        *drawn.shape,
        np.array([data.draw(st.integers(0, 2)) + drawn.layers[0].count]),
        drawn.segments.ids,
        np.array([len(drawn.segments)]),
    )
    *plain_runs, plain_finding, _, _ = codec_numpy.decode_rows(*given_to)
    *runs, finding, _, _ = numba_twin.decode_rows(*given_to)
    assert (finding == FINE) == (plain_finding == FINE)
    if finding == FINE:
        assert np.array_equal(runs[0], plain_runs[0])
        assert np.array_equal(runs[1], plain_runs[1])


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "drawn",
    [
        empty_label(1, 1),
        empty_label(70_000, 30_000),
        label("1", {1: 65_535}),
        stack("11. ...", ".22 ..2", "3.. 3..", classes={1: 7, 2: 8, 3: 9}, scores={3: 1.0}),
    ],
    ids=["nothing", "much of nothing", "one pixel", "layers"],
)
def test_odd_labels_survive(codec, drawn):
    assert decode_label(encode_label(drawn, codec)) == drawn


@pytest.mark.parametrize("codec", CODECS)
def test_rows_wider_than_16_bits_survive(codec):
    plane = np.zeros((4, 70_001), np.uint32)
    plane[1, 65_534:65_538] = 2**24 - 1
    plane[2, 65_530:70_001] = 2**24 - 2
    wide = label_from_id_map(plane, [Segment(2**24 - 1, 1), Segment(2**24 - 2, 2)])
    assert decode_label(encode_label(wide, codec)) == wide


@pytest.mark.parametrize("codec", CODECS)
def test_a_huge_plain_label_never_becomes_pixels(codec):
    side = 20_000
    bar = make_runs(side, side, [0, 1, 0], [10**8 + 7, 50, side * side - 10**8 - 57])
    huge = compose_label(
        side, side, [(Segment(2, 2), constant_runs(side, side, 2)), (Segment(1, 1), bar)]
    )
    stored = encode_label(huge, codec)
    assert len(stored) < 100
    assert decode_label(stored) == huge


@pytest.mark.parametrize("codec", CODECS)
def test_five_thousand_segments_survive_in_few_bytes(codec):
    plane = np.arange(1, 5_001, dtype=np.uint32).reshape(50, 100)
    many = label_from_id_map(
        plane.repeat(4, axis=0).repeat(4, axis=1),
        [Segment(k, 1 + k % 3, track_id=k if k % 7 == 0 else None) for k in range(1, 5_001)],
    )
    stored = encode_label(many, codec)
    assert decode_label(stored) == many
    assert len(stored) < 25_000


def test_repetitions_cannot_write_more_runs_than_announced():
    # One row of two runs, then 99 times the same: told in a few bytes, 200 runs.
    plane = np.tile(np.array([[1, 0]], np.uint32), (100, 1))
    stored = encode_label(label_from_id_map(plane, [Segment(1, 1)]), PREDICTED)
    runs_at = 5
    assert stored[runs_at : runs_at + 2] == bytes([200 & 127 | 128, 1])
    forged = with_checksum(stored[:runs_at] + bytes([199 & 127 | 128, 1]) + stored[7:-4])
    with pytest.raises(MalformedLabel, match="another number of runs"):
        decode_label(forged)


def test_limits_are_checked_from_the_header():
    stored = encode_label(stack("11.", ".22", classes={1: 7, 2: 7}))
    for limits in (Limits(pixels=2), Limits(segments=1), Limits(layers=1), Limits(runs=3)):
        with pytest.raises(TooLarge):
            decode_label(stored, limits)


def test_planes_that_cannot_belong_to_so_few_runs_are_refused():
    body = bytes([PREDICTED, 1, 1, 1, 1, 1]) + bytes([255, 255, 255, 255, 7, 0, 3, 3, 0]) + bytes(9)
    with pytest.raises(MalformedLabel, match="bytes of planes for 1 runs"):
        decode_label(with_checksum(body))


@pytest.mark.parametrize("codec", CODECS)
def test_layers_that_are_not_in_normal_form_are_refused(codec):
    flat = label("1.2", {1: 7, 2: 7})
    segments = replace(flat.segments, layers=np.array([0, 1], np.uint16))
    lower, upper = (mask_of(flat.layers[0], segment_id) for segment_id in (1, 2))
    floating = Label(1, 3, segments, (lower, relabel_runs(upper, [1], [2])))
    with pytest.raises(MalformedLabel, match="segment 2 overlaps none of the layer below"):
        decode_label(encode_label(floating, codec))


def test_an_unknown_codec_is_refused():
    with pytest.raises(MalformedLabel, match="unknown codec 9"):
        decode_label(with_checksum(b"\x09" + encode_label(label("1", {1: 1}))[1:-4]))


def test_real_labels_take_at_most_0_35_of_their_pngs():
    stored = png = 0
    for id_map, png_bytes in real_maps():
        table = [Segment(int(i), 1 + k) for k, i in enumerate(np.unique(id_map)) if i]
        drawn = label_from_id_map(id_map, table)
        data = encode_label(drawn, PREDICTED)
        assert decode_label(data) == drawn
        stored, png = stored + len(data), png + png_bytes
    assert stored <= 0.35 * png


def test_pack_label_holds_what_the_store_needs():
    drawn = stack("11.", ".22", classes={1: 7, 2: 9}, crowds=[2])
    packed = pack_label(drawn)
    assert packed == EncodedLabel(
        digest=label_digest(drawn),
        shape_digest=shape_digest(drawn),
        height=1,
        width=3,
        segment_count=2,
        layer_count=2,
        stored=encode_label(drawn),
        canonical_size=len(canonical_bytes(drawn)),
        counts=pack_counts(count_classes(drawn)),
    )
    assert pickle.loads(pickle.dumps(packed)) == packed


def test_threads_do_not_share_a_compressor():
    noise = np.random.default_rng(0).integers(1, 9, (60, 80)).astype(np.uint32)
    labels = [
        label_from_id_map(np.roll(noise, k, axis=1), [Segment(i, 1) for i in range(1, 9)])
        for k in range(40)
    ]
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda drawn: decode_label(encode_label(drawn, PLAIN)), labels))
    assert decoded == labels
    assert encode_runs(noise) == labels[0].layers[0]
