"""Make taxonomies and publish their versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from labels_app.binding import specs_from_file
from labels_app.class_json import class_to_plain
from labels_app.classes import ClassSpec, SettledClasses, classes_digest, settle_classes
from labels_app.errors import InvalidTaxonomy, TaxonomyExists, TaxonomyMoved
from labels_app.models import LabelClass, Taxonomy, TaxonomyVersion
from labels_app.reading import ROW_FIELDS, reading_of
from labels_app.rules import LabelRule, rules_from_plain
from panoptic.formats.base import FileClass
from people_app.actions.roles import grant_role
from people_app.audit import record
from people_app.models import User
from people_app.roles import Role


@transaction.atomic
def create_taxonomy(
    *,
    slug: str,
    classes: Iterable[ClassSpec],
    actor: User | None,
    rules: Sequence[Any] = (),
    title: str = "",
    description: str = "",
    message: str = "",
) -> TaxonomyVersion:
    """Make a taxonomy with its first version; `actor` owns it.

    `rules` are label rules as JSON has them.

    Raises
    ------
    TaxonomyExists
        The slug is taken, whether or not the actor may see by what.
    InvalidTaxonomy
        The slug is none, or the classes or rules break one of theirs.
    """
    if not slug or slugify(slug) != slug or len(slug) > 100:
        raise InvalidTaxonomy([f"{slug!r} is no slug: up to 100 of a-z, 0-9, - and _"])
    settled = settle_classes(classes)
    # Pictures belong to a taxonomy, and this one has none yet.
    if shown := [spec.name for spec in settled.classes if spec.examples]:
        raise InvalidTaxonomy(
            [f"{name}: upload its example pictures to the new taxonomy first" for name in shown]
        )
    settled_rules = rules_from_plain(list(rules), settled.classes)
    try:
        # A transaction of its own: PostgreSQL refuses everything after a failed insert.
        with transaction.atomic():
            taxonomy = Taxonomy.objects.create(slug=slug, title=title, description=description)
    except IntegrityError as error:
        raise TaxonomyExists(slug) from error
    record(actor, "taxonomy.created", taxonomy, slug=slug)
    if actor is not None:
        grant_role(user=actor, resource=taxonomy, role=Role.OWNER, actor=actor)
    return publish_settled(
        taxonomy=taxonomy,
        number=1,
        settled=settled,
        rules=settled_rules,
        actor=actor,
        message=message,
    )


@transaction.atomic
def describe_taxonomy(
    *, taxonomy: Taxonomy, actor: User, title: str | None = None, description: str | None = None
) -> Taxonomy:
    """Change what is said about a taxonomy; None keeps. Versions do not change."""
    wanted = {"title": title, "description": description}
    changed = {
        field: value
        for field, value in wanted.items()
        if value is not None and value != getattr(taxonomy, field)
    }
    if changed:
        for field, value in changed.items():
            setattr(taxonomy, field, value)
        taxonomy.save(update_fields=list(changed))
        record(actor, "taxonomy.described", taxonomy, **changed)
    return taxonomy


@transaction.atomic
def publish_version(
    *,
    taxonomy: Taxonomy,
    classes: Iterable[ClassSpec],
    actor: User | None,
    message: str,
    expected: int | None = None,
) -> TaxonomyVersion:
    """Publish the next version of a taxonomy from its full list of classes.

    Classes are known by their ids; those without an id are new. A class that is gone stays
    in the list as retired.

    Parameters
    ----------
    expected
        The number of the version that the list was made from; None: whatever is newest.

    Raises
    ------
    TaxonomyMoved
        The newest version is not the expected one.
    InvalidTaxonomy
        The classes break a rule, or nothing differs from the newest version.
    """
    taxonomy, newest = _lock_at(taxonomy, expected)
    return _publish_next(taxonomy, newest, list(classes), actor, message)


@transaction.atomic
def extend_taxonomy(
    *,
    taxonomy: Taxonomy,
    classes: Iterable[ClassSpec],
    actor: User | None,
    message: str,
    expected: int | None = None,
) -> TaxonomyVersion:
    """Publish the next version: the classes of the newest one and some new ones.

    Raises as `publish_version` does.
    """
    taxonomy, newest = _lock_at(taxonomy, expected)
    kept = list(reading_of(newest).classes.values())
    return _publish_next(taxonomy, newest, [*kept, *classes], actor, message)


def taxonomy_from_file_classes(
    *,
    slug: str,
    file_classes: Sequence[FileClass],
    scheme: str,
    actor: User | None,
    title: str = "",
    message: str = "",
) -> TaxonomyVersion:
    """Make a taxonomy of the classes of a label file; raises as `create_taxonomy` does."""
    return create_taxonomy(
        slug=slug,
        classes=specs_from_file(file_classes, scheme),
        actor=actor,
        title=title,
        message=message or f"Classes of a {scheme} file",
    )


def extend_with_file_classes(
    *,
    taxonomy: Taxonomy,
    file_classes: Sequence[FileClass],
    scheme: str,
    actor: User | None,
    message: str = "",
) -> TaxonomyVersion:
    """Add classes of a label file that a taxonomy lacks; raises as `publish_version` does."""
    return extend_taxonomy(
        taxonomy=taxonomy,
        classes=specs_from_file(file_classes, scheme),
        actor=actor,
        message=message or f"More classes of a {scheme} file",
    )


def lock_taxonomy(taxonomy: Taxonomy) -> Taxonomy:
    """Lock a taxonomy to the end of the transaction, and return it as it is now.

    Publishing waits here: two curators must not give one class id to two classes.
    """
    return Taxonomy.objects.select_for_update().get(pk=taxonomy.pk)


def _lock_at(taxonomy: Taxonomy, expected: int | None) -> tuple[Taxonomy, TaxonomyVersion]:
    """Lock a taxonomy whose newest version is the expected one; return it and that version."""
    taxonomy = lock_taxonomy(taxonomy)
    newest = taxonomy.newest_version()
    if expected is not None and newest.number != expected:
        raise TaxonomyMoved(taxonomy.slug, expected=expected, actual=newest.number)
    return taxonomy, newest


def _publish_next(
    taxonomy: Taxonomy,
    newest: TaxonomyVersion,
    classes: list[ClassSpec],
    actor: User | None,
    message: str,
) -> TaxonomyVersion:
    settled = settle_classes(
        classes,
        previous=tuple(reading_of(newest).classes.values()),
        next_class_id=taxonomy.next_class_id,
    )
    rules = rules_from_plain(newest.rules, settled.classes)
    if classes_digest(settled.classes, newest.rules) == newest.digest:
        raise InvalidTaxonomy([f"nothing differs from version {newest.number}"])
    return publish_settled(
        taxonomy=taxonomy,
        number=newest.number + 1,
        settled=settled,
        rules=rules,
        actor=actor,
        message=message,
    )


def publish_settled(
    *,
    taxonomy: Taxonomy,
    number: int,
    settled: SettledClasses,
    rules: Sequence[LabelRule] = (),
    actor: User | None,
    message: str,
) -> TaxonomyVersion:
    """Write a version of a taxonomy that the caller has locked."""
    plain = [rule.to_plain() for rule in rules]
    version = TaxonomyVersion.objects.create(
        taxonomy=taxonomy,
        number=number,
        digest=classes_digest(settled.classes, plain),
        rules=plain,
        message=message,
        author=actor,
    )
    LabelClass.objects.bulk_create([_row_of(version, spec) for spec in settled.classes])
    taxonomy.next_class_id = settled.next_class_id
    taxonomy.save(update_fields=["next_class_id"])
    record(actor, "taxonomy.published", taxonomy, number=number, digest=version.digest)
    return version


def _row_of(version: TaxonomyVersion, spec: ClassSpec) -> LabelClass:
    plain = class_to_plain(spec)
    return LabelClass(
        version=version,
        class_id=plain["id"],
        parent_id=plain["parent"],
        **{name: plain[name] for name in ROW_FIELDS},
    )
