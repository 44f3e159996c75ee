"""An image of a snapshot in every view: the views agree with each other and with the label."""

import io
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from panoptic.label import segment_mask
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tessera.errors import NotFound, ObjectErased, UsageError
from tests.builders import label, stack
from tests.laws import examples
from tests.panoptic.strategies import layered_labels
from tests.tessera.snapshots import (
    STREET,
    Drawn,
    classes,
    make_snapshot,
    photo_of,
    pixels_of,
    turned_photo,
)

# The classes 1 to 4 of random labels: a thing that stays, one that reads as void, stuff that
# stays, and stuff whose class is a thing now.
READ = classes("1 cat thing coco=17", "2 blur thing >", "3 sky stuff coco=90", "4 herd stuff >1")
UNDER = stack("1111 1111", ".22. .22.", classes={1: 1, 2: 2})


def item_of(folder, drawn, **options):
    return make_snapshot(folder, {"a.png": drawn}, **options)["a.png"]


@examples(20)
@given(st.lists(layered_labels(), min_size=1, max_size=4))
def test_the_semantic_view_is_the_panoptic_one_mapped_by_class(tmp_path_factory, drawn):
    images = {f"{place}.png": Drawn(one) for place, one in enumerate(drawn)}
    snapshot = make_snapshot(tmp_path_factory.mktemp("cache"), images, known=READ)
    for item in snapshot:
        ids, segments = item.panoptic()
        expected = np.zeros(ids.shape, np.uint8)
        for one in segments:
            expected[ids == one.segment_id] = one.label_class.class_id
        assert np.array_equal(item.semantic(), expected)
        coco = {0: 255, 1: 17, 3: 90}
        mapped = np.vectorize(coco.get, otypes=[np.int64])(expected)
        assert np.array_equal(item.semantic("coco", 255), mapped)


@examples(20)
@given(st.lists(layered_labels(), min_size=1, max_size=4))
def test_the_instances_are_the_full_masks_of_all_things(tmp_path_factory, drawn):
    images = {f"{place}.png": Drawn(one) for place, one in enumerate(drawn)}
    snapshot = make_snapshot(tmp_path_factory.mktemp("cache"), images, known=READ)
    for item in snapshot:
        found = {one.info.segment_id: one for one in item.instances()}
        live = {row.segment_id: row for row in item.label.segments if row.class_id == 1}
        assert found.keys() == live.keys()
        for segment_id, one in found.items():
            full = decode_runs(segment_mask(item.label, segment_id), bool)
            assert np.array_equal(one.mask, full)
            assert one.info.area == full.sum()


@examples(20)
@given(layered_labels())
def test_areas_and_boxes_are_those_of_the_masks(tmp_path_factory, drawn):
    item = item_of(tmp_path_factory.mktemp("cache"), Drawn(drawn), known=READ)
    ids, segments = item.panoptic()
    for one in segments:
        full = decode_runs(segment_mask(item.label, one.segment_id), bool)
        rows, columns = np.nonzero(full)
        size = (columns.max() + 1 - columns.min(), rows.max() + 1 - rows.min())
        assert one.bbox == (columns.min(), rows.min(), *size)
        assert (one.area, one.visible_area) == (full.sum(), (ids == one.segment_id).sum())


def test_a_thing_under_another_keeps_its_covered_pixels(tmp_path):
    item = item_of(tmp_path, Drawn(stack("22..", ".33.", classes={2: 2, 3: 3})))
    [car, person] = item.instances()
    assert car.mask.tolist() == [[True, True, False, False]]
    assert (car.info.area, car.info.visible_area) == (2, 1)
    assert person.info.label_class.name == "person"


def test_stuff_is_no_instance(tmp_path):
    item = item_of(tmp_path, Drawn(label("112 112", {1: 1, 2: 2})))
    assert [one.info.segment_id for one in item.instances()] == [2]


