"""Mappings between taxonomies."""

import pytest

from labels_app.actions.mappings import create_mapping, explain_entries, propose_entries
from labels_app.actions.taxonomies import create_taxonomy, publish_version
from labels_app.classes import ClassSpec, settle_classes
from labels_app.errors import InvalidMapping, NoMapping
from labels_app.presets import preset_classes
from labels_app.presets.mappings import COCO_TO_CITYSCAPES19
from labels_app.reading import Reading, reading_under
from people_app.models import AuditEvent
from tests.labels_app.builders import classes, reading

pytestmark = pytest.mark.django_db


def version(slug, drawing):
    return create_taxonomy(slug=slug, classes=classes(drawing), actor=None)


@pytest.fixture
def sides():
    return version("long", "road/stuff car bus sky/stuff"), version("short", "ground/stuff vehicle")


ENTRIES = {"road": "ground", 2: 2, "3": "vehicle", "sky": None}


def test_classes_are_named_by_id_by_name_or_by_an_id_as_json_writes_it(sides):
    source, target = sides
    mapping = create_mapping(source=source, target=target, entries=ENTRIES, actor=None)
    assert mapping.entries == {"1": 1, "2": 2, "3": 2, "4": None}
    assert reading_under(source, target).live_of == {1: 1, 2: 2, 3: 2, 4: None}


def test_the_newest_mapping_counts_and_old_ones_stay(sides):
    source, target = sides
    first = create_mapping(source=source, target=target, entries=ENTRIES, actor=None)
    without_buses = {**ENTRIES, "3": None}
    second = create_mapping(source=source, target=target, entries=without_buses, actor=None)
    assert (first.number, second.number) == (1, 2)
    assert first.digest != second.digest
    assert reading_under(source, target).live_of[3] is None


def test_a_mapping_serves_later_versions_of_its_source(sides):
    source, target = sides
    create_mapping(source=source, target=target, entries=ENTRIES, actor=None)
    grown = publish_version(
        taxonomy=source.taxonomy,
        classes=classes("1:road/stuff 2:auto 3:bus->2 4:sky/stuff"),
        actor=None,
        message="Fewer",
    )
    assert reading_under(grown, target).find(3).name == "vehicle"


def test_there_is_no_way_back_without_another_mapping(sides):
    source, target = sides
    create_mapping(source=source, target=target, entries=ENTRIES, actor=None)
    with pytest.raises(NoMapping, match="short and long share no line"):
        reading_under(target, source)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ({}, "road is mapped to nothing; say null for void"),
        ({**ENTRIES, 4: 1}, "sky is mapped twice"),
        ({**ENTRIES, "lorry": 1}, "lorry is no live class"),
        ({**ENTRIES, "sky": "lorry"}, "lorry is no live class"),
        ({**ENTRIES, "sky": 9}, "9 is no live class"),
        ({**ENTRIES, "sky": []}, "a class is a whole number"),
        ([], "the entries are an object"),
    ],
)
def test_a_mapping_names_each_class_once(sides, entries, problem):
    source, target = sides
    with pytest.raises(InvalidMapping, match=problem):
        create_mapping(source=source, target=target, entries=entries, actor=None)


def test_versions_of_one_taxonomy_need_no_mapping(sides):
    source, _ = sides
    with pytest.raises(InvalidMapping, match="need no mapping"):
        create_mapping(source=source, target=source, entries={}, actor=None)


def test_a_mapping_is_recorded(sides):
    source, target = sides
    create_mapping(source=source, target=target, entries=ENTRIES, actor=None)
    event = AuditEvent.objects.get(verb="taxonomy.mapped")
    assert (event.facts["into"], event.facts["number"]) == ("short", 1)


def test_a_proposal_prefers_ids_then_names_then_synonyms():
    source = Reading.from_classes(
        settle_classes(
            [
                ClassSpec("car", "thing", external={"coco": 3}),
                ClassSpec("bus", "thing"),
                ClassSpec("auto", "thing"),
                ClassSpec("sky", "stuff"),
            ]
        ).classes
    )
    target = Reading.from_classes(
        settle_classes(
            [
                ClassSpec("car", "thing"),
                ClassSpec("vehicle", "thing", external={"coco": 3}, synonyms=("Auto",)),
                ClassSpec("BUS", "thing"),
            ]
        ).classes
    )
    assert propose_entries(source, target) == {1: 2, 2: 3, 3: 2, 4: None}


def test_what_is_built_in_comes_first_with_its_reasons():
    coco, cityscapes = (
        Reading.from_classes(settle_classes(preset_classes(key)).classes)
        for key in ("coco", "cityscapes19")
    )
    proposed = {
        coco.classes[left].name: right and cityscapes.classes[right].name
        for left, right in propose_entries(coco, cityscapes).items()
    }
    assert proposed == COCO_TO_CITYSCAPES19.targets
    reasons = {
        coco.classes[left].name: reason
        for left, reason in explain_entries(coco, cityscapes).items()
    }
    assert reasons == COCO_TO_CITYSCAPES19.reasons


def test_classes_of_no_preset_have_no_reasons():
    assert explain_entries(reading("car"), reading("car")) == {}
