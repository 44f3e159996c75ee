"""Which datasets read their labels by a taxonomy, and how much of each class they hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from datasets_app.models import Branch, Dataset
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.stats import LiveClassCount, get_live_stats
from labels_app.models import Taxonomy
from labels_app.reading import Reading
from people_app.roles import Role

# Branches beyond these have pages of their own; a list of thousands is none.
MOST_BRANCHES = 200


@dataclass(frozen=True)
class UsedBranch:
    """A branch whose head is read by a version of the taxonomy."""

    branch: Branch
    may_write: bool

    @property
    def dataset(self) -> Dataset:
        """The dataset of the branch."""
        return self.branch.dataset

    @property
    def number(self) -> int:
        """The number of the taxonomy version by which its head is read."""
        return self.branch.head.taxonomy_version.number

    @property
    def key(self) -> str:
        """The branch as a form names it, with the head that its reader has seen."""
        return f"{self.branch.pk}:{self.branch.head.id_hex}"


class ClassCounts(NamedTuple):
    """What one branch holds of each live class; `None` numbers are being counted."""

    used: UsedBranch
    by_class: dict[int, LiveClassCount]
    pending: bool


def used_branches(
    taxonomy: Taxonomy, user: AbstractBaseUser | AnonymousUser
) -> tuple[list[UsedBranch], bool]:
    """Return the branches that `user` may see, default ones first, and whether there are more.

    Two queries, whatever the number of branches.
    """
    found = list(
        Branch.objects.visible_to(user)
        .filter(head__taxonomy_version__taxonomy=taxonomy)
        .select_related("dataset", "head__taxonomy_version__taxonomy")
        .order_by("dataset__slug", "name")[: MOST_BRANCHES + 1]
    )
    writable = set(
        Dataset.objects.visible_to(user, Role.ANNOTATOR)
        .filter(pk__in={branch.dataset_id for branch in found})
        .values_list("pk", flat=True)
        if user.is_authenticated
        else ()
    )
    for branch in found:
        if branch.head is not None:
            branch.head.dataset = branch.dataset
    used = [UsedBranch(branch, branch.dataset_id in writable) for branch in found[:MOST_BRANCHES]]
    used.sort(key=lambda one: (one.dataset.slug, one.branch.name != one.dataset.default_branch))
    return used, len(found) > MOST_BRANCHES


def find_used(branches: Iterable[UsedBranch], name: str) -> UsedBranch | None:
    """Return the branch that "DATASET/BRANCH" names, else the first one."""
    found = list(branches)
    named = (one for one in found if f"{one.dataset.slug}/{one.branch.name}" == name)
    return next(named, found[0] if found else None)


def count_classes(
    used: UsedBranch, reading: Reading, user: AbstractBaseUser | AnonymousUser
) -> ClassCounts:
    """Return what a branch holds of each class of a reading."""
    stats = get_live_stats(used.branch.head, reading, actor=user, known_only=True)
    rows = {row.class_id: row for row in stats.over_splits if row.class_id != VOID_CLASS}
    return ClassCounts(used, rows, stats.pending)
