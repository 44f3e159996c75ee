"""Undo one version of a branch by another one.

What the version changed against its first parent is taken back from the head: a merge whose
base is the version and whose theirs is its parent. So what others did since stays, and where
they changed the same field of the same image there is a conflict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datasets_app.actions.commits import commit
from datasets_app.actions.merges import check_head
from datasets_app.actions.publishing import find_idempotent
from datasets_app.changelog import iter_changes
from datasets_app.comparison import merge_base
from datasets_app.errors import NoCommonAncestor, NotFound, NotInHistory
from datasets_app.merge_surveys import (
    Resolution,
    Survey,
    Taxonomies,
    Walk,
    check_survey,
    choices_of,
    survey_changes,
)
from datasets_app.merging import Choices, Take
from datasets_app.models import Branch, Dataset, Version, VersionParent
from datasets_app.revs import get_branch
from people_app.models import User


@dataclass(frozen=True, slots=True)
class RevertPreview:
    """What a revert would do; `parent` is None where the version is a first one."""

    version: Version
    parent: Version | None
    ours: Version
    survey: Survey


def revert_version(
    *,
    dataset: Dataset,
    branch: str,
    expected_head: bytes,
    version: Version,
    author: User,
    message: str | None = None,
    strategy: Take | None = None,
    resolutions: Iterable[Resolution] = (),
    idempotency_key: str | None = None,
    body_sha256: bytes | None = None,
) -> Version:
    """Make a version of a branch that undoes one version of its history.

    A merge is undone against its first parent. Undoing a first version removes its images
    and leaves the taxonomy as it is. A version that moved the taxonomy is undone by moving
    back; labels are not touched by that, so that they read as they did before.

    Parameters
    ----------
    message
        Default: which version was undone.
    strategy, resolutions
        As `merge_versions` takes them: ours is the head, theirs the parent of the version.

    Raises
    ------
    MergeConflicts
        Somebody changed the same since: an image's field, or the taxonomy.
    ClassesStillUsed
        Labels of the head hold classes that the older taxonomy version lacks (RULES 5.4).
    NothingChanged
        Nothing of the version is left.
    NotInHistory
        The branch never had the version.
    InvalidResolution, BranchMoved, NotFound, KeyReused, ObjectsMissing
        As `merge_versions` says.
    """
    # Before the look for the key: who sees that the same request moved the branch sees its key.
    target = get_branch(dataset, branch)
    if idempotency_key is not None:
        known = find_idempotent(author, dataset, branch, idempotency_key, body_sha256)
        if known is not None:
            return known
    check_head(target, expected_head)
    walk, taxonomies, _ = _walk_back(dataset, target, version, choices_of(strategy, resolutions))
    survey = survey_changes(walk, taxonomies)
    check_survey(survey)
    return commit(
        dataset=dataset,
        branch=branch,
        expected_head=expected_head,
        changes=walk.iter_image_changes(survey),
        message=default_message(version) if message is None else message,
        author=author,
        taxonomy_version=survey.new_taxonomy_version,
        from_history=True,
        idempotency_key=idempotency_key,
        body_sha256=body_sha256,
    )


def preview_revert(
    *,
    dataset: Dataset,
    branch: str,
    version: Version,
    strategy: Take | None = None,
    resolutions: Iterable[Resolution] = (),
) -> RevertPreview:
    """Say what a revert on the head of a branch would do; writes nothing.

    Raises
    ------
    NotFound, NotInHistory, InvalidResolution
        As `revert_version` says. Conflicts, and classes that the taxonomy lacks, are told.
    """
    target = get_branch(dataset, branch)
    choices = choices_of(strategy, resolutions)
    walk, taxonomies, parent = _walk_back(dataset, target, version, choices)
    return RevertPreview(version, parent, walk.ours, survey_changes(walk, taxonomies))


def default_message(version: Version) -> str:
    """Return the message of a revert whose author gave none."""
    first_line = version.message.partition("\n")[0]
    said = f' "{first_line}"' if first_line else ""
    return f"Revert v{version.number}{said}"


def _walk_back(
    dataset: Dataset, branch: Branch, version: Version, choices: Choices
) -> tuple[Walk, Taxonomies, Version | None]:
    head = branch.head
    if version.dataset_id != dataset.pk:
        raise NotFound("version", version.id_hex)
    if head is None or not _is_ancestor(version, head):
        raise NotInHistory(version.id_hex, branch.name)
    parent = _first_parent(version)
    taxonomies = Taxonomies(
        base=version.taxonomy_version,
        ours=head.taxonomy_version,
        theirs=(parent or version).taxonomy_version,
    )
    # The change log has what the version did; read backwards it is what undoes it.
    walk = Walk(dataset, head, lambda: (~change for change in iter_changes(version)), choices)
    return walk, taxonomies, parent


def _is_ancestor(version: Version, head: Version) -> bool:
    try:
        return merge_base(head, version) == version
    except NoCommonAncestor:
        return False


def _first_parent(version: Version) -> Version | None:
    link = (
        VersionParent.objects.filter(version=version, position=0)
        .select_related("parent__taxonomy_version__taxonomy")
        .first()
    )
    return link.parent if link else None
