"""What a team may do: its roles on datasets and taxonomies, as somebody may see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest

from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from datasets_app.taxonomy_access import visible_taxonomies
from people_app.models import Membership, Team
from people_app.roles import Role

_TAXONOMY = "taxonomy"
_MOST_SHOWN = 500


class TeamRoleRow(NamedTuple):
    """A role of a team on one resource; `title` is "" where it has none."""

    kind: str
    slug: str
    title: str
    role: Role


def read_roles(request: HttpRequest, team: Team, *, is_inside: bool) -> Sequence[TeamRoleRow]:
    """Return the roles of a team by kind and slug; two queries, at most 500 of each kind.

    Who is not in the team sees those where they have the highest role themselves.
    """
    user = request.user
    held = Membership.objects.filter(team=team)
    datasets: QuerySet[Any] = Dataset.objects.visible_to(
        user, Role.READER if is_inside else Role.ADMIN
    )
    taxonomies: QuerySet[Any] = visible_taxonomies(user)
    if not is_inside:
        taxonomies = taxonomies.filter(
            pk__in=Membership.objects.resources_of(user, _TAXONOMY, Role.OWNER)
        )
    return [
        *_rows(held, DATASET_KIND, datasets),
        *_rows(held, _TAXONOMY, taxonomies),
    ]


def _rows(held: QuerySet[Membership], kind: str, visible: QuerySet[Any]) -> list[TeamRoleRow]:
    own = held.filter(resource_kind=kind)
    roles = dict(own.values_list("resource_id", "role")[:_MOST_SHOWN])
    shown = visible.filter(pk__in=roles).order_by("slug").values_list("pk", "slug", "title")
    return [TeamRoleRow(kind, slug, title, Role(roles[pk])) for pk, slug, title in shown]
