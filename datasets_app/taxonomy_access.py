"""Which taxonomies somebody may see, how they are named beside datasets, and reading by them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from datasets_app.errors import NotFound, TaxonomiesDiffer, UnknownClass
from datasets_app.models import Dataset, Version, VersionClassStats
from datasets_app.names import is_storable
from labels_app.actions.drafts import Draft, get_draft
from labels_app.models import Taxonomy, TaxonomyMapping, TaxonomyVersion
from labels_app.reading import Reading, get_mapping, read_mapped, reading_of
from people_app.models import Membership

# None is who runs commands on the server: an operator sees everything.
Somebody = AbstractBaseUser | AnonymousUser | None

DRAFT = "draft"
_NAME = re.compile(r"([a-zA-Z0-9_-]{1,100})(?:@(\d{1,9}|draft))?")


def visible_taxonomies(user: Somebody) -> QuerySet[Taxonomy]:
    """Return the taxonomies of datasets that `user` may read, and those that they work on.

    Signed-in people see also those that no dataset uses yet, to make one with them.
    """
    if user is None or getattr(user, "is_superuser", False):
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


class ReadBy(NamedTuple):
    """How a version reads, and by what: `number` None is a draft.

    `mapping` leads from the version's own taxonomy to another one, None within one line.
    """

    reading: Reading
    slug: str
    number: int | None
    mapping: TaxonomyMapping | None = None

    @property
    def name(self) -> str:
        """The name that finds it again: `SLUG@N`, or `SLUG@draft`."""
        return f"{self.slug}@{self.number or DRAFT}"

    @property
    def is_fixed(self) -> bool:
        """Whether the same names read the same for ever: drafts and mappings move on."""
        return self.number is not None and self.mapping is None


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
        It lacks classes that labels of the version hold, such as those that a later taxonomy
        version added.
    """
    return get_read_by([version], user=user, under=under).reading


def get_read_by(versions: Sequence[Version], *, user: Somebody, under: str = "") -> ReadBy:
    """Return how versions of one dataset read together, and by what.

    Without `under` that is the latest of their own taxonomy versions, whatever their order.

    Raises
    ------
    NotFound, NoMapping, UnknownClass
        As `get_reading` says.
    TaxonomiesDiffer
        The versions are of several taxonomies.
    """
    own = _latest([version.taxonomy_version for version in versions])
    if not under:
        # It knows every class that an earlier version knew: nothing has to be checked.
        return ReadBy(reading_of(own), own.taxonomy.slug, own.number)
    found = _find_read_by(own, user, under)
    for version in versions:
        _check_classes(version, found)
    return found


def get_read_by_again(version: Version, name: str, mapping: int | None) -> ReadBy:
    """Return what `get_read_by` gave before for a published `SLUG@N`, by the mapping's number."""
    under = get_taxonomy_version(None, name)
    if mapping is None:
        return ReadBy(reading_of(under), under.taxonomy.slug, under.number)
    chosen = TaxonomyMapping.objects.select_related("source", "target").get(
        source_taxonomy=version.taxonomy_version.taxonomy_id,
        target_taxonomy=under.taxonomy_id,
        number=mapping,
    )
    return ReadBy(read_mapped(chosen, under), under.taxonomy.slug, under.number, chosen)


def _latest(own: Sequence[TaxonomyVersion]) -> TaxonomyVersion:
    latest = max(own, key=lambda version: version.number)
    for version in own:
        if version.taxonomy_id != latest.taxonomy_id:
            raise TaxonomiesDiffer(version.taxonomy.slug, latest.taxonomy.slug)
    return latest


def _find_read_by(own: TaxonomyVersion, user: Somebody, name: str) -> ReadBy:
    draft = find_draft(user, name)
    if draft is not None:
        if draft.taxonomy.pk != own.taxonomy_id:
            # Mappings lead to what is published.
            raise NotFound("taxonomy version", name)
        return ReadBy(draft.reading, draft.taxonomy.slug, None)
    under = get_taxonomy_version(user, name)
    if under.taxonomy_id == own.taxonomy_id:
        return ReadBy(reading_of(under), under.taxonomy.slug, under.number)
    mapping = get_mapping(own, under)
    return ReadBy(read_mapped(mapping, under), under.taxonomy.slug, under.number, mapping)


def _check_classes(version: Version, found: ReadBy) -> None:
    """Raise where labels of a version hold classes that the reading never had.

    One query, and none where the reading knows whatever the version's own taxonomy knows.
    """
    lacking = reading_of(version.taxonomy_version).live_of.keys() - found.reading.live_of.keys()
    if not lacking:
        return
    held = (
        VersionClassStats.objects.filter(version=version, class_id__in=lacking, segments__gt=0)
        .values_list("class_id")
        .order_by("class_id")
        .annotate(Sum("segments"))
    )
    segments = {class_id: int(count) for class_id, count in held}
    if segments:
        raise UnknownClass(found.name, segments)


def _parts(name: str) -> tuple[str, str | None]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise NotFound("taxonomy version", name[:200])
    return found[1], found[2]
