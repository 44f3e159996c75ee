from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given

from panoptic.errors import MalformedLabel, UnknownClass
from panoptic.label import measure_label, segment_mask
from panoptic.runs import constant_runs, decode_runs, encode_runs
from panoptic.views import ClassMap, decode_masks, instances, panoptic_runs, semantic_runs
from tests.builders import id_map, label, stack
from tests.panoptic.strategies import SHAPES, compose, layered_labels, paintings
from tests.panoptic.twins import law, twin  # noqa: F401

pytestmark = pytest.mark.usefixtures("twin")


@law
@given(SHAPES.flatmap(paintings))
def test_the_panoptic_view_shows_the_topmost_segment(painting):
    if not painting:
        return
    shape = painting[0][1].shape
    expected = np.zeros(shape, np.uint32)
    for row, mask in painting:
        expected[mask] = row.segment_id
    assert panoptic_runs(compose(shape, painting)) == encode_runs(expected)


@law
@given(layered_labels())
def test_the_semantic_view_is_the_class_of_the_panoptic_view(drawn):
    lookup = {row.segment_id: row.class_id for row in drawn.segments}
    panoptic = decode_runs(panoptic_runs(drawn))
    expected = np.vectorize(lambda i: lookup.get(int(i), 0), otypes=[np.uint32])(panoptic)
    assert semantic_runs(drawn) == encode_runs(expected)


def test_void_stays_void_in_every_id_space():
    drawn = label("12.", {1: 7, 2: 9})
    trained = ClassMap.from_mapping({7: 0, 9: 255}, void=254)
    assert decode_runs(semantic_runs(drawn, trained), np.uint8).tolist() == [[0, 255, 254]]


def test_a_class_that_maps_to_void_reveals_nothing_below():
    drawn = stack("11.", ".22", classes={1: 7, 2: 9})
    hidden = ClassMap.from_mapping({7: 3, 9: 0})
    assert decode_runs(semantic_runs(drawn, hidden)).tolist() == [[3, 0, 0]]


def test_two_classes_may_become_one():
    drawn = label("12", {1: 7, 2: 9})
    assert semantic_runs(drawn, ClassMap.from_mapping({7: 1, 9: 1})).count == 1


@pytest.mark.parametrize("mapping", [{7: 1}, {}])
def test_a_class_that_the_map_lacks_is_named(mapping):
    with pytest.raises(UnknownClass, match="unknown class") as caught:
        semantic_runs(label("12", {1: 7, 2: 9}), ClassMap.from_mapping(mapping))
    assert caught.value.class_id in (7, 9)


def test_void_is_no_key_of_a_class_map():
    with pytest.raises(MalformedLabel, match="between 1 and 65535"):
        ClassMap.from_mapping({0: 1})


def test_the_digest_of_a_class_map_is_of_its_content():
    one = ClassMap.from_mapping({7: 1, 9: 2})
    assert one == ClassMap.from_mapping({9: 2, 7: 1})
    others = [
        ClassMap.identity,
        ClassMap.from_mapping({7: 1, 9: 3}),
        ClassMap.from_mapping({7: 1, 9: 2}, void=255),
        ClassMap.from_mapping({}),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 5


def test_a_class_map_crosses_a_process_pool():
    for class_map in (ClassMap.identity, ClassMap.from_mapping({7: 1})):
        copy = pickle.loads(pickle.dumps(class_map))
        assert copy == class_map
        assert copy.is_identity == class_map.is_identity


def test_the_identity_needs_no_list_of_classes():
    assert decode_runs(semantic_runs(label("12", {1: 7, 2: 65_535}))).tolist() == [[7, 65_535]]


def test_an_empty_label_is_void_in_every_view():
    drawn = label("... ...", {})
    assert panoptic_runs(drawn) == constant_runs(2, 3)
    assert semantic_runs(drawn, ClassMap.from_mapping({}, void=255)) == constant_runs(2, 3, 255)
    assert instances(drawn, {7}) == []


def test_instances_keep_their_full_masks():
    drawn = stack("111 111", ".2. .2.", "33. ...", classes={1: 7, 2: 9, 3: 9}, crowds=[3])
    two, three = instances(drawn, {9})
    assert (two.segment.segment_id, two.area, two.visible_area) == (2, 2, 1)
    assert two.box == (0, 1, 2, 2)
    assert two.mask.starts.tolist() == [1, 4]
    assert three.segment.crowd
    assert three.mask.ends.tolist() == [2]


@law
@given(layered_labels())
def test_instances_are_all_segments_of_the_asked_classes(drawn):
    measures = measure_label(drawn)
    for view in instances(drawn, {1, 2}):
        place = drawn.segments.index_of([view.segment.segment_id])[0]
        assert view.area == view.mask.area == measures.areas[place]
        assert view.visible_area == measures.visible_areas[place]
    expected = [row for row in drawn.segments if row.class_id in (1, 2)]
    assert [view.segment for view in instances(drawn, {1, 2})] == expected


@law
@given(layered_labels())
def test_all_masks_at_once_are_the_masks_one_by_one(drawn):
    ids = drawn.segments.ids.tolist()[::-1]
    masks = decode_masks(drawn, ids)
    assert masks.shape == (len(ids), *drawn.shape)
    for segment_id, mask in zip(ids, masks, strict=True):
        assert np.array_equal(mask, decode_runs(segment_mask(drawn, segment_id), np.bool_))


def test_a_mask_of_no_segment_is_refused():
    with pytest.raises(KeyError):
        decode_masks(label("12", {1: 7, 2: 9}), [3])


def test_the_view_of_a_partition_is_its_layer():
    drawn = label("112 112", {1: 7, 2: 9})
    assert panoptic_runs(drawn) is drawn.layers[0]
    assert decode_runs(panoptic_runs(drawn)).tolist() == id_map("112 112").tolist()
