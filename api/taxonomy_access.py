"""Who may do what with a taxonomy: as `api.access` says it of datasets."""

from __future__ import annotations

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from api.access import check_scope
from datasets_app import taxonomy_access
from labels_app.models import Taxonomy
from people_app.models import TokenScope
from people_app.roles import Role

TAXONOMY = "taxonomy"


def get_taxonomy(request: Request, slug: str, at_least: Role = Role.READER) -> Taxonomy:
    """Return a taxonomy in which the caller has this role; one query for readers, else two.

    Raises
    ------
    NotFound
        There is none, or the caller may not see it.
    NotAuthenticated, PermissionDenied
        The caller may see it, and not do this.
    """
    taxonomy = taxonomy_access.get_taxonomy(request.user, slug)
    if at_least != Role.READER:
        check_taxonomy_role(request, taxonomy, at_least)
    return taxonomy


def check_taxonomy_role(request: Request, taxonomy: Taxonomy, at_least: Role) -> None:
    """Raise unless the caller has this role, and a token of theirs is wide enough."""
    if not request.user.is_authenticated:
        raise NotAuthenticated
    role = taxonomy.role_of(request.user)
    if role is None or not role.covers(at_least):
        # Who sees a taxonomy may read it, member or not.
        raise PermissionDenied(
            f"this takes the role {at_least.value} of {taxonomy.slug}; "
            f"yours is {(role or Role.READER).value}"
        )
    if at_least == Role.OWNER:
        check_scope(request, TokenScope.ADMIN)
