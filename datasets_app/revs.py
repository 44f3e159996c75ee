"""How people and programs name a version (RULES 6.5)."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet

from datasets_app.errors import AmbiguousRevision, NotFound
from datasets_app.models import Branch, Dataset, Version, VersionParent
from datasets_app.names import is_storable

_STEPS = re.compile(r"(?P<base>.*?)(?P<steps>(?:~\d{0,9})+)\Z", re.DOTALL)
_NUMBER = re.compile(r"v(\d{1,9})\Z")
_PREFIX = re.compile(r"[0-9a-f]{8,64}\Z")
_ID_DIGITS = 64


class Comparison(NamedTuple):
    """`OLD..NEW`, or `OLD...NEW` with `from_base`: from their merge base to NEW."""

    old: str
    new: str
    from_base: bool


def resolve(dataset: Dataset, rev: str, versions: QuerySet[Version] | None = None) -> Version:
    """Return the version that `rev` names; at most three queries.

    `versions` is what to find it with, such as a queryset that selects what belongs to it.

    In this order: full id, branch, tag, `vN`, prefix of an id (8 digits or more); then
    `~N`, the N-th first parent (`~` is `~1`; `a~1~2` is `a~3`).

    Raises
    ------
    NotFound, AmbiguousRevision
        No version, or more than one.
    """
    found = _STEPS.match(rev)
    base, steps = (found["base"], found["steps"]) if found else (rev, "")
    versions = Version.objects.all() if versions is None else versions
    version = _find(versions.filter(dataset=dataset), base)
    if version is None:
        raise NotFound("version", rev)
    back = sum(int(count or 1) for count in steps.split("~")[1:])
    return get_first_parent(version, back, rev, versions) if back else version


def get_first_parent(
    version: Version, steps: int, rev: str = "", versions: QuerySet[Version] | None = None
) -> Version:
    """Return the version `steps` first parents before this one; two queries.

    Raises
    ------
    NotFound
        The history is shorter.
    """
    links = connection.ops.quote_name(VersionParent._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE line(id, step) AS (SELECT CAST(%s AS bigint), 0 UNION ALL"
            f" SELECT p.parent_id, line.step + 1 FROM {links} p"
            " JOIN line ON p.version_id = line.id AND p.position = 0 WHERE line.step < %s)"
            " SELECT id FROM line WHERE step = %s",
            [version.pk, steps, steps],
        )
        row = cursor.fetchone()
    if row is None:
        raise NotFound("version", rev or f"{version.id_hex[:12]}~{steps}")
    return (Version.objects if versions is None else versions).get(pk=row[0])


def get_branch(dataset: Dataset, name: str) -> Branch:
    """Return a branch with its head.

    Raises
    ------
    NotFound
        There is none of this name.
    """
    branches = Branch.objects.select_related("head").filter(dataset=dataset, name=name)
    branch = branches.first() if is_storable(name) else None
    if branch is None:
        raise NotFound("branch", name)
    return branch


def split_comparison(spec: str) -> Comparison:
    """Take `OLD..NEW` or `OLD...NEW` apart; no name of a branch or tag contains `..`.

    Raises
    ------
    NotFound
        It is neither.
    """
    separator = "..." if "..." in spec else ".."
    old, found, new = spec.partition(separator)
    if not (old and found and new):
        raise NotFound("comparison", spec)
    return Comparison(old, new, separator == "...")


def _find(versions: QuerySet[Version], base: str) -> Version | None:
    # Names of branches and tags look like neither ids nor numbers, so that asking in
    # this order is the order of the rules.
    if _PREFIX.match(base):
        low, high = (bytes.fromhex(base.ljust(_ID_DIGITS, digit)) for digit in ("0", "f"))
        found = list(versions.filter(version_id__gte=low, version_id__lte=high)[:2])
        if len(found) > 1:
            raise AmbiguousRevision(base)
        return found[0] if found else None
    number = _NUMBER.match(base)
    if number:
        return versions.filter(number=int(number[1])).first()
    if not is_storable(base):
        return None
    at_branch = versions.filter(branches__name=base).first()
    return at_branch or versions.filter(tags__name=base).first()
