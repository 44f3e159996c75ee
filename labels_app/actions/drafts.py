"""Edit the next version of a taxonomy, and publish it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from labels_app.actions.taxonomies import lock_taxonomy, publish_settled
from labels_app.class_json import class_from_plain, class_to_plain, reference
from labels_app.classes import (
    ClassSpec,
    SettledClasses,
    classes_digest,
    id_of,
    settle_classes,
    tidy_name,
)
from labels_app.errors import (
    DraftMoved,
    InvalidOperation,
    InvalidTaxonomy,
    MessageNeeded,
    TaxonomyMoved,
)
from labels_app.models import (
    DraftEdit,
    Taxonomy,
    TaxonomyDraft,
    TaxonomyPicture,
    TaxonomyVersion,
)
from labels_app.operations import apply_operation
from labels_app.presets import UnknownPreset, preset_classes
from labels_app.reading import Reading, reading_of
from labels_app.rules import LabelRule, rules_from_plain, stored_rules
from labels_app.taxonomy_diff import ClassChange, diff_classes
from labels_app.undoing import undo_changes
from people_app.audit import record
from people_app.models import User

MOST_OPERATIONS = 1_000


@dataclass(frozen=True)
class Draft:
    """The next version of a taxonomy as it stands.

    `revision` grows with each edit and each publication of the taxonomy. `is_edited` is false
    where there is nothing to publish yet: then it says what `base`, the newest version, says.
    """

    taxonomy: Taxonomy
    base: TaxonomyVersion
    revision: int
    classes: tuple[ClassSpec, ...]
    rules: tuple[LabelRule, ...]
    is_edited: bool = False
    updated_by: User | None = None
    updated_at: datetime | None = None

    @property
    def reading(self) -> Reading:
        """Return how labels would read by it."""
        return Reading.from_classes(self.classes)

    @property
    def changes(self) -> tuple[ClassChange, ...]:
        """Return what publishing it would change."""
        return diff_classes(reading_of(self.base).classes.values(), self.classes)

    @property
    def changes_rules(self) -> bool:
        """Say whether publishing it would change the label rules."""
        return self.rules != stored_rules(self.base.rules)


def get_draft(taxonomy: Taxonomy) -> Draft:
    """Return the draft of a taxonomy; three queries at most, and nothing is written."""
    row = (
        TaxonomyDraft.objects.filter(taxonomy=taxonomy)
        .select_related("base__taxonomy", "updated_by")
        .first()
    )
    if row is not None:
        return _draft_of(taxonomy, row)
    newest = taxonomy.versions.select_related("taxonomy").order_by("-number")[:1].get()
    return Draft(
        taxonomy,
        newest,
        _last_revision(taxonomy),
        tuple(reading_of(newest).classes.values()),
        stored_rules(newest.rules),
    )


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
    _check_operations(operations, least=1)
    draft = _rebased(_lock_draft(taxonomy, expected_revision, list(operations)))
    return _store(_apply_all(draft, operations), list(operations), actor)


def preview_operations(draft: Draft, operations: Sequence[Any] = ()) -> Draft:
    """Return what a draft would be after these operations, and would be published as.

    Nothing is written: classes that are new here may get other ids when the operations are
    done. Raises `InvalidOperation`, `InvalidTaxonomy` and `TaxonomyMoved` as `edit_draft` does.
    """
    _check_operations(operations, least=0)
    # Operations count ids up in the taxonomy that they are given.
    return _apply_all(_rebased(replace(draft, taxonomy=copy(draft.taxonomy))), operations)


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
    draft = _rebased(_lock_draft(taxonomy, expected_revision, [yours]))
    settled = _settle(draft, _classes_from_plain(classes))
    plain = [rule.to_plain() for rule in draft.rules] if rules is None else rules
    replaced = replace(
        draft,
        taxonomy=_with_next_id(draft.taxonomy, settled),
        classes=settled.classes,
        rules=rules_from_plain(plain, settled.classes),
    )
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
    draft = _rebased(_lock_draft(taxonomy, expected_revision, publishing))
    if classes_digest(draft.classes, _plain(draft.rules)) == draft.base.digest:
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


def edits_since(taxonomy: Taxonomy, revision: int) -> list[dict[str, Any]]:
    """Return who did what to the draft after a revision, oldest first."""
    edits = DraftEdit.objects.filter(taxonomy=taxonomy, revision__gt=revision).select_related(
        "actor"
    )
    return [
        {
            "revision": edit.revision,
            "by": edit.actor.get_username() if edit.actor else None,
            "at": edit.at.isoformat(),
            "operations": edit.operations,
        }
        for edit in edits.order_by("revision", "pk")
    ]


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
    taxonomy, _ = lock_taxonomy(taxonomy, None)
    draft = get_draft(taxonomy)
    if draft.revision != expected:
        theirs = edits_since(taxonomy, expected)
        raise DraftMoved(
            taxonomy.slug, expected=expected, actual=draft.revision, theirs=theirs, yours=yours
        )
    return draft


def _rebased(draft: Draft) -> Draft:
    """Return a draft on top of the newest version: imports may publish classes meanwhile.

    A class of the draft with the name of one of those gives way to it.

    Raises
    ------
    TaxonomyMoved
        The newest version changed classes that the draft has, too.
    """
    newest = draft.taxonomy.versions.select_related("taxonomy").order_by("-number")[:1].get()
    if draft.base == newest:
        return draft
    base = reading_of(draft.base).classes
    present = reading_of(newest).classes
    if any(present[class_id] != spec for class_id, spec in base.items()):
        raise TaxonomyMoved(draft.taxonomy.slug, expected=draft.base.number, actual=newest.number)
    added = {spec.name: spec for class_id, spec in present.items() if class_id not in base}
    own = {id_of(spec): spec.name for spec in draft.classes if id_of(spec) not in base}
    led = {class_id: id_of(added[name]) for class_id, name in own.items() if name in added}
    kept = [
        replace(
            spec,
            parent=_led(spec.parent, led),
            forwards_to=_led(spec.forwards_to, led),
            split_into=tuple(
                one for part in spec.split_into if (one := _led(part, led)) is not None
            ),
        )
        for spec in draft.classes
        if spec.class_id not in led
    ]
    merged = replace(draft, base=newest)
    return replace(merged, classes=_settle(merged, [*kept, *added.values()]).classes)


def _led(reference: int | str | None, led: Mapping[int, int]) -> int | str | None:
    return led.get(reference, reference) if isinstance(reference, int) else reference


def _check_operations(operations: Any, *, least: int) -> None:
    if isinstance(operations, str | Mapping) or not isinstance(operations, Sequence):
        raise InvalidTaxonomy(["the operations are a list"])
    if not least <= len(operations) <= MOST_OPERATIONS:
        raise InvalidTaxonomy([f"a request has {least} to {MOST_OPERATIONS} operations"])


def _apply_all(draft: Draft, operations: Sequence[Any]) -> Draft:
    for position, operation in enumerate(operations):
        try:
            draft = _apply(draft, operation)
        except (ValueError, UnknownPreset) as error:
            raise InvalidOperation(position, str(error)) from error
        except InvalidTaxonomy as error:
            raise InvalidOperation(position, "; ".join(error.problems)) from error
    return draft


def _apply(draft: Draft, operation: Any) -> Draft:
    name = operation.get("op") if isinstance(operation, Mapping) else None
    special = _SPECIAL.get(name) if isinstance(name, str) else None
    if special is not None:
        fields = {key: value for key, value in operation.items() if key != "op"}
        found = special(draft, fields)
        if isinstance(found, Draft):
            return found
    else:
        found = apply_operation(draft.classes, operation)
    settled = _settle(draft, found)
    return replace(
        draft,
        taxonomy=_with_next_id(draft.taxonomy, settled),
        classes=settled.classes,
        # A rule about a class that is gone is about what took its place.
        rules=rules_from_plain(_plain(draft.rules), settled.classes),
    )


def _import(draft: Draft, fields: Mapping[str, Any]) -> list[ClassSpec]:
    """Add the classes that the draft lacks; those it has get ids in schemes they lack."""
    if set(fields) == {"preset"} and isinstance(fields["preset"], str):
        given: Iterable[ClassSpec] = preset_classes(fields["preset"])
    elif set(fields) == {"classes"}:
        given = _classes_from_plain(fields["classes"])
    else:
        raise ValueError("import takes a preset or classes")
    by_name = {spec.name: spec for spec in draft.classes if not spec.retired}
    taken = {spec.color for spec in draft.classes}
    present = {id_of(spec): spec for spec in draft.classes}
    added = []
    for spec in given:
        own = by_name.get(tidy_name(spec.name))
        if own is None:
            color = None if spec.color in taken else spec.color
            added.append(replace(spec, class_id=None, color=color, parent=_by_name(spec.parent)))
        else:
            present[id_of(own)] = replace(own, external={**spec.external, **own.external})
    return [*present.values(), *added]


def _by_name(parent: int | str | None) -> str | None:
    return parent if isinstance(parent, str) else None


def _remove(draft: Draft, fields: Mapping[str, Any]) -> list[ClassSpec]:
    if set(fields) != {"class"}:
        raise ValueError("remove takes a class")
    wanted = reference(fields["class"], "class")
    published = reading_of(draft.base).classes
    found = [spec for spec in draft.classes if wanted in (spec.class_id, spec.name)]
    if not found:
        raise ValueError(f"{wanted} is no class")
    if found[0].class_id in published:
        raise ValueError(f"{found[0].name} is published and may be in labels: retire it instead")
    return [spec for spec in draft.classes if spec != found[0]]


def _undo(draft: Draft, fields: Mapping[str, Any]) -> list[ClassSpec]:
    number = fields.get("number")
    if set(fields) != {"number"} or isinstance(number, bool) or not isinstance(number, int):
        raise ValueError("undo takes the number of a version")
    sides = (
        TaxonomyVersion.objects.filter(
            taxonomy=draft.taxonomy, number__in=[number - 1, number]
        ).order_by("number")
        if 1 < number < 2**31
        else []
    )
    if len(sides) != 2:
        raise ValueError(f"there is no version {number} that changed another one")
    old, new = (tuple(reading_of(side).classes.values()) for side in sides)
    return undo_changes(draft.classes, old=old, new=new)


def _set_rules(draft: Draft, fields: Mapping[str, Any]) -> Draft:
    if set(fields) != {"rules"}:
        raise ValueError("rules takes rules")
    return replace(draft, rules=rules_from_plain(fields["rules"], draft.classes))


_SPECIAL: dict[str, Any] = {
    "import": _import,
    "remove": _remove,
    "undo": _undo,
    "rules": _set_rules,
}


def _settle(draft: Draft, classes: Iterable[ClassSpec]) -> SettledClasses:
    return settle_classes(
        classes,
        previous=tuple(reading_of(draft.base).classes.values()),
        next_class_id=draft.taxonomy.next_class_id,
        reserved=[id_of(spec) for spec in draft.classes],
    )


def _with_next_id(taxonomy: Taxonomy, settled: SettledClasses) -> Taxonomy:
    taxonomy.next_class_id = settled.next_class_id
    return taxonomy


def _store(draft: Draft, operations: list[Any], actor: User) -> Draft:
    # The ids of new classes are gone from now on, whatever becomes of the draft.
    draft.taxonomy.save(update_fields=["next_class_id"])
    row, _ = TaxonomyDraft.objects.update_or_create(
        taxonomy=draft.taxonomy,
        defaults={
            "base": draft.base,
            "revision": draft.revision + 1,
            "classes": [class_to_plain(spec) for spec in draft.classes],
            "rules": _plain(draft.rules),
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
    return _draft_of(draft.taxonomy, row)


def _log(draft: Draft, operations: list[Any], actor: User) -> None:
    DraftEdit.objects.create(
        taxonomy=draft.taxonomy,
        number=draft.base.number + 1,
        revision=draft.revision + 1,
        operations=operations,
        actor=actor,
    )


def _last_revision(taxonomy: Taxonomy) -> int:
    last = DraftEdit.objects.filter(taxonomy=taxonomy).aggregate(last=Max("revision"))["last"]
    return last or 0


def _draft_of(taxonomy: Taxonomy, row: TaxonomyDraft) -> Draft:
    return Draft(
        taxonomy,
        row.base,
        row.revision,
        tuple(class_from_plain(plain) for plain in row.classes),
        stored_rules(row.rules),
        True,
        row.updated_by,
        row.updated_at,
    )


def _classes_from_plain(plain: Any) -> list[ClassSpec]:
    if isinstance(plain, str | Mapping) or not isinstance(plain, Sequence):
        raise InvalidTaxonomy(["the classes are a list"])
    classes, problems = [], []
    for position, row in enumerate(plain):
        try:
            classes.append(class_from_plain(row))
        except ValueError as error:
            problems.append(f"class {position + 1}: {error}")
    if problems:
        raise InvalidTaxonomy(problems)
    return classes


def _plain(rules: Iterable[LabelRule]) -> list[dict[str, Any]]:
    return [rule.to_plain() for rule in rules]
