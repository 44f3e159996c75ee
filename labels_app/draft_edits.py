"""What edits make of a draft, as values: nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from labels_app.class_json import class_from_plain, reference
from labels_app.classes import ClassSpec, SettledClasses, id_of, settle_classes, tidy_name
from labels_app.drafts import Draft
from labels_app.errors import InvalidOperation, InvalidTaxonomy, TaxonomyMoved
from labels_app.models import Taxonomy, TaxonomyVersion
from labels_app.operations import apply_operation
from labels_app.presets import UnknownPreset, preset_classes
from labels_app.reading import reading_of
from labels_app.rules import LabelRule, rules_from_plain
from labels_app.undoing import undo_changes

MOST_OPERATIONS = 1_000


def preview_operations(draft: Draft, operations: Sequence[Any] = ()) -> Draft:
    """Return what a draft would be after these operations, and would be published as.

    Nothing is written: classes that are new here may get other ids when the operations are
    done. Raises `InvalidOperation`, `InvalidTaxonomy` and `TaxonomyMoved` as `edit_draft` does.
    """
    check_operations(operations, least=0)
    # Operations count ids up in the taxonomy that they are given.
    return apply_operations(rebased(replace(draft, taxonomy=copy(draft.taxonomy))), operations)


def replace_classes(draft: Draft, classes: Any, rules: Any = None) -> Draft:
    """Return the draft with other classes, as JSON has them; without `rules` those stay."""
    settled = settle_draft(draft, classes_from_plain(classes))
    plain = rules_to_plain(draft.rules) if rules is None else rules
    return replace(
        draft,
        taxonomy=_with_next_id(draft.taxonomy, settled),
        classes=settled.classes,
        rules=rules_from_plain(plain, settled.classes),
    )


def rebased(draft: Draft) -> Draft:
    """Return a draft on top of the newest version: imports may publish classes meanwhile.

    A class of the draft with the name of one of those gives way to it.

    Raises
    ------
    TaxonomyMoved
        The newest version changed classes that the draft has, too.
    """
    if not draft.is_edited:
        return draft  # it was read as the newest version
    newest = draft.taxonomy.newest_version()
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
    return replace(merged, classes=settle_draft(merged, [*kept, *added.values()]).classes)


def _led(reference: int | str | None, led: Mapping[int, int]) -> int | str | None:
    return led.get(reference, reference) if isinstance(reference, int) else reference


def check_operations(operations: Any, *, least: int) -> None:
    """Raise `InvalidTaxonomy` where there are too few or too many operations, or no list."""
    if isinstance(operations, str | Mapping) or not isinstance(operations, Sequence):
        raise InvalidTaxonomy(["the operations are a list"])
    if not least <= len(operations) <= MOST_OPERATIONS:
        raise InvalidTaxonomy([f"a request has {least} to {MOST_OPERATIONS} operations"])


def apply_operations(draft: Draft, operations: Sequence[Any]) -> Draft:
    """Return the draft after operations; raise `InvalidOperation` for one that cannot be done."""
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
    settled = settle_draft(draft, found)
    return replace(
        draft,
        taxonomy=_with_next_id(draft.taxonomy, settled),
        classes=settled.classes,
        # A rule about a class that is gone is about what took its place.
        rules=rules_from_plain(rules_to_plain(draft.rules), settled.classes),
    )


def _import(draft: Draft, fields: Mapping[str, Any]) -> list[ClassSpec]:
    """Add the classes that the draft lacks; those it has get ids in schemes they lack."""
    if set(fields) == {"preset"} and isinstance(fields["preset"], str):
        given: Iterable[ClassSpec] = preset_classes(fields["preset"])
    elif set(fields) == {"classes"}:
        given = classes_from_plain(fields["classes"])
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


def settle_draft(draft: Draft, classes: Iterable[ClassSpec]) -> SettledClasses:
    return settle_classes(
        classes,
        previous=tuple(reading_of(draft.base).classes.values()),
        next_class_id=draft.taxonomy.next_class_id,
        reserved=[id_of(spec) for spec in draft.classes],
    )


def _with_next_id(taxonomy: Taxonomy, settled: SettledClasses) -> Taxonomy:
    taxonomy.next_class_id = settled.next_class_id
    return taxonomy


def classes_from_plain(plain: Any) -> list[ClassSpec]:
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


def rules_to_plain(rules: Iterable[LabelRule]) -> list[dict[str, Any]]:
    return [rule.to_plain() for rule in rules]
