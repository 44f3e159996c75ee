"""Make and describe datasets."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction

from datasets_app.errors import InvalidName, NameTaken
from datasets_app.models import Branch, Dataset, Visibility
from datasets_app.names import clean_ref_name
from labels_app.models import Taxonomy
from people_app.actions.roles import grant_role
from people_app.audit import record
from people_app.models import User
from people_app.roles import Role

MAX_SLUG = 100


@transaction.atomic
def create_dataset(
    *,
    slug: str,
    taxonomy: Taxonomy,
    actor: User,
    title: str = "",
    description: str = "",
    visibility: Visibility = Visibility.PRIVATE,
    default_branch: str = "main",
) -> Dataset:
    """Make an empty dataset, without a version; its maker becomes its admin.

    Raises
    ------
    InvalidName
        The slug or the branch is refused.
    NameTaken
        There is such a dataset, whether or not the actor may see it.
    """
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise InvalidName(slug, "a slug has letters, digits, - and _") from error
    if len(slug) > MAX_SLUG:
        raise InvalidName(slug, f"it has more than {MAX_SLUG} characters")
    branch_name = clean_ref_name(default_branch)
    try:
        with transaction.atomic():  # PostgreSQL refuses everything after a failed insert
            dataset = Dataset.objects.create(
                slug=slug,
                title=title,
                description=description,
                default_branch=branch_name,
                taxonomy=taxonomy,
                visibility=Visibility(visibility),
            )
    except IntegrityError as error:
        raise NameTaken("dataset", slug) from error
    Branch.objects.create(dataset=dataset, name=branch_name)
    record(actor, "dataset.created", dataset, slug=slug)
    grant_role(user=actor, resource=dataset, role=Role.ADMIN, actor=actor)
    return dataset


@transaction.atomic
def update_dataset(
    *,
    dataset: Dataset,
    actor: User,
    title: str | None = None,
    description: str | None = None,
    visibility: Visibility | None = None,
    default_branch: str | None = None,
    taxonomy: Taxonomy | None = None,
) -> Dataset:
    """Change what is said about a dataset; None keeps. Versions do not change.

    The taxonomy is the one of a first version; later versions name their own.
    """
    wanted = {
        "title": title,
        "description": description,
        "visibility": None if visibility is None else Visibility(visibility),
        "default_branch": None if default_branch is None else clean_ref_name(default_branch),
        "taxonomy": taxonomy,
    }
    changed = {field: value for field, value in wanted.items() if value is not None}
    if changed:
        for field, value in changed.items():
            setattr(dataset, field, value)
        dataset.save(update_fields=list(changed))
        record(actor, "dataset.updated", dataset, **changed)
    return dataset
