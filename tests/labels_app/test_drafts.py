"""The draft of a taxonomy: edited by many, published by one."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labels_app.actions.drafts import (
    discard_draft,
    edit_draft,
    edits_since,
    get_draft,
    publish_draft,
    replace_draft,
)
from labels_app.actions.pictures import add_picture
from labels_app.actions.taxonomies import create_taxonomy, extend_taxonomy, publish_version
from labels_app.class_json import class_to_plain
from labels_app.classes import id_of
from labels_app.errors import (
    DraftMoved,
    InvalidOperation,
    InvalidTaxonomy,
    MessageNeeded,
    TaxonomyMoved,
)
from labels_app.models import Taxonomy, TaxonomyDraft
from labels_app.reading import reading_of
from labels_app.taxonomy_diff import diff_classes
from people_app.models import AuditEvent, User
from tests.api.builders import png
from tests.labels_app.builders import classes
from tests.labels_app.operation_strategies import draw_operation
from tests.store_app.builders import use_storage

pytestmark = pytest.mark.django_db
RENAME = {"op": "rename", "class": 2, "name": "auto"}


def ada(name="ada"):
    return User.objects.get_or_create(username=name)[0]


def street(drawing="road/stuff car sky/stuff"):
    return create_taxonomy(slug="street", classes=classes(drawing), actor=ada()).taxonomy


def edit(taxonomy, *operations, actor=None):
    return edit_draft(
        taxonomy=taxonomy,
        expected_revision=get_draft(taxonomy).revision,
        operations=list(operations),
        actor=actor or ada(),
    )


def publish(taxonomy, message="Better"):
    revision = get_draft(taxonomy).revision
    return publish_draft(
        taxonomy=taxonomy, expected_revision=revision, message=message, actor=ada()
    )


def names(taxonomy):
    return [spec.name for spec in get_draft(taxonomy).classes if not spec.retired]


def test_looking_at_a_draft_writes_nothing():
    taxonomy = street()
    draft = get_draft(taxonomy)
    assert (draft.revision, draft.is_edited, draft.changes) == (0, False, ())
    assert not TaxonomyDraft.objects.exists()


def test_each_edit_is_a_revision_that_says_who_did_what():
    taxonomy = street()
    edit(taxonomy, RENAME)
    draft = edit(taxonomy, {"op": "recolor", "class": 2}, actor=ada("bob"))
    assert (draft.revision, draft.updated_by.get_username()) == (2, "bob")
    assert [(one["revision"], one["by"]) for one in edits_since(taxonomy, 0)] == [
        (1, "ada"),
        (2, "bob"),
    ]
    assert edits_since(taxonomy, 1)[0]["operations"] == [{"op": "recolor", "class": 2}]


def test_who_has_not_seen_an_edit_is_told_both_sides_and_changes_nothing():
    taxonomy = street()
    edit(taxonomy, RENAME, actor=ada("bob"))
    late = {"op": "retire", "class": "car"}
    with pytest.raises(DraftMoved) as caught:
        edit_draft(taxonomy=taxonomy, expected_revision=0, operations=[late], actor=ada())
    assert [edit["operations"] for edit in caught.value.theirs] == [[RENAME]]
    assert caught.value.yours == [late]
    assert get_draft(taxonomy).revision == 1


def test_a_revision_that_is_not_there_yet_is_refused():
    with pytest.raises(DraftMoved, match="at revision 0, not at 7"):
        edit_draft(taxonomy=street(), expected_revision=7, operations=[RENAME], actor=ada())


@pytest.mark.parametrize("operations", [[], "rename", {}, [RENAME] * 1_001])
def test_a_request_has_some_operations(operations):
    with pytest.raises(InvalidTaxonomy, match="operations"):
        edit_draft(taxonomy=street(), expected_revision=0, operations=operations, actor=ada())


def test_a_failed_edit_burns_no_id():
    taxonomy = street()
    with pytest.raises(InvalidOperation) as caught:
        edit(taxonomy, {"op": "add", "name": "bus", "kind": "thing"}, {"op": "paint"})
    assert caught.value.position == 1
    assert Taxonomy.objects.get().next_class_id == 4


def test_a_discarded_draft_burns_the_ids_that_it_gave():
    taxonomy = street()
    draft = edit(taxonomy, {"op": "add", "name": "bus", "kind": "thing"})
    discard_draft(taxonomy=taxonomy, expected_revision=draft.revision, actor=ada())
    assert names(taxonomy) == ["road", "car", "sky"]
    again = edit(taxonomy, {"op": "add", "name": "van", "kind": "thing"})
    assert again.classes[-1].class_id == 5
    assert AuditEvent.objects.filter(verb="taxonomy.draft_discarded").count() == 1


def test_a_published_draft_is_gone_and_its_revision_is_not_given_again():
    taxonomy = street()
    edit(taxonomy, RENAME)
    version = publish(taxonomy, "  Words  ")
    draft = get_draft(taxonomy)
    assert (version.number, version.message) == (2, "Words")
    assert (draft.revision, draft.base, draft.is_edited) == (2, version, False)


def test_a_publication_says_why():
    taxonomy = street()
    edit(taxonomy, RENAME)
    with pytest.raises(MessageNeeded):
        publish(taxonomy, " ")


def test_a_draft_that_says_what_is_published_is_not_published_again():
    taxonomy = street()
    edit(taxonomy, RENAME, {**RENAME, "name": "car"})
    with pytest.raises(InvalidTaxonomy, match="nothing differs from version 1"):
        publish(taxonomy)


def test_rules_are_part_of_what_is_published():
    taxonomy = street()
    draft = edit(taxonomy, {"op": "rules", "rules": [{"rule": "stuff_not_crowd"}]})
    assert draft.changes_rules
    assert draft.changes == ()
    version = publish(taxonomy)
    assert [rule["rule"] for rule in version.rules] == ["stuff_not_crowd"]
    edit(taxonomy, {"op": "rules", "rules": []})
    assert publish(taxonomy).digest == taxonomy.versions.get(number=1).digest


def test_a_draft_goes_on_from_classes_that_others_published_meanwhile():
    taxonomy = street()
    edit(taxonomy, {"op": "add", "name": "bus", "kind": "thing", "parent": "car"})
    edit(taxonomy, {"op": "add", "name": "wheel", "kind": "thing", "parent": "bus"})
    # An import brings a bus of its own: the draft's gives way to it, with what lay below.
    extend_taxonomy(taxonomy=taxonomy, classes=classes("bus"), actor=None, message="Import")
    draft = edit(taxonomy, RENAME)
    by_name = {spec.name: spec for spec in draft.classes}
    assert draft.base.number == 2
    assert by_name["bus"].class_id == 6
    assert by_name["wheel"].parent == 6


def test_a_draft_whose_classes_others_changed_meanwhile_is_told():
    taxonomy = street()
    edit(taxonomy, RENAME)
    publish_version(
        taxonomy=taxonomy,
        classes=classes("1:road/stuff 2:lorry 3:sky/stuff"),
        actor=None,
        message="Lorries",
    )
    with pytest.raises(TaxonomyMoved, match="at version 2, not at 1"):
        edit(taxonomy, {"op": "recolor", "class": 1})


def test_a_replacement_is_logged_as_what_it_changed():
    taxonomy = street()
    plain = [class_to_plain(spec) for spec in get_draft(taxonomy).classes]
    plain[1]["name"] = "auto"
    replace_draft(taxonomy=taxonomy, expected_revision=0, classes=plain, actor=ada())
    [edited] = edits_since(taxonomy, 0)
    [operation] = edited["operations"]
    assert [change["kind"] for change in operation["changes"]] == ["renamed"]


def test_an_import_keeps_what_is_there_and_adds_the_rest():
    taxonomy = street()
    given = [
        {"name": "car", "kind": "thing", "color": "#010203", "external": {"coco": 3}},
        {"name": "bus", "kind": "thing", "parent": "car"},
    ]
    draft = edit(taxonomy, {"op": "import", "classes": given})
    by_name = {spec.name: spec for spec in draft.classes}
    assert by_name["car"].external == {"coco": 3}
    assert by_name["car"].color != "#010203"
    assert (by_name["bus"].class_id, by_name["bus"].parent) == (4, 2)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "import"},
        {"op": "import", "preset": "nothing"},
        {"op": "import", "preset": 7},
        {"op": "import", "classes": "car"},
        {"op": "import", "classes": [7]},
        {"op": "remove"},
        {"op": "remove", "class": "car"},
        {"op": "remove", "class": "lorry"},
        {"op": "undo", "number": 9},
        {"op": "undo", "number": "1"},
        {"op": "undo", "number": 2**70},
        {"op": "rules"},
        {"op": "rules", "rules": "none"},
        {"op": "rules", "rules": [{"rule": "paint"}]},
        {"op": ["add"]},
        None,
    ],
)
def test_what_cannot_be_done_to_a_draft_is_told(operation):
    with pytest.raises(InvalidOperation, match="operation 1: "):
        edit(street(), operation)


def test_a_version_is_undone_by_a_later_one():
    taxonomy = street()
    before = get_draft(taxonomy).classes
    edit(taxonomy, {"op": "merge", "classes": ["road", "sky"], "into": "road"})
    publish(taxonomy)
    edit(taxonomy, {"op": "undo", "number": 2})
    third = publish(taxonomy, "Undo")
    assert tuple(reading_of(third).classes.values()) == before
    assert third.digest == taxonomy.versions.get(number=1).digest


def test_examples_are_published_with_their_pictures(settings, tmp_path):
    use_storage(
        settings, "django.core.files.storage.FileSystemStorage", location=str(tmp_path / "blobs")
    )
    taxonomy = street()
    other = create_taxonomy(slug="other", classes=classes("car"), actor=ada()).taxonomy
    picture = add_picture(taxonomy=other, content=png(3, 4), actor=ada())
    example = {"picture": picture.digest.hex()}
    edit(taxonomy, {"op": "edit", "class": "car", "examples": [example]})
    with pytest.raises(InvalidTaxonomy, match="car: the taxonomy has no picture"):
        publish(taxonomy)
    add_picture(taxonomy=taxonomy, content=png(3, 4), actor=ada())
    assert publish(taxonomy).number == 2


def test_an_edit_takes_the_same_queries_for_any_number_of_classes_and_versions(
    django_assert_max_num_queries,
):
    taxonomy = street()
    edit(taxonomy, {"op": "import", "preset": "coco"})
    for number in range(3):
        edit(taxonomy, {**RENAME, "name": f"car {number}"})
        publish(taxonomy)
    edit(taxonomy, RENAME)
    with django_assert_max_num_queries(20):
        edit(taxonomy, {**RENAME, "name": "car"})


@given(st.data())
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_history_of_drafts_gives_each_id_once_and_can_be_undone(data):
    taxonomy = create_taxonomy(
        slug=f"t-{Taxonomy.objects.count()}", classes=classes("road/stuff car bus"), actor=ada()
    ).taxonomy
    given_ids = {spec.class_id: spec.name for spec in get_draft(taxonomy).classes}
    for step in range(data.draw(st.integers(1, 4))):
        before = get_draft(taxonomy)
        seen = {id_of(spec) for spec in before.classes}
        for number in range(data.draw(st.integers(1, 3))):
            draft = get_draft(taxonomy)
            fresh = f"class {step}-{number}"
            edit(taxonomy, draw_operation(data.draw, draft.classes, fresh))
        draft = get_draft(taxonomy)
        new = {id_of(spec) for spec in draft.classes} - seen
        assert not new & given_ids.keys()
        given_ids |= {spec.class_id: spec.name for spec in draft.classes if spec.class_id in new}
        if data.draw(st.booleans()):
            discard_draft(taxonomy=taxonomy, expected_revision=draft.revision, actor=ada())
            continue
        if not draft.changes:
            continue
        version = publish(taxonomy)
        # What was shown before publishing is what the two versions differ in.
        old, now = (tuple(reading_of(one).classes.values()) for one in (before.base, version))
        assert diff_classes(old, now) == draft.changes
        undone = edit(taxonomy, {"op": "undo", "number": version.number})
        by_id = {id_of(spec): spec for spec in undone.classes}
        assert [by_id[id_of(spec)] for spec in old] == list(old)
        discard_draft(taxonomy=taxonomy, expected_revision=undone.revision, actor=ada())
