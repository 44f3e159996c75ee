from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.errors import MalformedLabel, TooLarge
from panoptic.label import Label, Origin, Segment, empty_label, label_from_id_map, renumber
from panoptic.label_bytes import (
    both_digests,
    canonical_bytes,
    label_digest,
    parse_canonical,
    shape_digest,
)
from panoptic.label_checks import Limits
from panoptic.label_tail import encode_tail
from panoptic.runs import make_runs
from tests.builders import label, stack
from tests.panoptic.strategies import layered_labels
from tests.panoptic.twins import law, twin  # noqa: F401

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats" / "label-bytes.md"

pytestmark = pytest.mark.usefixtures("twin")


def documented_label() -> Label:
    return stack(
        "99..",
        ".443",
        classes={9: 7, 4: 1, 3: 1},
        crowds=[4],
        track_ids={9: 5},
        scores={3: 0.5},
        attributes={4: {"b": [1, None], "a": "é"}},
        origins={3: Origin("net", "2", 0.5)},
    )


def documented_bytes() -> bytes:
    block = re.search(r"```hex\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return bytes.fromhex("".join(line.partition("#")[0] for line in block[1].splitlines()))


def patched(data: bytes, offset: int, form: str, *values: float) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, offset, *values)
    return bytes(changed)


def test_the_documented_example_is_what_is_written():
    assert canonical_bytes(documented_label()) == documented_bytes()


def test_the_documented_example_is_read_back():
    assert parse_canonical(documented_bytes()) == documented_label()


def test_the_documented_digests_hold():
    text = DOCUMENT.read_text()
    assert f"\ndigest        {label_digest(documented_label()).hex()}\n" in text
    assert f"\nshape_digest  {shape_digest(documented_label()).hex()}\n" in text


def test_the_bytes_of_an_empty_label_never_change():
    expected = b"TLBL" + struct.pack("<HHIIII", 1, 0, 2, 3, 0, 0)
    assert canonical_bytes(empty_label(2, 3)) == expected
    assert label_digest(empty_label(2, 3)) == hashlib.sha256(expected).digest()


@law
@given(layered_labels())
def test_parse_is_the_inverse_of_canonical_bytes(drawn):
    data = canonical_bytes(drawn)
    parsed = parse_canonical(data)
    assert parsed == drawn
    assert canonical_bytes(parsed) == data


@law
@given(layered_labels())
def test_both_digests_at_once_are_the_single_ones(drawn):
    size = len(canonical_bytes(drawn))
    assert both_digests(drawn, encode_tail(drawn.segments)) == (
        label_digest(drawn),
        shape_digest(drawn),
        size,
    )


@law
@given(layered_labels(), st.permutations(range(100, 105)))
def test_renumbering_changes_the_digest_and_not_the_shape_digest(drawn, new_ids):
    old_ids = drawn.segments.ids
    renumbered = renumber(drawn, old_ids, new_ids[: old_ids.size])
    assert shape_digest(renumbered) == shape_digest(drawn)
    assert (label_digest(renumbered) == label_digest(drawn)) == (old_ids.size == 0)


def test_a_class_changes_the_shape_digest():
    assert shape_digest(label("12", {1: 7, 2: 9})) != shape_digest(label("12", {1: 9, 2: 7}))


@law
@given(layered_labels(), st.data())
def test_cut_off_bytes_are_refused(drawn, data):
    whole = canonical_bytes(drawn)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(MalformedLabel):
        parse_canonical(whole[:cut])
    with pytest.raises(MalformedLabel):
        parse_canonical(whole + b"\0")


@law
@given(layered_labels(), st.data())
def test_altered_bytes_are_refused_or_another_label(drawn, data):
    altered = bytearray(canonical_bytes(drawn))
    for _ in range(data.draw(st.integers(1, 3))):
        altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_canonical(bytes(altered))
    except (MalformedLabel, TooLarge):
        return
    assert canonical_bytes(parsed) == bytes(altered)


# Offsets in the documented example: 24 run counts, 32 ids, 44 classes, 56 layers, 62 crowds,
# 65 tracks, 89 scores, 101 values and 113 lengths of layer 0, 125 and 137 of layer 1, 149 tail.
@pytest.mark.parametrize(
    ("offset", "form", "values", "where"),
    [
        (0, "<4s", (b"PNG!",), "header"),
        (4, "<H", (2,), "header"),
        (8, "<I", (0,), "header"),
        (24, "<I", (2,), "251 bytes"),
        (32, "<I", (4,), "column ids"),
        (40, "<I", (2**24,), "column ids"),
        (44, "<I", (0,), "column class_ids"),
        (44, "<I", (65_536,), "column class_ids"),
        (56, "<H", (1,), "layer 0: segment 3 is not of it"),
        (60, "<H", (2,), "layer 0: segment 9 is not of it"),
        (62, "<B", (2,), "column crowds"),
        (65, "<q", (-1,), "column track_ids"),
        (65, "<q", (2**53,), "column track_ids"),
        (89, "<f", (1.5,), "column scores"),
        (89, "<f", (-0.0,), "column scores"),
        (93, "<I", (0x7FC00001,), "column scores"),
        (101, "<I", (8,), "layer 0: segment 8 is not of it"),
        (105, "<I", (9,), "layer 0, run 1"),
        (101, "<I", (3,), "layer 0: segment 9 has no pixel"),
        (113, "<I", (0,), "layer 0, run 0"),
        (113, "<I", (3,), "layer 0, run 2: the runs do not cover"),
        (113, "<3I", (1, 2, 1), "layer 1: segment 4 overlaps none"),
    ],
)
def test_a_broken_rule_is_named(offset, form, values, where):
    data = patched(documented_bytes(), offset, form, *values)
    with pytest.raises(MalformedLabel, match=where):
        parse_canonical(data)


