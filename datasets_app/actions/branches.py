"""Make, move and delete branches."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from datasets_app.errors import BranchMoved, BranchProtected, NameTaken, NotFound
from datasets_app.models import Branch, Dataset, DeletedBranch, Version
from datasets_app.names import clean_ref_name
from people_app.audit import record
from people_app.models import User


@transaction.atomic
def create_branch(*, dataset: Dataset, name: str, head: Version | None, actor: User) -> Branch:
    """Make a branch at a version, or, with None, before the first commit.

    Raises
    ------
    InvalidName, NameTaken
    NotFound
        The version is another dataset's.
    """
    name = clean_ref_name(name)
    if head is not None and head.dataset_id != dataset.pk:
        raise NotFound("version", head.id_hex)
    try:
        with transaction.atomic():  # PostgreSQL refuses everything after a failed insert
            branch = Branch.objects.create(dataset=dataset, name=name, head=head)
    except IntegrityError as error:
        raise NameTaken("branch", name) from error
    record(actor, "branch.created", dataset, branch=name, head=head and head.id_hex)
    return branch


@transaction.atomic
def advance_branch(
    *, branch: Branch, expected: Version | None, new: Version, actor: User
) -> Branch:
    """Move a branch to a version of its dataset.

    Raises
    ------
    BranchMoved
        It is not at `expected`: someone moved it first.
    NotFound
        The version is another dataset's.
    """
    if new.dataset_id != branch.dataset_id:
        raise NotFound("version", new.id_hex)
    branch = _lock(branch)
    if branch.head_id != (expected.pk if expected else None):
        raise BranchMoved(
            branch.name,
            expected=expected.id_hex if expected else None,
            actual=branch.head.id_hex if branch.head else None,
        )
    before = branch.head
    branch.head = new
    branch.save(update_fields=["head"])
    record(
        actor,
        "branch.advanced",
        branch.dataset,
        branch=branch.name,
        old=before and before.id_hex,
        new=new.id_hex,
    )
    return branch


@transaction.atomic
def delete_branch(*, branch: Branch, actor: User) -> None:
    """Delete a branch; its versions are kept for 30 days more (RULES 7.2).

    Raises
    ------
    BranchProtected
        It is protected, or the dataset's default branch.
    """
    branch = _lock(branch)
    if branch.protected or branch.name == branch.dataset.default_branch:
        raise BranchProtected(branch.name)
    if branch.head is not None:
        DeletedBranch.objects.create(
            dataset=branch.dataset, name=branch.name, head=branch.head, deleted_by=actor
        )
    record(
        actor,
        "branch.deleted",
        branch.dataset,
        branch=branch.name,
        head=branch.head and branch.head.id_hex,
    )
    branch.delete()


@transaction.atomic
def protect_branch(*, branch: Branch, protected: bool, actor: User) -> Branch:
    """Protect a branch from deletion, or no longer."""
    branch = _lock(branch)
    branch.protected = protected
    branch.save(update_fields=["protected"])
    record(actor, "branch.protected", branch.dataset, branch=branch.name, protected=protected)
    return branch


def _lock(branch: Branch) -> Branch:
    locked = (
        Branch.objects.select_for_update(of=("self",))
        .select_related("dataset", "head")
        .filter(pk=branch.pk)
        .first()
    )
    if locked is None:
        raise NotFound("branch", branch.name)
    return locked
