"""Stored bytes painted straight to pixels show what the decoded label shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panoptic.codec import PLAIN, PREDICTED, decode_label, encode_label
from panoptic.dense import decode_class_map, decode_partition
from panoptic.errors import MalformedLabel, TooLarge, UnknownClass
from panoptic.kernels import codec_numpy, dense_numpy
from panoptic.kernels.codec_tokens import FINE, TOKENS
from panoptic.kinds import Kinds
from panoptic.label import Label, Origin, Segment, empty_label, label_from_id_map, measure_label
from panoptic.reading import LabelReading, read_label
from panoptic.runs import decode_runs
from panoptic.views import ClassMap, panoptic_runs, semantic_runs
from tests.builders import label, stack
from tests.panoptic.strategies import layered_labels
from tests.panoptic.test_codec import partitions, rows_of, with_checksum
from tests.panoptic.twins import twin  # noqa: F401

pytestmark = pytest.mark.usefixtures("twin")
law = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DTYPES = [np.uint8, np.uint16, np.uint32, np.int64]


def class_map_of(drawn: Label, data: Any) -> ClassMap:
    classes = np.unique(drawn.segments.class_ids).tolist()
    values = data.draw(st.lists(st.integers(0, 255), min_size=len(classes), max_size=len(classes)))
    mapping = dict(zip(classes, values, strict=True))
    return ClassMap.from_mapping(mapping, void=data.draw(st.integers(0, 255)))


def shown_classes(drawn: Label, class_map: ClassMap) -> np.ndarray:
    return decode_runs(semantic_runs(drawn, class_map))


@pytest.mark.parametrize("codec", [PLAIN, PREDICTED])
@law
@given(st.one_of(layered_labels(), partitions()), st.sampled_from(DTYPES), st.data())
def test_a_class_map_is_that_of_the_decoded_label(codec, drawn, dtype, data):
    class_map = class_map_of(drawn, data)
    painted = decode_class_map(encode_label(drawn, codec), class_map, dtype)
    assert painted.dtype == dtype
    assert np.array_equal(painted, shown_classes(drawn, class_map))


@law
@given(partitions())
def test_a_partition_comes_with_areas_and_boxes(drawn):
    found = decode_partition(
        encode_label(drawn, PREDICTED), LabelReading.identity_of(Kinds(frozenset()))
    )
    if not drawn.layers:
        assert found is None
        return
    measures = measure_label(drawn)
    assert np.array_equal(found.id_map, decode_runs(panoptic_runs(drawn)))
    assert np.array_equal(found.areas, measures.areas)
    assert np.array_equal(found.boxes, measures.boxes)
    assert found.segments == drawn.segments


@law
@given(st.data())
def test_a_partition_is_given_where_all_reads_as_it_is_stored(data):
    plane = np.array([[1, 1, 2], [0, 3, 3]], np.uint32)
    rows = [
        Segment(i, data.draw(st.integers(1, 4)), crowd=data.draw(st.booleans())) for i in (1, 2, 3)
    ]
    drawn = label_from_id_map(plane, rows)
    live = {key: data.draw(st.sampled_from([0, key, key, key, 9])) for key in (1, 2, 3, 4)}
    drawn_classes = st.frozensets(st.sampled_from([1, 2, 3, 4, 9]))
    kinds = Kinds(data.draw(drawn_classes))
    reading = LabelReading(ClassMap.from_mapping(live), kinds, data.draw(drawn_classes))
    found = decode_partition(encode_label(drawn, PREDICTED), reading)
    is_same = read_label(drawn, reading) is drawn
    # What was stuff and is a crowd already is left to `read_label`.
    was_stuff = reading.crowd_ids & set(drawn.segments.class_ids.tolist())
    assert is_same if found is not None else not is_same or was_stuff


@pytest.mark.parametrize("dtype", DTYPES)
def test_runs_of_all_lengths_are_painted_to_their_last_pixel(dtype):
    random = np.random.default_rng(3)
    lengths = random.integers(1, 200, 600)
    plane = np.repeat(np.arange(lengths.size) % 7, lengths)[:40_000].reshape(200, 200)
    drawn = label_from_id_map(plane.astype(np.uint32), [Segment(k, 10 + k) for k in range(1, 7)])
    painted = decode_class_map(encode_label(drawn, PREDICTED), ClassMap.identity, dtype)
    assert np.array_equal(painted, np.where(plane, plane + 10, 0))


@law
@given(st.data())
def test_forged_tokens_are_refused_as_by_the_runs(data):
    drawn = data.draw(partitions().filter(lambda drawn: drawn.layers))
    tokens, numbers = (stream.copy() for stream in codec_numpy.encode_rows(*rows_of(drawn)))
    for _ in range(data.draw(st.integers(0, 3))):
        tokens[data.draw(st.integers(0, tokens.size - 1))] = data.draw(st.integers(0, TOKENS))
    for _ in range(data.draw(st.integers(0, 2)) if numbers.size else 0):
        numbers[data.draw(st.integers(0, numbers.size - 1))] = data.draw(st.integers(0, 255))
    count = len(drawn.segments)
    run_counts = np.array([data.draw(st.integers(0, 2)) + drawn.layers[0].count])
    *_, finding, _, _ = codec_numpy.decode_rows(
        tokens, numbers, *drawn.shape, run_counts, drawn.segments.ids, np.array([count])
    )
    colors = np.append(np.uint32(7), drawn.segments.ids)
    painted = []
    for kernels in (dense_numpy, pytest.importorskip("panoptic.kernels.dense_numba")):
        out = np.zeros(drawn.shape, np.uint32)
        areas, boxes = np.zeros(count, np.int64), np.zeros((count, 4), np.int64)
        given_to = (tokens, numbers, run_counts, colors, np.array([count]), out, areas, boxes)
        assert (kernels.render_rows(*given_to)[0] == FINE) == (finding == FINE)
        painted.append((out.tolist(), areas.tolist(), boxes.tolist()))
    if finding == FINE:
        assert painted[0] == painted[1]


@law
@given(st.one_of(layered_labels(), partitions()), st.data())
def test_forged_bytes_with_a_right_checksum_are_refused_or_shown(drawn, data):
    body = bytearray(encode_label(drawn, PREDICTED)[:-4])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(8, max(8, len(body) - 1))) % len(body)] = data.draw(
            st.integers(0, 255)
        )
    stored = with_checksum(bytes(body))
    try:
        whole = decode_label(stored)
    except (MalformedLabel, TooLarge):
        return
    if whole.height * whole.width < 10**6:
        painted = decode_class_map(stored, ClassMap.identity, np.uint32)
        assert np.array_equal(painted, shown_classes(whole, ClassMap.identity))


def test_what_lies_above_hides_what_lies_below():
    drawn = stack("11.", ".22", classes={1: 7, 2: 9})
    assert decode_class_map(
        encode_label(drawn, PREDICTED), ClassMap.identity, np.uint8
    ).tolist() == [[7, 9, 9]]
    reading = LabelReading.identity_of(Kinds(frozenset()))
    assert decode_partition(encode_label(drawn, PREDICTED), reading) is None


def test_a_label_without_segments_is_void():
    stored = encode_label(empty_label(2, 3), PREDICTED)
    painted = decode_class_map(stored, ClassMap.from_mapping({}, void=255), np.uint8)
    assert painted.tolist() == [[255] * 3] * 2


def test_a_class_that_the_map_does_not_know_is_refused():
    stored = encode_label(label("12", {1: 7, 2: 9}), PREDICTED)
    for mapping in ({}, {7: 1}, {7: 1, 30: 2}):
        with pytest.raises(UnknownClass):
            decode_class_map(stored, ClassMap.from_mapping(mapping), np.uint8)


def test_bytes_that_are_cut_off_are_refused():
    stored = encode_label(label("112 112 ..2", {1: 7, 2: 9}), PREDICTED)
    for end in range(len(stored)):
        with pytest.raises(MalformedLabel):
            decode_class_map(stored[:end], ClassMap.identity, np.uint8)
        if end > 4:
            with pytest.raises(MalformedLabel):
                decode_class_map(with_checksum(stored[: end - 4]), ClassMap.identity, np.uint8)


def test_attributes_come_along_and_origins_do_not():
    flat = label("12", {1: 7, 2: 9})
    origins, attributes = {2: Origin("m")}, {1: {"late": True}}
    reading = LabelReading.identity_of(Kinds(frozenset()))
    for given_to, expected in ((attributes, attributes), ({}, {})):
        segments = replace(flat.segments, origins=origins, attributes=given_to)
        found = decode_partition(encode_label(replace(flat, segments=segments), PREDICTED), reading)
        assert found.attributes == expected
        assert not found.segments.origins