def test_a_retired_class_reads_as_the_one_it_became(tmp_path):
    item = item_of(tmp_path, Drawn(label("12", {1: 4, 2: 2})))
    assert item.semantic().tolist() == [[2, 2]]
    assert item.stored_label.segments.class_ids.tolist() == [4, 2]


def test_what_reads_as_void_uncovers_nothing(tmp_path):
    item = item_of(tmp_path, Drawn(UNDER), known=READ)
    assert item.semantic(void=9).tolist() == [[1, 9, 9, 1], [1, 9, 9, 1]]
    assert item.panoptic()[0].tolist() == [[1, 0, 0, 1], [1, 0, 0, 1]]


def test_stuff_whose_class_is_a_thing_now_is_a_crowd(tmp_path):
    [one] = item_of(tmp_path, Drawn(label("1", {1: 4})), known=READ).instances()
    assert (one.info.label_class.name, one.info.crowd) == ("cat", True)


def test_ids_of_another_list_leave_void_where_a_class_has_none(tmp_path):
    item = item_of(tmp_path, Drawn(label("126.", {1: 1, 2: 2, 6: 6})))
    assert item.semantic("coco", 255).tolist() == [[149, 3, 255, 255]]
    assert item.semantic("coco", 255).dtype == np.uint8
    assert item.semantic("coco", 65_535).dtype == np.uint16


def test_classes_come_in_any_dtype_that_holds_them(tmp_path):
    item = item_of(tmp_path, Drawn(label("12.", {1: 1, 2: 2})))
    assert item.semantic(dtype=np.int64).tolist() == item.semantic().tolist()
    assert item.semantic(dtype=np.int64).dtype == np.int64
    for too_small in (np.int8, np.float32):
        with pytest.raises(UsageError, match="does not hold ids up to 255"):
            item.semantic(void=255, dtype=too_small)


@examples(20)
@given(st.lists(layered_labels(), min_size=1, max_size=4))
def test_segments_are_the_same_whether_pixels_or_runs_were_asked_first(tmp_path_factory, drawn):
    images = {f"{place}.png": Drawn(one) for place, one in enumerate(drawn)}
    snapshot = make_snapshot(tmp_path_factory.mktemp("cache"), images, known=READ)
    for name in images:
        first, second = snapshot[name], snapshot[name]
        expected = decode_runs(panoptic_runs(second.label))
        id_map, segments = first.panoptic()
        assert segments == second.segments
        assert np.array_equal(id_map, expected)
        assert np.array_equal(second.panoptic()[0], expected)


def test_an_unknown_list_is_refused_and_the_known_ones_are_told(tmp_path):
    item = item_of(tmp_path, Drawn(label("1", {1: 1})))
    with pytest.raises(UsageError, match="'lvis'; there are class, coco"):
        item.semantic("lvis")


def test_a_turned_photograph_stands_as_its_label_does(tmp_path):
    stored = pixels_of((2, 3))
    upright = np.rot90(stored, -1)
    item = item_of(tmp_path, Drawn(label("12 12 12", {1: 1, 2: 2}), turned_photo(6, stored)))
    assert np.array_equal(item.photo, upright)


def test_a_photograph_labelled_as_it_is_stored_is_shown_so(tmp_path):
    stored = pixels_of((2, 3))
    item = item_of(tmp_path, Drawn(label("112 112", {1: 1, 2: 2}), turned_photo(6, stored)))
    assert np.array_equal(item.photo, stored)


def test_an_erased_photograph_is_an_error_that_names_the_image(tmp_path):
    drawn = Drawn(label("1", {1: 1}), photo_of((1, 1)))
    item = item_of(tmp_path, drawn, erased=["a.png"])
    with pytest.raises(ObjectErased, match=r"^a\.png: object [0-9a-f]{64} was erased"):
        _ = item.photo
    assert item.semantic().tolist() == [[1]]


