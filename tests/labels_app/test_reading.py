from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec, settle_classes
from labels_app.errors import UnknownScheme
from labels_app.reading import Reading, reading_of
from panoptic.errors import UnknownClass
from panoptic.label import count_classes, label_from_id_map
from panoptic.runs import decode_runs
from panoptic.views import ClassMap, semantic_runs
from tests.builders import label, rows
from tests.labels_app.builders import classes, reading

STREET = reading("1:road/stuff 2:car 3:van->2 4:dirt->void 5:gravel/stuff->1")


def with_external(**ids_by_name):
    specs = [
        ClassSpec(name, "thing", external={} if value is None else {"coco": value})
        for name, value in ids_by_name.items()
    ]
    return Reading.from_classes(settle_classes(specs).classes)


def mapped(class_map, *class_ids):
    return class_map.map_classes(np.array(class_ids, np.uint32)).tolist()


def test_a_class_reads_as_itself_its_successor_or_void():
    assert STREET.live_of == {1: 1, 2: 2, 3: 2, 4: None, 5: 1}
    assert STREET.find(3).name == "car"
    assert STREET.find(4) is None


def test_what_forwards_to_stuff_reads_as_stuff():
    assert STREET.kinds.stuff == {1, 5}
    assert STREET.thing_ids == {2, 3}


def test_live_classes_are_those_that_new_segments_may_have():
    assert [spec.name for spec in STREET.live_classes] == ["road", "car"]


def test_a_class_that_never_was_is_an_error():
    with pytest.raises(UnknownClass, match="9"):
        STREET.find(9)
    assert STREET.unknown_of([9, 2, 7, 9]) == [7, 9]


def test_the_map_to_live_classes_sends_retired_ones_on():
    assert mapped(STREET.class_map(void=255), 1, 2, 3, 4, 5) == [1, 2, 2, 255, 1]


def test_the_map_to_a_scheme_gives_its_ids():
    coco = with_external(person=1, road=None, sky=0).class_map("coco", void=255)
    assert mapped(coco, 1, 2, 3) == [1, 255, 0]


def test_an_id_below_zero_in_a_scheme_means_void():
    assert mapped(with_external(plate=-1, car=26).class_map("coco", 255), 1, 2) == [255, 26]


def test_a_scheme_without_ids_or_without_numbers_is_an_error():
    with pytest.raises(UnknownScheme, match="no class has one"):
        STREET.class_map("coco")
    with pytest.raises(UnknownScheme, match="'n01440764' is not a number"):
        with_external(fish="n01440764").class_map("coco")


def test_the_name_above_a_class_is_its_parents_or_its_heading():
    specs = [
        ClassSpec("vehicle", "thing"),
        ClassSpec("car", "thing", parent="vehicle", heading="ignored"),
        ClassSpec("cat", "thing", heading="animal"),
    ]
    found = Reading.from_classes(settle_classes(specs).classes)
    assert [found.heading_of(class_id) for class_id in (1, 2, 3)] == ["", "vehicle", "animal"]


def test_equal_classes_give_equal_readings():
    assert reading("road car") == reading("2:car 1:road")
    assert reading("road car") != reading("road van")
    assert len({reading("road car"), reading("road car")}) == 1


def test_the_stuff_of_one_class_is_one_segment_of_a_label_and_things_add():
    counts = count_classes(label("1123 4455", {1: 1, 2: 5, 3: 2, 4: 3, 5: 4}, crowds=[4]))
    under = STREET.counts_under(counts)
    assert under.class_ids.tolist() == [1, 2]
    assert under.segments.tolist() == [1, 2]
    assert under.crowds.tolist() == [0, 1]
    assert under.pixels.tolist() == [3, 3]
    assert under.void_pixels == 2


drawn_maps = st.lists(st.lists(st.integers(0, 5), min_size=4, max_size=4), min_size=1, max_size=5)
successors = st.lists(st.integers(0, 6), min_size=6, max_size=6)


@settings(deadline=None)  # the first example may wait for a kernel to be compiled
@given(drawn_maps, successors, st.sampled_from(["stuff", "thing"]))
def test_pixels_under_a_taxonomy_are_those_of_the_mapped_view(id_map, forwards, kind):
    """Segment n has class n; class n is live if forwards[n - 1] is 6, else goes there or to 0."""
    specs = [
        ClassSpec(f"c{n}", kind, n, retired=to != 6, forwards_to=6 if to % 2 else None)
        for n, to in enumerate(forwards[:5], 1)
    ]
    specs = [
        replace(spec, forwards_to=spec.forwards_to if spec.retired else None) for spec in specs
    ]
    under = Reading.from_classes(settle_classes([*specs, ClassSpec("c6", kind, 6)]).classes)
    plane = np.array(id_map, np.uint32)
    ids = [int(n) for n in np.unique(plane) if n]
    drawn = label_from_id_map(plane, rows({n: n for n in ids}))
    seen = decode_runs(semantic_runs(drawn, under.class_map()))
    counts = under.counts_under(count_classes(drawn))
    expected = {int(c): int((seen == c).sum()) for c in np.unique(seen) if c}
    assert dict(zip(counts.class_ids.tolist(), counts.pixels.tolist(), strict=True)) == expected
    assert counts.void_pixels == (seen == 0).sum()


def test_a_reading_without_retired_classes_leaves_counts_alone():
    counts = count_classes(label("112 .33", {1: 1, 2: 2, 3: 2}))
    assert reading("1:road/stuff 2:car").counts_under(counts) == counts


def test_class_maps_are_made_once():
    assert STREET.class_map(void=3) is STREET.class_map(void=3)
    assert isinstance(STREET.class_map(), ClassMap)


@pytest.mark.django_db
def test_the_reading_of_a_version_costs_one_query_once(django_assert_num_queries):
    # Classes of no other test: rows get their numbers again, and the cache outlives tests.
    drawing = "road/stuff asked-for-once"
    version = create_taxonomy(slug="street", classes=classes(drawing), actor=None)
    with django_assert_num_queries(1):
        first = reading_of(version)
    with django_assert_num_queries(0):
        assert reading_of(version) is first
    assert first == reading(drawing)
    assert first.digest == version.digest
