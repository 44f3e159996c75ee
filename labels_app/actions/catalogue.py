"""Put a taxonomy into the catalogue, with its rules, and say what it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from labels_app.actions.taxonomies import publish_settled
from labels_app.classes import ClassSpec, settle_classes
from labels_app.errors import InvalidTaxonomy, TaxonomyExists
from labels_app.models import Taxonomy, TaxonomyVersion
from labels_app.rules import rules_from_plain
from people_app.actions.roles import grant_role
from people_app.audit import record
from people_app.models import User
from people_app.roles import Role


@transaction.atomic
def open_taxonomy(
    *,
    slug: str,
    classes: Iterable[ClassSpec],
    actor: User,
    rules: Sequence[Any] = (),
    title: str = "",
    description: str = "",
    message: str = "",
) -> TaxonomyVersion:
    """Make a taxonomy whose first version has classes and label rules; `actor` owns it.

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
