"""Say how the classes of one taxonomy read in another one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785
from django.db import transaction
from django.db.models import Max

from labels_app.class_json import reference
from labels_app.classes import ClassSpec, id_of, tidy_name
from labels_app.errors import InvalidMapping
from labels_app.models import Taxonomy, TaxonomyMapping, TaxonomyVersion
from labels_app.presets import get_preset
from labels_app.presets.mappings import list_mappings
from labels_app.reading import Reading, reading_of
from people_app.audit import record
from people_app.models import User


@transaction.atomic
def create_mapping(
    *,
    source: TaxonomyVersion,
    target: TaxonomyVersion,
    entries: Mapping[Any, Any],
    actor: User | None,
    message: str = "",
) -> TaxonomyMapping:
    """Make the next mapping between the taxonomies of two versions.

    Parameters
    ----------
    entries
        For each class that lives in `source` (by id or name) the class of `target` that it
        reads as (by id or name), or None: void.

    Raises
    ------
    InvalidMapping
        A class is left out, named twice or not there; or both sides are one taxonomy, whose
        versions read each other without a mapping.
    """
    if source.taxonomy_id == target.taxonomy_id:
        raise InvalidMapping(["the versions of one taxonomy need no mapping"])
    plain = _settled(entries, reading_of(source), reading_of(target))
    # Two people who map at the same time take turns.
    Taxonomy.objects.select_for_update().get(pk=source.taxonomy_id)
    between = TaxonomyMapping.objects.filter(
        source_taxonomy=source.taxonomy_id, target_taxonomy=target.taxonomy_id
    )
    number = (between.aggregate(last=Max("number"))["last"] or 0) + 1
    content = rfc8785.dumps(
        {"source": source.digest.hex(), "target": target.digest.hex(), "entries": plain}
    )
    mapping = TaxonomyMapping.objects.create(
        source=source,
        target=target,
        source_taxonomy=source.taxonomy,
        target_taxonomy=target.taxonomy,
        number=number,
        entries=plain,
        digest=hashlib.sha256(content).digest(),
        message=message,
        author=actor,
    )
    record(
        actor,
        "taxonomy.mapped",
        source.taxonomy,
        into=target.taxonomy.slug,
        number=number,
        digest=mapping.digest,
    )
    return mapping


def propose_entries(source: Reading, target: Reading) -> dict[int, int | None]:
    """Return what each live class of `source` most likely is in `target`; None where unknown.

    What is built in for two presets comes first, for classes that have their ids; then the
    same id in a scheme that both know, then the same name, then a synonym.
    """
    keys = [_keys_of(spec) for spec in target.live_classes]
    built_in = _built_in(source, target)
    proposed: dict[int, int | None] = {}
    for spec in source.live_classes:
        if (known := built_in.get(id_of(spec))) is not None:
            proposed[id_of(spec)] = known[0]
            continue
        own_keys = _keys_of(spec)
        proposed[id_of(spec)] = next(
            (
                id_of(found)
                for rank in range(3)
                for found, own in zip(target.live_classes, keys, strict=True)
                if own[rank] & own_keys[rank]
            ),
            None,
        )
    return proposed


def explain_entries(source: Reading, target: Reading) -> dict[int, str]:
    """Return why what is built in maps classes as it does, where others may map otherwise."""
    built_in = _built_in(source, target)
    return {class_id: reason for class_id, (_, reason) in built_in.items() if reason}


def _built_in(source: Reading, target: Reading) -> dict[int, tuple[int | None, str]]:
    """Return what the mappings of presets say of classes that come from them, and why.

    A class comes from a preset where it has the id of one of its classes. That it reads as
    void is said only where the target has the classes of the preset and no others: a longer
    list may have a class for it.
    """
    found: dict[int, tuple[int | None, str]] = {}
    for mapping in list_mappings():
        old, new = get_preset(mapping.source), get_preset(mapping.target)
        names = {spec.external[old.scheme]: spec.name for spec in old.classes}
        ids = {spec.name: spec.external[new.scheme] for spec in new.classes}
        theirs = {
            spec.external[new.scheme]: id_of(spec)
            for spec in target.live_classes
            if new.scheme in spec.external
        }
        is_all = theirs.keys() == set(ids.values()) and len(theirs) == len(target.live_classes)
        for spec in source.live_classes:
            name = names.get(spec.external.get(old.scheme, ""))
            if name is None:
                continue
            into = mapping.targets[name]
            live = None if into is None else theirs.get(ids[into])
            if live is not None or (into is None and is_all):
                found.setdefault(id_of(spec), (live, mapping.reasons.get(name, "")))
    return found


def _keys_of(spec: ClassSpec) -> Sequence[set[Any]]:
    name = spec.name.casefold()
    return (
        set(spec.external.items()),
        {name},
        {name, *(synonym.casefold() for synonym in spec.synonyms)},
    )


def _settled(entries: Mapping[Any, Any], source: Reading, target: Reading) -> dict[str, int | None]:
    if not isinstance(entries, Mapping):
        raise InvalidMapping(["the entries are an object: class → class, or null"])
    problems: list[str] = []
    found: dict[int, int | None] = {}
    for named, into in entries.items():
        try:
            left = _find(source, _key(named))
            right = None if into is None else _find(target, reference(into, "a class"))
        except ValueError as error:
            problems.append(str(error))
            continue
        if left in found:
            problems.append(f"{source.classes[left].name} is mapped twice")
        found[left] = right
    problems += [
        f"{spec.name} is mapped to nothing; say null for void"
        for spec in source.live_classes
        if id_of(spec) not in found
    ]
    if problems:
        raise InvalidMapping(problems)
    return {str(left): found[left] for left in sorted(found)}


def _key(named: object) -> int | str | None:
    """Return what a key of a JSON object names: its keys are texts, numbers among them."""
    if isinstance(named, str) and named.isascii() and named.isdecimal() and len(named) < 6:
        return int(named)
    return reference(named, "a class")


def _find(reading: Reading, named: int | str | None) -> int:
    wanted = tidy_name(named) if isinstance(named, str) else named
    for spec in reading.live_classes:
        if wanted in (spec.class_id, spec.name):
            return id_of(spec)
    raise ValueError(f"{named} is no live class")