@pytest.mark.parametrize(
    "tail",
    [
        b"{}",
        b"[]",
        b'{"attributes":{}}',
        b'{"attributes":{"1":{}}}',
        b'{"attributes":{"2":{"a":1}}}',
        b'{"attributes":{"01":{"a":1}}}',
        b'{"attributes":{"1":{"a": 1}}}',
        b'{"attributes":{"1":{"b":1,"a":1}}}',
        b'{"attributes":{"1":{"a":1,"a":1}}}',
        b'{"attributes":{"1":{"a":9007199254740992}}}',
        b'{"attributes":{"1":{"a":1e999}}}',
        b'{"attributes":{"1":{"a":NaN}}}',
        b'{"attributes":{"1":{"a":"\\ud800"}}}',
        b'{"attributes":{"1":{"a":1}},"more":1}',
        b'{"origins":{"1":{"model":"m"}}}',
        b'{"origins":{"1":{"model":"m","score":2,"version":""}}}',
        b'{"origins":{"1":{"model":"m","score":true,"version":""}}}',
        b'{"origins":{"1":{"model":1,"score":null,"version":""}}}',
        b"\xff",
        b'{"attributes":{"1":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}}",
    ],
)
def test_a_tail_that_is_not_canonical_is_refused(tail):
    plain = canonical_bytes(label("1", {1: 7}))
    data = patched(plain, 20, "<I", len(tail)) + tail
    with pytest.raises(MalformedLabel, match=r"attributes|origin"):
        parse_canonical(data)


@pytest.mark.parametrize(
    "value", [2**53, float("nan"), float("inf"), 1e20, {1: 2}, {1, 2}, b"x", "\ud800"]
)
def test_attributes_that_have_no_canonical_form_are_refused(value):
    with pytest.raises(MalformedLabel, match="attributes"):
        canonical_bytes(label("1", {1: 7}, attributes={1: {"a": value}}))


def test_key_order_of_attributes_does_not_matter():
    one = label("1", {1: 7}, attributes={1: {"a": 1, "b": 2}})
    other = label("1", {1: 7}, attributes={1: {"b": 2, "a": 1}})
    assert canonical_bytes(one) == canonical_bytes(other)


def test_empty_attributes_are_none():
    bare = label("1", {1: 7})
    assert canonical_bytes(label("1", {1: 7}, attributes={1: {}})) == canonical_bytes(bare)


def test_all_nans_and_both_zeros_have_one_form():
    scored = label("12", {1: 7, 2: 7}, scores={1: -0.0})
    odd_nan = np.array([0x80000000, 0xFFC00001], np.uint32).view(np.float32)
    odd = replace(scored, segments=replace(scored.segments, scores=odd_nan))
    assert canonical_bytes(odd) == canonical_bytes(scored)
    assert parse_canonical(canonical_bytes(scored)).segments.row(1).score == 0


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(pixels=3), "pixels"),
        (Limits(segments=2), "segments"),
        (Limits(layers=1), "layers"),
        (Limits(runs=5), "runs"),
    ],
)
def test_limits_are_checked_from_the_header(limits, what):
    with pytest.raises(TooLarge, match=what):
        parse_canonical(documented_bytes(), limits)


def test_a_header_that_promises_the_world_allocates_nothing():
    header = b"TLBL" + struct.pack("<HHIIII", 1, 1, 40_000, 50_000, 2**20, 0)
    with pytest.raises(MalformedLabel, match="its header says"):
        parse_canonical(header + struct.pack("<I", 2**26))


def test_a_huge_plain_label_is_few_bytes():
    side = 20_000
    runs = make_runs(side, side, [1], [side * side])
    plain = Label(side, side, label("1", {1: 7}).segments, (runs,))
    data = canonical_bytes(plain)
    assert len(data) == 24 + 4 + 23 + 8
    assert parse_canonical(data) == plain


def test_five_thousand_segments_survive():
    plane = np.arange(1, 5_001, dtype=np.uint32).reshape(50, 100) * 3_355
    many = label_from_id_map(plane, [Segment(int(i), 1 + int(i) % 9) for i in plane.ravel()])
    assert parse_canonical(canonical_bytes(many)) == many
