from labels_app.binding import bind_classes, specs_from_file
from labels_app.classes import ClassSpec, settle_classes
from labels_app.reading import Reading
from panoptic.formats.base import BoundClass, FileClass

PERSON, CAR = FileClass(1, "person", "thing"), FileClass(3, "car", "thing")


def taxonomy(*specs):
    return Reading.from_classes(settle_classes(specs).classes)


def bind(reading, *file_classes):
    return bind_classes(reading, file_classes, "coco")


def test_a_class_is_found_by_its_id_in_the_scheme_even_under_another_name():
    reading = taxonomy(ClassSpec("human", "thing", 7, external={"coco": 1}))
    assert bind(reading, PERSON).bound == {1: BoundClass(7, "thing")}


def test_a_class_is_found_by_its_name_when_no_id_says_otherwise():
    reading = taxonomy(ClassSpec("person", "stuff", 7, external={"cityscapes": 24}))
    assert bind(reading, PERSON).bound == {1: BoundClass(7, "stuff")}


def test_what_is_not_found_is_told():
    found = bind(taxonomy(ClassSpec("people", "thing")), PERSON, CAR)
    assert (found.bound, found.unknown) == ({}, (PERSON, CAR))


def test_a_class_is_found_by_a_synonym():
    reading = taxonomy(ClassSpec("human", "thing", synonyms=("pedestrian", "person")))
    assert bind(reading, PERSON).bound == {1: BoundClass(1, "thing")}


def test_an_exact_name_comes_before_a_synonym():
    reading = taxonomy(ClassSpec("human", "thing", synonyms=("car",)), ClassSpec("car", "thing"))
    assert bind(reading, CAR).bound == {3: BoundClass(2, "thing")}


def test_a_synonym_of_two_classes_says_nothing():
    reading = taxonomy(
        ClassSpec("sedan", "thing", synonyms=("car",)),
        ClassSpec("limousine", "thing", synonyms=("car", "Person")),
    )
    found = bind(reading, CAR, PERSON)
    assert (found.bound, found.unknown) == ({1: BoundClass(2, "thing")}, (CAR,))


def test_an_exact_synonym_comes_before_one_in_other_letters():
    reading = taxonomy(
        ClassSpec("sedan", "thing", synonyms=("Car",)),
        ClassSpec("limousine", "thing", synonyms=("car",)),
    )
    assert bind(reading, CAR).bound == {3: BoundClass(2, "thing")}


def test_upper_and_lower_case_are_the_same_where_nothing_fits_better():
    reading = taxonomy(ClassSpec("Person", "thing"), ClassSpec("Auto", "thing", synonyms=("CAR",)))
    assert bind(reading, PERSON, CAR).bound == {
        1: BoundClass(1, "thing"),
        3: BoundClass(2, "thing"),
    }


def test_two_classes_that_differ_in_case_only_bind_by_their_exact_names():
    reading = taxonomy(ClassSpec("Person", "thing"), ClassSpec("PERSON", "thing"))
    assert bind(reading, PERSON).unknown == (PERSON,)
    assert bind(reading, PERSON._replace(name="PERSON")).bound == {1: BoundClass(2, "thing")}


def test_a_synonym_that_disagrees_with_the_id_binds_to_neither():
    reading = taxonomy(
        ClassSpec("human", "thing", external={"coco": 1}),
        ClassSpec("dummy", "thing", synonyms=("person",)),
    )
    assert bind(reading, PERSON).unknown == (PERSON,)


def test_a_class_that_was_split_is_bound_and_told_as_closed():
    reading = taxonomy(
        ClassSpec("car", "thing", 1, deprecated=True, split_into=(2, 3)),
        ClassSpec("taxi", "thing", 2),
        ClassSpec("van", "thing", 3),
        ClassSpec("auto", "thing", 4, retired=True, forwards_to=1),
    )
    auto = FileClass(9, "auto", "thing")
    found = bind(reading, CAR, auto, FileClass(4, "van", "thing"))
    assert found.closed == (CAR, auto)
    assert set(found.bound) == {3, 9, 4}


def test_an_id_and_a_name_that_disagree_bind_to_neither():
    reading = taxonomy(
        ClassSpec("person", "thing", external={"coco": 1}),
        ClassSpec("nucleus", "thing"),
    )
    nucleus = FileClass(1, "nucleus", "thing")
    assert bind(reading, nucleus).unknown == (nucleus,)


def test_an_id_that_two_live_classes_have_says_nothing():
    reading = taxonomy(
        ClassSpec("rider", "thing", external={"coco": 3}),
        ClassSpec("car", "thing", external={"coco": 3}),
    )
    assert bind(reading, CAR).bound == {3: BoundClass(2, "thing")}
    assert bind(reading, CAR._replace(name="auto")).unknown


def test_a_class_that_was_merged_away_binds_to_its_successor():
    reading = taxonomy(
        ClassSpec("car", "thing", 1, external={"coco": 3}, retired=True, forwards_to=2),
        ClassSpec("vehicle", "stuff", 2),
    )
    assert bind(reading, CAR).bound == {3: BoundClass(2, "stuff")}


def test_a_class_that_was_retired_to_void_is_unknown():
    reading = taxonomy(ClassSpec("car", "thing", 1, external={"coco": 3}, retired=True))
    assert bind(reading, CAR).unknown == (CAR,)


def test_a_live_class_wins_over_a_retired_one_of_its_name():
    reading = taxonomy(
        ClassSpec("car", "thing", 1, retired=True, forwards_to=3),
        ClassSpec("car", "thing", 2),
        ClassSpec("vehicle", "thing", 3),
    )
    assert bind(reading, CAR).bound == {3: BoundClass(2, "thing")}


def test_the_classes_of_a_file_become_a_taxonomy_that_binds_them():
    file_classes = [
        FileClass(1, "person", "thing", (220, 20, 60), "person"),
        FileClass(3, "car", "thing", (0, 0, 142), "vehicle"),
        FileClass(149, "road", "stuff"),
    ]
    settled = settle_classes(specs_from_file(file_classes, "coco")).classes
    found = bind(Reading.from_classes(settled), *file_classes)
    assert not found.unknown
    assert found.bound == {
        1: BoundClass(1, "thing"),
        3: BoundClass(2, "thing"),
        149: BoundClass(3, "stuff"),
    }
    assert [spec.color for spec in settled[:2]] == ["#dc143c", "#00008e"]
    assert [spec.heading for spec in settled] == ["person", "vehicle", ""]


def test_a_parent_that_is_a_class_of_the_file_stays_its_parent():
    file_classes = [FileClass(1, "van", "thing", parent="car"), CAR]
    van, car = settle_classes(specs_from_file(file_classes, "coco")).classes
    assert (van.parent, van.heading) == (car.class_id, "")
