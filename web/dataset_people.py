"""Who works on a dataset, and through what: by name, or by a team."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from people_app.models import Membership
from people_app.roles import Role

# What each role adds to those before it.
ROLE_WORDS = {
    Role.READER: "sees and downloads everything here",
    Role.ANNOTATOR: "also commits, imports, assigns splits, makes branches and tags",
    Role.REVIEWER: "also sees who works here",
    Role.ADMIN: "also gives roles, deletes branches, changes settings and webhooks",
}
_ROWS_PER_PAGE = 200


class Way(NamedTuple):
    """One way in which somebody has a role; `team` is None where it was given by name."""

    role: Role
    team: str | None


class Person(NamedTuple):
    """Somebody with the role that counts, the one by name if there is one, and those by teams."""

    username: str
    role: Role
    own: Role | None
    teams: list[Way]


class People(NamedTuple):
    """A page of people; `following` is the name after which the next one goes on."""

    rows: list[Person]
    following: str | None


def read_people(dataset: Dataset, after: str) -> People:
    """Return the people with a role, by name; one query.

    Somebody's rows stay together: a page ends before the person who would not be whole.
    """
    rows = Membership.objects.people_on(DATASET_KIND, dataset.pk)
    if after:
        rows = rows.filter(username__gt=after)
    values = rows.order_by("username", "pk").values_list("username", "role", "team_slug")
    found = list(values[: _ROWS_PER_PAGE + 1])
    people = [_person(name, ways) for name, ways in groupby(found, key=lambda row: row[0])]
    if len(found) <= _ROWS_PER_PAGE or len(people) == 1:
        return People(people, None)
    return People(people[:-1], people[-2].username)


def _person(username: str, rows: Iterable[tuple[str, str, str | None]]) -> Person:
    ways = [Way(Role(role), team) for _, role, team in rows]
    return Person(
        username=username,
        role=max((way.role for way in ways), key=lambda role: role.rank),
        own=next((way.role for way in ways if way.team is None), None),
        teams=sorted((way for way in ways if way.team), key=lambda way: way.team or ""),
    )
