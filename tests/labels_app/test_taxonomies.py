from dataclasses import replace

import pytest
from django.db import transaction

from labels_app.actions.taxonomies import (
    create_taxonomy,
    extend_taxonomy,
    extend_with_file_classes,
    publish_version,
    taxonomy_from_file_classes,
)
from labels_app.errors import InvalidTaxonomy, TaxonomyExists, TaxonomyIsFrozen, TaxonomyMoved
from labels_app.models import LabelClass, Taxonomy, TaxonomyVersion
from labels_app.reading import reading_of
from panoptic.formats.base import FileClass
from people_app.models import AuditEvent, User
from tests.labels_app.builders import classes

pytestmark = pytest.mark.django_db


def street(drawing="road/stuff car"):
    return create_taxonomy(slug="street", classes=classes(drawing), actor=None)


def publish(version, drawing, **fields):
    fields = {"actor": None, "message": "more", **fields}
    return publish_version(taxonomy=version.taxonomy, classes=classes(drawing), **fields)


def test_a_taxonomy_starts_with_its_first_version():
    version = street()
    assert (version.taxonomy.slug, version.number) == ("street", 1)
    assert [(row.class_id, row.name, row.kind) for row in version.classes.all()] == [
        (1, "road", "stuff"),
        (2, "car", "thing"),
    ]


def test_a_slug_is_given_once():
    street()
    with pytest.raises(TaxonomyExists, match="street"):
        street()
    assert Taxonomy.objects.count() == 1


@pytest.mark.parametrize("slug", ["", "Street", "a b", "a/b", "x" * 101])
def test_a_slug_fits_into_a_url(slug):
    with pytest.raises(InvalidTaxonomy, match="is no slug"):
        create_taxonomy(slug=slug, classes=[], actor=None)


def test_every_field_of_a_class_comes_back():
    [spec] = classes("car")
    spec = replace(
        spec, color="#0000ff", heading="vehicle", description="on wheels", external={"coco": 3}
    )
    version = create_taxonomy(slug="street", classes=[spec], actor=None)
    assert reading_of(version).classes == {1: replace(spec, class_id=1)}


def test_publishing_makes_the_next_version_and_leaves_the_old_one():
    first = street()
    second = publish(first, "1:road/stuff 2:automobile sky/stuff")
    assert second.number == 2
    assert [spec.name for spec in reading_of(second).live_classes] == ["road", "automobile", "sky"]
    assert [spec.name for spec in reading_of(first).live_classes] == ["road", "car"]


def test_the_id_of_a_retired_class_is_not_given_again():
    second = publish(street(), "1:road/stuff 2:car->void van")
    third = publish(second, "1:road/stuff 2:car->void 3:van->void lorry")
    assert [spec.class_id for spec in reading_of(third).live_classes] == [1, 4]
    assert Taxonomy.objects.get().next_class_id == 5


def test_merging_twice_still_reads_in_one_step():
    second = publish(street("van car truck"), "1:van->2 2:car 3:truck")
    third = publish(second, "1:van->2 2:car->3 3:truck")
    assert reading_of(third).live_of == {1: 3, 2: 3, 3: 3}


def test_a_retired_class_can_be_revived():
    second = publish(street("van car"), "1:van->2 2:car")
    third = publish(second, "1:van 2:car")
    assert reading_of(third).live_of == {1: 1, 2: 2}


def test_the_same_classes_again_are_no_version():
    version = street()
    same = list(reading_of(version).classes.values())
    with pytest.raises(InvalidTaxonomy, match="nothing differs from version 1"):
        publish_version(taxonomy=version.taxonomy, classes=same, actor=None, message="")


def test_going_back_to_old_classes_gives_the_old_digest():
    first = street()
    old = list(reading_of(first).classes.values())
    second = publish(first, "1:road/stuff 2:automobile")
    third = publish_version(taxonomy=second.taxonomy, classes=old, actor=None, message="back")
    assert third.digest == first.digest
    assert third.pk != first.pk


def test_who_looked_at_an_older_version_is_told():
    first = street()
    publish(first, "1:road/stuff 2:automobile", expected=1)
    with pytest.raises(TaxonomyMoved, match="street is at version 2, not at 1"):
        publish(first, "1:road/stuff 2:lorry", expected=1)


def test_extending_keeps_what_is_there():
    first = street()
    second = extend_taxonomy(
        taxonomy=first.taxonomy, classes=classes("sky/stuff"), actor=None, message="sky"
    )
    assert [spec.name for spec in reading_of(second).live_classes] == ["road", "car", "sky"]


def test_extending_by_a_name_that_is_taken_is_refused():
    with pytest.raises(InvalidTaxonomy, match="2 live classes are named car"):
        extend_taxonomy(taxonomy=street().taxonomy, classes=classes("car"), actor=None, message="")
    assert TaxonomyVersion.objects.count() == 1


def test_a_taxonomy_of_a_file_can_be_extended_by_another_file():
    first = taxonomy_from_file_classes(
        slug="coco", file_classes=[FileClass(1, "person", "thing")], scheme="coco", actor=None
    )
    second = extend_with_file_classes(
        taxonomy=first.taxonomy,
        file_classes=[FileClass(3, "car", "thing", None, "vehicle")],
        scheme="coco",
        actor=None,
    )
    assert [spec.external for spec in reading_of(second).live_classes] == [{"coco": 1}, {"coco": 3}]


def test_each_publication_is_recorded_with_its_author():
    ada = User.objects.create_user("ada")
    first = create_taxonomy(slug="street", classes=classes("car"), actor=ada)
    second = publish(first, "1:automobile", actor=ada)
    events = AuditEvent.objects.about("taxonomy", str(first.taxonomy.pk))
    assert [(event.verb, event.facts["number"]) for event in events[:2]] == [
        ("taxonomy.published", 2),
        ("taxonomy.published", 1),
    ]
    assert events[0].facts["digest"] == second.digest.hex()
    assert {event.actor for event in events} == {ada} == {second.author}


@pytest.mark.parametrize("model", [TaxonomyVersion, LabelClass])
@pytest.mark.parametrize(
    "alter",
    [
        lambda row: row.save(),
        lambda row: row.delete(),
        lambda row: type(row).objects.all().delete(),
        lambda row: type(row).objects.filter(pk=row.pk).update(pk=row.pk),
        lambda row: type(row).objects.bulk_update(
            [row], ["version" if hasattr(row, "class_id") else "message"]
        ),
    ],
)
def test_what_is_published_is_frozen(model, alter):
    street()
    with pytest.raises(TaxonomyIsFrozen), transaction.atomic():
        alter(model.objects.first())


def test_the_classes_of_a_version_are_frozen_through_it_too():
    version = street()
    with pytest.raises(TaxonomyIsFrozen):
        version.classes.update(name="lorry")


def test_publishing_takes_the_same_queries_for_any_number_of_versions(
    django_assert_num_queries, django_assert_max_num_queries
):
    version = street()
    for number in range(3):
        version = publish(version, f"1:road/stuff 2:car{number}")
    with django_assert_max_num_queries(10):
        publish(version, "1:road/stuff 2:lorry")
