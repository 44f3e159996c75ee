"""Edit the next version of a taxonomy, and publish it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from labels_app.actions.taxonomies import lock_taxonomy, publish_settled
from labels_app.class_json import class_to_plain
from labels_app.classes import SettledClasses, classes_digest
from labels_app.draft_edits import (
    MOST_OPERATIONS,
    apply_operations,
    check_operations,
    preview_operations,
    rebased,
    replace_classes,
    rules_to_plain,
)
from labels_app.drafts import Draft, draft_of, edits_since, get_draft
from labels_app.errors import DraftMoved, InvalidTaxonomy, MessageNeeded
from labels_app.models import (
    DraftEdit,
    Taxonomy,
    TaxonomyDraft,
    TaxonomyPicture,
    TaxonomyVersion,
)
from labels_app.taxonomy_diff import diff_classes
from people_app.audit import record
from people_app.models import User

__all__ = [
    "MOST_OPERATIONS",
    "Draft",
    "discard_draft",
    "edit_draft",
    "edits_since",
    "get_draft",
    "preview_operations",
    "publish_draft",
    "replace_draft",
]


@transaction.atomic
def edit_draft(
    *,
    taxonomy: Taxonomy,
    expected_revision: int,
    operations: Sequence[Any],
    actor: User,
) -> Draft:
    """Apply operations to the draft, all of them or none.

    Beside those of `labels_app.operations`: `import` adds the classes of a preset or of a list
    that the draft lacks, `remove` takes away a class that was never published, `undo` takes
    back what a version changed, `rules` sets the label rules.

    Raises
    ------
    DraftMoved
        Somebody edited the draft since; with what they did, and with these operations.
    InvalidOperation
        One of them cannot be done; with its place in the list.
    InvalidTaxonomy
        The classes that result break a rule.
    """
    check_operations(operations, least=1)
    draft = rebased(_lock_draft(taxonomy, expected_revision, list(operations)))
    return _store(apply_operations(draft, operations), list(operations), actor)


@transaction.atomic
def replace_draft(
    *,
    taxonomy: Taxonomy,
    expected_revision: int,
    classes: Sequence[Any],
    rules: Sequence[Any] | None = None,
    actor: User,
) -> Draft:
    """Set all classes of the draft, as JSON has them; without `rules` those stay.

    Raises as `edit_draft` does.
    """
    yours = {"op": "replace", "classes": classes, "rules": rules}
    draft = rebased(_lock_draft(taxonomy, expected_revision, [yours]))
    replaced = replace_classes(draft, classes, rules)
    changes = diff_classes(draft.classes, replaced.classes)
    return _store(
        replaced, [{"op": "replace", "changes": [one.to_plain() for one in changes]}], actor
    )


@transaction.atomic
def discard_draft(*, taxonomy: Taxonomy, expected_revision: int, actor: User) -> None:
    """Throw the draft away; ids that its classes had are not given again."""
    draft = _lock_draft(taxonomy, expected_revision, [{"op": "discard"}])
    TaxonomyDraft.objects.filter(taxonomy=taxonomy).delete()
    _log(draft, [{"op": "discard"}], actor)
    record(actor, "taxonomy.draft_discarded", taxonomy, revision=draft.revision)


@transaction.atomic
def publish_draft(
    *, taxonomy: Taxonomy, expected_revision: int, message: str, actor: User
) -> TaxonomyVersion:
    """Freeze the draft as the next version.

    Raises
    ------
    MessageNeeded
        Nobody says why.
    DraftMoved
        The draft is not what the publisher has seen.
    InvalidTaxonomy
        Nothing differs from the newest version, or an example's picture is not there.
    """
    if not message.strip():
        raise MessageNeeded
    publishing = [{"op": "publish", "message": message}]
    draft = rebased(_lock_draft(taxonomy, expected_revision, publishing))
    if classes_digest(draft.classes, rules_to_plain(draft.rules)) == draft.base.digest:
        raise InvalidTaxonomy([f"nothing differs from version {draft.base.number}"])
    _check_pictures(draft)
    version = publish_settled(
        taxonomy=draft.taxonomy,
        number=draft.base.number + 1,
        settled=SettledClasses(draft.classes, draft.taxonomy.next_class_id),
        rules=draft.rules,
        actor=actor,
        message=message.strip(),
    )
    TaxonomyDraft.objects.filter(taxonomy=taxonomy).delete()
    _log(draft, publishing, actor)
    return version


def _check_pictures(draft: Draft) -> None:
    """Refuse examples whose picture the taxonomy does not have: nobody could be shown it."""
    shown = [(spec.name, one.picture) for spec in draft.classes for one in spec.examples]
    if not shown:
        return
    own = {
        bytes(digest).hex()
        for digest in TaxonomyPicture.objects.filter(taxonomy=draft.taxonomy).values_list(
            "digest", flat=True
        )
    }
    if problems := [
        f"{name}: the taxonomy has no picture {picture}"
        for name, picture in shown
        if picture not in own
    ]:
        raise InvalidTaxonomy(problems)


def _lock_draft(taxonomy: Taxonomy, expected: int, yours: list[Any]) -> Draft:
    taxonomy = lock_taxonomy(taxonomy)
    draft = get_draft(taxonomy)
    if draft.revision != expected:
        theirs = edits_since(taxonomy, expected)
        raise DraftMoved(
            taxonomy.slug, expected=expected, actual=draft.revision, theirs=theirs, yours=yours
        )
    return draft


def _store(draft: Draft, operations: list[Any], actor: User) -> Draft:
    # The ids of new classes are gone from now on, whatever becomes of the draft.
    draft.taxonomy.save(update_fields=["next_class_id"])
    row, _ = TaxonomyDraft.objects.update_or_create(
        taxonomy=draft.taxonomy,
        defaults={
            "base": draft.base,
            "revision": draft.revision + 1,
            "classes": [class_to_plain(spec) for spec in draft.classes],
            "rules": rules_to_plain(draft.rules),
            "updated_by": actor,
            "updated_at": timezone.now(),
        },
    )
    _log(draft, operations, actor)
    record(
        actor,
        "taxonomy.draft_edited",
        draft.taxonomy,
        revision=row.revision,
        operations=[str(one.get("op")) for one in operations],
    )
    return draft_of(draft.taxonomy, row)


def _log(draft: Draft, operations: list[Any], actor: User) -> None:
    DraftEdit.objects.create(
        taxonomy=draft.taxonomy,
        number=draft.base.number + 1,
        revision=draft.revision + 1,
        operations=operations,
        actor=actor,
    )
