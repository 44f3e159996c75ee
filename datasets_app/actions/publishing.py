"""The one short transaction in which a version becomes part of history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from datasets_app.errors import (
    BranchMoved,
    KeyReused,
    NothingChanged,
    UnknownClass,
)
from datasets_app.models import (
    Branch,
    ChangeSet,
    Dataset,
    IdempotencyKey,
    Version,
    VersionParent,
)
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.names import clean_ref_name
from datasets_app.tallies import Tally, store_tally
from datasets_app.version_id import content_digest, version_digest
from labels_app.models import TaxonomyVersion
from labels_app.reading import reading_of
from people_app.audit import record
from people_app.models import User
from store_app.crash import crash_point


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about a version to be but its content. `branch` may not exist yet."""

    dataset: Dataset
    branch: str
    parent: Version | None
    other_parents: tuple[Version, ...]
    taxonomy_version: TaxonomyVersion
    author: User
    message: str
    created_at: datetime | None
    idempotency_key: str | None
    body_sha256: bytes | None
    allow_empty: bool

    @property
    def parents(self) -> tuple[Version, ...]:
        """The first parent, then the others."""
        return (*((self.parent,) if self.parent else ()), *self.other_parents)


def publish(
    draft: Draft,
    root: bytes | None,
    tally: Tally,
    change_set: ChangeSet,
    counts: tuple[int, int, int],
) -> Version:
    """Insert the version with its statistics and move the branch to it.

    The caller's transaction ends with this: nothing slow may follow the branch's lock.
    `counts` are the images added, removed and changed.

    Raises
    ------
    BranchMoved, NothingChanged, UnknownClass, KeyReused
        As `commit` says.
    """
    dataset = lock_dataset(draft.dataset)
    branch = _lock_branch(draft)
    if draft.idempotency_key is not None:
        # Between the first look and this lock the same request may have come through.
        known = find_idempotent(
            draft.author, draft.dataset, draft.branch, draft.idempotency_key, draft.body_sha256
        )
        if known is not None:
            change_set.delete()
            return known
    actual = branch.head_id
    expected = draft.parent.pk if draft.parent else None
    if actual != expected:
        raise BranchMoved(
            branch.name,
            expected=draft.parent.id_hex if draft.parent else None,
            actual=branch.head.id_hex if branch.head else None,
        )
    _check_content(draft, root, tally)
    version = _insert_version(draft, dataset.next_version_number, root, tally, change_set, counts)
    Branch.objects.filter(pk=branch.pk).update(head=version)
    if draft.idempotency_key is not None:
        IdempotencyKey.objects.create(
            user=draft.author,
            dataset=draft.dataset,
            branch=draft.branch,
            key=draft.idempotency_key,
            body_sha256=draft.body_sha256 or bytes(32),
            version=version,
        )
    record(
        draft.author,
        "version.committed",
        draft.dataset,
        branch=draft.branch,
        version=version.id_hex,
        added=counts[0],
        removed=counts[1],
        changed=counts[2],
    )
    crash_point("before_commit_sql")
    return version


def find_idempotent(
    user: User, dataset: Dataset, branch: str, key: str, body_sha256: bytes | None
) -> Version | None:
    """Return the version that this key made, None where it was not used yet.

    Raises
    ------
    KeyReused
        It was used for another request.
    """
    used = (
        IdempotencyKey.objects.filter(user=user, dataset=dataset, branch=branch, key=key)
        .select_related("version")
        .first()
    )
    if used is None:
        return None
    if used.body_sha256 != (body_sha256 or bytes(32)):
        raise KeyReused(key)
    return used.version


def lock_dataset(dataset: Dataset) -> Dataset:
    """Lock the dataset's row to the end of the transaction and return it as it is now.

    Numbers of images and versions and the bitmaps of the index are given out under it. It
    is always taken before the lock of a branch, so that two commits never wait for each other.
    """
    return Dataset.objects.select_for_update(of=("self",)).get(pk=dataset.pk)


def _lock_branch(draft: Draft) -> Branch:
    locked = Branch.objects.select_for_update(of=("self",)).select_related("head")
    branch = locked.filter(dataset=draft.dataset, name=draft.branch).first()
    if branch is None and draft.parent is None:
        return Branch.objects.create(dataset=draft.dataset, name=clean_ref_name(draft.branch))
    if branch is None:  # deleted meanwhile
        raise BranchMoved(draft.branch, expected=draft.parent.id_hex, actual=None)
    return branch


def _check_content(draft: Draft, root: bytes | None, tally: Tally) -> None:
    taxonomy = draft.taxonomy_version
    if not draft.allow_empty and not draft.other_parents:
        before = (draft.parent.root, draft.parent.taxonomy_version_id) if draft.parent else None
        if (root, taxonomy.pk) == (before or (None, taxonomy.pk)):
            raise NothingChanged(draft.branch)
    # The sums say whether any label holds a class that the taxonomy lacks, at the price of
    # the number of classes, for new labels and for a new taxonomy alike.
    segments = tally.segments_by_class()
    unknown = reading_of(taxonomy).unknown_of(segments.keys() - {VOID_CLASS})
    if unknown:
        raise UnknownClass(
            f"{taxonomy.taxonomy.slug}@{taxonomy.number}",
            {class_id: segments[class_id] for class_id in unknown},
        )


def _insert_version(
    draft: Draft,
    number: int,
    root: bytes | None,
    tally: Tally,
    change_set: ChangeSet,
    counts: tuple[int, int, int],
) -> Version:
    created_at = draft.created_at or timezone.now()
    taxonomy = bytes(draft.taxonomy_version.digest)
    author = draft.author.get_username()
    version_id = version_digest(
        root=root,
        taxonomy=taxonomy,
        parents=[parent.version_id for parent in draft.parents],
        author=author,
        created_at=created_at,
        message=draft.message,
    )
    same = Version.objects.filter(dataset=draft.dataset, version_id=version_id).first()
    if same is not None:
        # The same commit on another branch: one version, two names.
        change_set.delete()
        return same
    Dataset.objects.filter(pk=draft.dataset.pk).update(next_version_number=number + 1)
    change_set.added, change_set.removed, change_set.changed = counts
    change_set.save()
    version = Version.objects.create(
        version_id=version_id,
        dataset=draft.dataset,
        number=number,
        root=root,
        content_digest=content_digest(root=root, taxonomy=taxonomy),
        taxonomy_version=draft.taxonomy_version,
        author=draft.author,
        author_name=author,
        message=draft.message,
        created_at=created_at,
        image_count=tally.image_count,
        segment_count=tally.segment_count,
        change_set=change_set,
    )
    for position, parent in enumerate(draft.parents):
        VersionParent.objects.create(version=version, parent=parent, position=position)
    store_tally(tally, version)
    return version
