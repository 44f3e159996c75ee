"""Merge a version into a branch.

What theirs changed since the merge base is done to ours, image by image; so the cost goes by
what theirs changed, however much ours did and however many images there are. Where ours has
nothing of its own, the branch moves to theirs and no version is made (a fast-forward).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from datasets_app.actions.branches import advance_branch
from datasets_app.actions.commits import commit
from datasets_app.actions.publishing import find_idempotent, lock_dataset
from datasets_app.comparison import diff_versions, merge_base
from datasets_app.errors import AlreadyMerged, BranchMoved, NotFound
from datasets_app.merge_surveys import (
    ImageChanges,
    Resolution,
    Survey,
    Taxonomies,
    Walk,
    check_survey,
    choices_of,
    refuse_unused,
    survey_changes,
)
from datasets_app.merging import Choices, MergePlan, Take
from datasets_app.models import Branch, Dataset, IdempotencyKey, Version
from datasets_app.revs import get_branch
from people_app.models import User


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do. Base and ours are None where the branch has no version yet."""

    base: Version | None
    ours: Version | None
    theirs: Version
    survey: Survey

    @property
    def up_to_date(self) -> bool:
        """Whether there is nothing to merge."""
        return self.base == self.theirs

    @property
    def fast_forward(self) -> bool:
        """Whether ours has nothing of its own, so that the branch can move to theirs."""
        return self.base == self.ours and not self.up_to_date


def merge_versions(
    *,
    dataset: Dataset,
    branch: str,
    from_version: Version,
    expected_head: bytes | None,
    author: User,
    message: str = "",
    strategy: Take | None = None,
    resolutions: Iterable[Resolution] = (),
    fast_forward: bool = True,
    idempotency_key: str | None = None,
    body_sha256: bytes | None = None,
) -> Version:
    """Merge a version into a branch and return the version that the branch is at then.

    It has two parents, the old head and `from_version`; its change log and statistics are
    relative to the old head.

    Parameters
    ----------
    expected_head
        As `commit` takes it. A branch without a version is always fast-forwarded.
    message
        Default: which version was merged where. A fast-forward makes no version, so that
        its message is lost.
    strategy
        `OURS` or `THEIRS` settles conflicts that no resolution names; None: they are errors.
    fast_forward
        False makes a version with two parents also where the branch could just move.

    Raises
    ------
    AlreadyMerged
        The branch has this version already.
    MergeConflicts
        With the first thousand conflicts. Nothing was written.
    InvalidResolution
        A resolution that settles no conflict.
    ClassesStillUsed
        The taxonomy version of the result lacks classes of the labels.
    BranchMoved, NoCommonAncestor, NotFound, KeyReused, ObjectsMissing
        As `commit` and `merge_base` say.
    """
    # Before the look for the key: who sees that the same request moved the branch sees its key.
    target = get_branch(dataset, branch)
    if idempotency_key is not None:
        known = find_idempotent(author, dataset, branch, idempotency_key, body_sha256)
        if known is not None:
            return known
    check_head(target, expected_head)
    ours = target.head
    base = _base_of(dataset, ours, from_version)
    if base == from_version:
        raise AlreadyMerged(branch, from_version.id_hex)
    choices = choices_of(strategy, resolutions)
    if ours is None or (base == ours and fast_forward):
        refuse_unused(choices)
        return _fast_forward(target, from_version, author, idempotency_key, body_sha256)
    assert base is not None
    walk = _walk(dataset, base, ours, from_version, choices)
    survey = survey_changes(walk, _taxonomies(base, ours, from_version))
    check_survey(survey)
    return commit(
        dataset=dataset,
        branch=branch,
        expected_head=expected_head,
        changes=walk.iter_image_changes(survey),
        message=message or f"Merge v{from_version.number} into {branch}",
        author=author,
        taxonomy_version=survey.new_taxonomy_version,
        other_parents=(from_version,),
        from_history=True,
        idempotency_key=idempotency_key,
        body_sha256=body_sha256,
    )


def preview_merge(
    *,
    dataset: Dataset,
    branch: str,
    from_version: Version,
    strategy: Take | None = None,
    resolutions: Iterable[Resolution] = (),
) -> MergePreview:
    """Say what a merge into the head of a branch would do; writes nothing.

    Raises
    ------
    NotFound, NoCommonAncestor, InvalidResolution
        As `merge_versions` says. Conflicts, and classes that the taxonomy lacks, are told.
    """
    ours = get_branch(dataset, branch).head
    base = _base_of(dataset, ours, from_version)
    choices = choices_of(strategy, resolutions)
    theirs = from_version
    if ours is None or base is None:
        refuse_unused(choices)
        added = ImageChanges(theirs.image_count, 0, 0)
        survey = Survey(None, theirs.taxonomy_version, added, (), 0, {}, MergePlan())
    else:
        walk = _walk(dataset, base, ours, theirs, choices)
        survey = survey_changes(walk, _taxonomies(base, ours, theirs))
    return MergePreview(base, ours, theirs, survey)


def check_head(branch: Branch, expected_head: bytes | None) -> None:
    """Raise `BranchMoved` unless the branch is where its writer believes it to be."""
    actual = bytes(branch.head.version_id) if branch.head else None
    if actual != expected_head:
        raise BranchMoved(
            branch.name,
            expected=expected_head.hex() if expected_head else None,
            actual=actual.hex() if actual else None,
        )


def _base_of(dataset: Dataset, ours: Version | None, theirs: Version) -> Version | None:
    if theirs.dataset_id != dataset.pk:
        raise NotFound("version", theirs.id_hex)
    return None if ours is None else merge_base(ours, theirs)


def _walk(
    dataset: Dataset, base: Version, ours: Version, theirs: Version, choices: Choices
) -> Walk:
    return Walk(dataset, ours, lambda: diff_versions(base, theirs), choices)


def _taxonomies(base: Version, ours: Version, theirs: Version) -> Taxonomies:
    return Taxonomies(base.taxonomy_version, ours.taxonomy_version, theirs.taxonomy_version)


@transaction.atomic
def _fast_forward(
    branch: Branch, theirs: Version, author: User, key: str | None, body_sha256: bytes | None
) -> Version:
    # The dataset's row first, as in every commit: two writers never wait for each other.
    dataset = lock_dataset(branch.dataset)
    if key is not None:
        # Between the first look and this lock the same request may have come through.
        known = find_idempotent(author, dataset, branch.name, key, body_sha256)
        if known is not None:
            return known
    advance_branch(branch=branch, expected=branch.head, new=theirs, actor=author)
    if key is not None:
        IdempotencyKey.objects.create(
            user=author,
            dataset=dataset,
            branch=branch.name,
            key=key,
            body_sha256=body_sha256 or bytes(32),
            version=theirs,
        )
    return theirs