def test_an_image_without_a_label_has_a_photograph_and_no_views(tmp_path):
    item = item_of(tmp_path, Drawn(photo=photo_of((2, 3))))
    assert (item.is_labelled, item.height, item.width) == (False, 2, 3)
    assert item.photo.shape == (2, 3, 3)
    for view in (item.semantic, item.panoptic, item.instances):
        with pytest.raises(NotFound, match=r"a\.png has no label"):
            view()


def test_photographs_that_were_not_pulled_are_told_from_those_that_are_not(tmp_path):
    drawn = label("1", {1: 1})
    images = {"a.png": Drawn(drawn, photo_of((1, 1))), "b.png": Drawn(drawn)}
    snapshot = make_snapshot(tmp_path, images, labels_only=True)
    with pytest.raises(NotFound, match=r"a\.png has no photograph here: labels alone"):
        _ = snapshot["a.png"].photo
    with pytest.raises(NotFound, match=r"b\.png has no photograph here: it has none"):
        _ = snapshot["b.png"].photo


def test_a_label_that_the_cache_lost_is_an_error_that_names_the_image(tmp_path):
    item = item_of(tmp_path, Drawn(label("1", {1: 1})))
    item._snapshot.cache.clear()
    with pytest.raises(Exception, match=r"^a\.png: ") as raised:
        item.semantic()
    assert raised.value.code == "object_missing"


def test_attributes_are_what_was_said_of_the_image(tmp_path):
    drawn = Drawn(label("1", {1: 1}), attributes={"scene": "night"})
    assert item_of(tmp_path, drawn).attributes == {"scene": "night"}


def test_an_image_shows_its_label_over_its_photograph(tmp_path):
    drawn = Drawn(label("11.. 11..", {1: 2}), photo_of((2, 4)))
    item = item_of(tmp_path, drawn)
    shown = np.asarray(item.show(opacity=0.5).convert("RGB")).astype(int)
    photo = item.photo.astype(int)
    assert np.array_equal(shown[:, 3], photo[:, 3])
    assert not np.array_equal(shown[:, :2], photo[:, :2])
    assert Image.open(io.BytesIO(item._repr_png_())).size == (4, 2)


def test_a_label_without_a_photograph_is_shown_in_its_colours(tmp_path):
    shown = item_of(tmp_path, Drawn(label("1111", {1: 1}))).show().convert("RGB")
    assert shown.size == (4, 1)
    assert shown.getpixel((1, 0)) == (20, 128, 64)


def test_a_photograph_without_a_label_is_shown_as_it_is(tmp_path):
    item = item_of(tmp_path, Drawn(photo=photo_of((2, 3))))
    assert np.array_equal(np.asarray(item.show()), pixels_of((2, 3)))


def test_a_snapshot_is_found_by_place_name_and_slice(tmp_path):
    images = {name: Drawn(label("1", {1: 1})) for name in ("b.png", "a.png", "c.png")}
    snapshot = make_snapshot(tmp_path, images)
    assert [item.name for item in snapshot] == ["a.png", "b.png", "c.png"]
    assert snapshot[-1].name == snapshot["c.png"].name == "c.png"
    assert [item.name for item in snapshot[1:]] == ["b.png", "c.png"]
    with pytest.raises(IndexError):
        snapshot[3]
    with pytest.raises(NotFound, match=r"no image 'd\.png'"):
        snapshot["d.png"]


def test_a_snapshot_that_was_pickled_reads_the_same(tmp_path):
    snapshot = make_snapshot(tmp_path, {"a.png": Drawn(label("12", {1: 1, 2: 2}))})
    assert snapshot[0].semantic().tolist() == [[1, 2]]
    again = pickle.loads(pickle.dumps(snapshot))
    assert again["a.png"].semantic().tolist() == [[1, 2]]


def test_every_class_tells_its_place_in_other_lists(tmp_path):
    snapshot = make_snapshot(tmp_path, {"a.png": Drawn()}, known=STREET)
    assert [one.name for one in snapshot.classes] == ["road", "car", "person", "sign"]
    assert snapshot.taxonomy.schemes == ("coco",)
