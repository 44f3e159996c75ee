"""Who may do what: what somebody may not see is not there, what they may not do is refused."""

from __future__ import annotations

from typing import NamedTuple

from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from datasets_app.errors import NotFound
from datasets_app.models import Branch, Dataset, Version
from datasets_app.names import is_storable
from datasets_app.revs import get_branch, resolve
from people_app.models import Token, TokenScope
from people_app.roles import Role

_ID_DIGITS = 64


class NamedVersion(NamedTuple):
    """A version as a path names it; `by_id` where the path can only ever mean this one."""

    dataset: Dataset
    version: Version
    by_id: bool


def get_dataset(request: Request, slug: str, at_least: Role = Role.READER) -> Dataset:
    """Return a dataset in which the caller has this role; one query for readers, else two.

    Raises
    ------
    NotFound
        There is none, or the caller may not read it.
    NotAuthenticated, PermissionDenied
        The caller may read it, and not do this.
    """
    visible = Dataset.objects.visible_to(request.user).select_related("taxonomy")
    dataset = visible.filter(slug=slug).first() if is_storable(slug) else None
    if dataset is None:
        raise NotFound("dataset", slug)
    if at_least != Role.READER:
        check_role(request, dataset, at_least)
    return dataset


def check_role(request: Request, dataset: Dataset, at_least: Role) -> None:
    """Raise unless the caller has this role, and a token of theirs is wide enough."""
    if not request.user.is_authenticated:
        raise NotAuthenticated
    role = dataset.role_of(request.user)
    if role is None or not role.covers(at_least):
        raise PermissionDenied(f"this takes the role {at_least.value}; yours is {role or 'none'}")
    if at_least == Role.ADMIN:
        check_scope(request, TokenScope.ADMIN)


def check_scope(request: Request, scope: TokenScope) -> None:
    """Raise if the caller came with a token that is too narrow; sessions are as wide as people."""
    if isinstance(request.auth, Token) and not request.auth.has_scope(scope):
        raise PermissionDenied(f"this takes a token with the scope {scope.value}")


def get_version(request: Request, slug: str, rev: str) -> NamedVersion:
    """Return a version that the caller may read; four or five queries.

    Raises
    ------
    NotFound, AmbiguousRevision
    """
    dataset = get_dataset(request, slug)
    return NamedVersion(dataset, load_version(dataset, rev), is_full_id(rev))


def load_version(dataset: Dataset, rev: str) -> Version:
    """Return the version that `rev` names, with its taxonomy version; two queries and more."""
    found = resolve(dataset, rev)
    version = Version.objects.select_related("taxonomy_version__taxonomy", "change_set")
    version = version.get(pk=found.pk)
    version.dataset = dataset
    return version


def find_branch(dataset: Dataset, name: str) -> Branch:
    """Return a branch of the dataset; `NotFound` where there is none."""
    branch = get_branch(dataset, name)
    branch.dataset = dataset
    return branch


def is_full_id(rev: str) -> bool:
    """Say whether a revision is a full id, so that what it names never changes."""
    return len(rev) == _ID_DIGITS and all(digit in "0123456789abcdef" for digit in rev)
