"""Finding the taxonomy that a URL names, what its reader may do there, and errors as sentences."""

from __future__ import annotations

from typing import NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from datasets_app import taxonomy_access
from datasets_app.errors import NotFound
from labels_app.errors import InvalidOperation, TaxonomyMoved
from labels_app.models import Taxonomy, TaxonomyVersion
from panoptic.errors import PanopticError
from people_app.roles import Role
from store_app.errors import TesseraError

# What a page says in a sentence, where a bug would be a page of its own.
REFUSALS = (TesseraError, PanopticError)
_HIGHEST_NUMBER = 2**31 - 1


class Place(NamedTuple):
    """A taxonomy and what the one who asks may do there."""

    taxonomy: Taxonomy
    role: Role | None

    @property
    def may_edit(self) -> bool:
        """Say whether they may change the draft and publish it."""
        return self.role is not None and self.role.covers(Role.CURATOR)

    @property
    def may_share(self) -> bool:
        """Say whether they may give and take roles."""
        return self.role is not None and self.role.covers(Role.OWNER)


def get_place(request: HttpRequest, slug: str) -> Place:
    """Return a taxonomy that the user may see; else 404, so that nobody learns that it exists."""
    try:
        taxonomy = taxonomy_access.get_taxonomy(request.user, slug)
    except NotFound as error:
        message = f"There is no taxonomy “{slug}”, or it is not shared with you."
        raise Http404(message) from error
    return Place(taxonomy, taxonomy.role_of(request.user))


def get_place_to_edit(request: HttpRequest, slug: str) -> Place:
    """Return a taxonomy that the user may curate; 403 where they may only look at it."""
    place = get_place(request, slug)
    if not place.may_edit:
        raise PermissionDenied("curating takes the role curator")
    return place


def get_place_to_share(request: HttpRequest, slug: str) -> Place:
    """Return a taxonomy that the user owns; 403 where they do not."""
    place = get_place(request, slug)
    if not place.may_share:
        raise PermissionDenied("giving roles takes the role owner")
    return place


def get_version(taxonomy: Taxonomy, number: int | None) -> TaxonomyVersion:
    """Return a version by its number, None for the newest; else 404."""
    versions = taxonomy.versions.select_related("author")
    if number is not None:
        versions = versions.filter(number=min(number, _HIGHEST_NUMBER))
    version = versions.order_by("-number").first()
    if version is None:
        raise Http404(f"{taxonomy.slug} has no version {number}.")
    version.taxonomy = taxonomy
    return version


def sentences_of(error: Exception) -> list[str]:
    """Return what was refused, a sentence for each problem."""
    if isinstance(error, TaxonomyMoved):
        return [
            f"Version {error.actual} was published since, and changes classes of this draft.",
            "Note what the draft changes, discard it and begin again from there.",
        ]
    if isinstance(error, InvalidOperation):
        problems = error.reason.split("; ")
    else:
        problems = list(getattr(error, "problems", ())) or [str(error)]
    return [f"{text[:1].upper()}{text[1:]}".rstrip(".") + "." for text in problems]
