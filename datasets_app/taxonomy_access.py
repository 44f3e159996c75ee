"""Which taxonomies somebody may see, and how they are named beside datasets."""

from __future__ import annotations

import re

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet

from datasets_app.errors import NotFound
from datasets_app.models import Dataset, Version
from datasets_app.names import is_storable
from labels_app.actions.drafts import Draft, get_draft
from labels_app.models import Taxonomy, TaxonomyVersion
from labels_app.reading import Reading, reading_of, reading_under
from people_app.models import Membership

Somebody = AbstractBaseUser | AnonymousUser

DRAFT = "draft"
_NAME = re.compile(r"([a-zA-Z0-9_-]{1,100})(?:@(\d{1,9}|draft))?")


def visible_taxonomies(user: Somebody) -> QuerySet[Taxonomy]:
    """Return the taxonomies of datasets that `user` may read, and those that they work on.

    Signed-in people see also those that no dataset uses yet, to make one with them.
    """
    if getattr(user, "is_superuser", False):
        return Taxonomy.objects.all()
    datasets = Dataset.objects.visible_to(user)
    of_datasets = Exists(datasets.filter(taxonomy=OuterRef("pk")))
    of_versions = Exists(
        Version.objects.filter(
            taxonomy_version__taxonomy=OuterRef("pk"), dataset__in=datasets.values("pk")
        )
    )
    wanted = Q(of_datasets) | Q(of_versions)
    if user.is_authenticated:
        own = TaxonomyVersion.objects.filter(taxonomy=OuterRef("pk"), author_id=user.pk)
        wanted |= Q(pk__in=Membership.objects.resources_of(user, "taxonomy"))
        wanted |= Q(Exists(own)) | ~Q(Exists(Dataset.objects.filter(taxonomy=OuterRef("pk"))))
    return Taxonomy.objects.filter(wanted)


def get_taxonomy(user: Somebody, slug: str) -> Taxonomy:
    """Return a taxonomy that `user` may see; raise `NotFound` for any other."""
    found = visible_taxonomies(user).filter(slug=slug).first() if is_storable(slug) else None
    if found is None:
        raise NotFound("taxonomy", slug)
    return found


def get_taxonomy_version(user: Somebody, name: str) -> TaxonomyVersion:
    """Return the version that `SLUG@N` names, or the newest one of `SLUG`.

    Raises
    ------
    NotFound
        There is none, or `user` may not see it.
    """
    slug, number = _parts(name)
    if number == DRAFT:
        raise NotFound("taxonomy version", name)
    versions = TaxonomyVersion.objects.filter(
        taxonomy__in=visible_taxonomies(user), taxonomy__slug=slug
    ).select_related("taxonomy")
    if number is not None:
        versions = versions.filter(number=int(number))
    version = versions.order_by("-number").first()
    if version is None:
        raise NotFound("taxonomy version", name)
    return version


def find_draft(user: Somebody, name: str) -> Draft | None:
    """Return the draft that `SLUG@draft` names; None where the name is of another form.

    Raises
    ------
    NotFound
        There is no such taxonomy, or `user` may not see it.
    """
    slug, number = _parts(name)
    return get_draft(get_taxonomy(user, slug)) if number == DRAFT else None


def get_reading(version: Version, *, user: Somebody, under: str = "") -> Reading:
    """Return how a version reads: by its own taxonomy version, or under another one.

    `under` is `SLUG@N`, `SLUG` for the newest version, or `SLUG@draft`.

    Raises
    ------
    NotFound
        `under` names nothing that `user` may see.
    NoMapping
        It names another taxonomy, and nothing says how the classes read there.
    UnknownClass
        It is from before classes that the labels of the version may hold.
    """
    own = version.taxonomy_version
    if not under:
        return reading_of(own)
    draft = find_draft(user, under)
    if draft is None:
        return reading_under(own, get_taxonomy_version(user, under))
    if draft.taxonomy.pk == own.taxonomy_id:
        return draft.reading
    raise NotFound("taxonomy version", under)


def _parts(name: str) -> tuple[str, str | None]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise NotFound("taxonomy version", name[:200])
    return found[1], found[2]
