"""Make versions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from datasets_app.actions.publishing import Draft, find_idempotent, lock_dataset, publish
from datasets_app.bulk import batched, insert_rows
from datasets_app.candidates import feed_candidates
from datasets_app.entries import Entry, EntryChange, decode_entry, encode_entry
from datasets_app.errors import BranchMoved, InvalidChange, NotFound, TaxonomiesDiffer
from datasets_app.label_checks import LabelCheck, ViolationList
from datasets_app.models import Branch, Change, ChangeSet, CommitWarnings, Dataset, Version
from datasets_app.nodes import SqlNodes
from datasets_app.staging import KEEP, ImageChange, Staged, labels_of, stage_changes
from datasets_app.tallies import tally_of
from datasets_app.tree import update_root
from labels_app.models import TaxonomyVersion
from people_app.models import User
from store_app.crash import crash_point

__all__ = ["BATCH", "KEEP", "ImageChange", "commit"]

# Up to this many changes are one transaction. It bounds the memory of larger commits and
# the time for which others wait: about a second.
BATCH = 5_000


def commit(
    *,
    dataset: Dataset,
    branch: str,
    expected_head: bytes | None,
    changes: Iterable[ImageChange],
    message: str,
    author: User,
    taxonomy_version: TaxonomyVersion | None = None,
    other_parents: Sequence[Version] = (),
    idempotency_key: str | None = None,
    body_sha256: bytes | None = None,
    created_at: datetime | None = None,
    known_only: bool = False,
    allow_empty: bool = False,
    from_history: bool = False,
    checked: ViolationList | None = None,
) -> Version:
    """Make the next version of a branch, and move the branch to it.

    Parameters
    ----------
    expected_head
        The version id that the writer believes the branch to be at; None before the first
        commit, which makes the branch where it is missing.
    changes
        May be long: they are read once and `BATCH` of them are in memory. More than one
        batch is written in transactions of its own, unreachable until the last one, which
        is short. An image may come once.
    taxonomy_version
        The classes by which the version is read; default: those of the parent, for the
        first version the newest of the dataset's taxonomy.
    other_parents
        The second and further parents of a merge.
    idempotency_key, body_sha256
        The same key again on this branch by this author answers the version that it made.
    known_only
        Accept only digests that this dataset holds: for callers who name digests without
        bringing the bytes.
    allow_empty
        Make a version although nothing differs from the parent.
    from_history
        The labels are or were labels of this dataset, as in a merge or a revert: retired and
        deprecated classes are accepted, and what breaks a label rule is a warning.
    checked
        What the new labels break of the rules, where the caller checked all of them already,
        against the same parent and taxonomy version.

    Raises
    ------
    BranchMoved
        The branch is elsewhere: before anything is read, or when it should move.
    TaxonomiesDiffer
        The taxonomy version is not of the dataset's taxonomy.
    ClassNotOpen, LabelRulesBroken
        Labels that are new to their image have new segments of retired or deprecated classes,
        or break a rule of the taxonomy version that is an error.
    NothingChanged, UnknownClass, ObjectsMissing, InvalidName, InvalidChange, NotFound,
    KeyReused, DatasetFull
        As `datasets_app.errors` says. No version is made.
    """
    # Before the look for the key: who sees that the same request moved the branch sees its key.
    target = _find_branch(dataset, branch)
    if idempotency_key is not None:
        known = find_idempotent(author, dataset, branch, idempotency_key, body_sha256)
        if known is not None:
            return known
    parent = _parent(branch, target, expected_head)
    _check_taxonomy(dataset, parent, taxonomy_version)
    draft = Draft(
        dataset=dataset,
        branch=branch,
        parent=parent,
        other_parents=tuple(other_parents),
        taxonomy_version=taxonomy_version or _taxonomy_version(dataset, parent),
        author=author,
        message=message,
        created_at=created_at,
        idempotency_key=idempotency_key,
        body_sha256=body_sha256,
        allow_empty=allow_empty,
    )
    check = LabelCheck(draft.taxonomy_version, from_history=from_history, checked=checked)
    stream = iter(changes)
    first = list(itertools.islice(stream, BATCH))
    more = list(itertools.islice(stream, 1))
    if more:
        version = _commit_large(draft, itertools.chain(first, more, stream), check, known_only)
    else:
        version = _commit_small(draft, first, check, known_only)
    crash_point("after_commit_sql")
    return version


def _commit_small(
    draft: Draft, wanted: Sequence[ImageChange], check: LabelCheck, known_only: bool
) -> Version:
    nodes = SqlNodes(keep=True)
    # Before the lock: it may read pixels.
    found = check.look(labels_of(wanted))
    with transaction.atomic():
        dataset = lock_dataset(draft.dataset)
        parent_root = _root(draft.parent)
        staged = stage_changes(dataset, nodes, parent_root, wanted, known_only=known_only)
        check.add(staged, found)
        check.refuse()
        root = update_root(nodes, parent_root, _edits(staged.changes))
        tally = tally_of(draft.parent)
        change_set = ChangeSet.objects.create(dataset=dataset)
        _keep_batch(change_set, staged)
        _keep_warnings(change_set, check)
        tally.add(staged.changes, staged.facts)
        return publish(draft, root, tally, change_set, _counts(staged.changes))


def _commit_large(
    draft: Draft, wanted: Iterable[ImageChange], check: LabelCheck, known_only: bool
) -> Version:
    nodes = SqlNodes()
    parent_root = _root(draft.parent)
    tally = tally_of(draft.parent)
    change_set = ChangeSet.objects.create(dataset=draft.dataset)
    done = False
    try:
        counts = (0, 0, 0)
        seen = bytearray()
        for batch in batched(wanted, BATCH):
            found = check.look(labels_of(batch))
            with transaction.atomic():
                dataset = lock_dataset(draft.dataset)
                staged = stage_changes(dataset, nodes, parent_root, batch, known_only=known_only)
                _mark_seen(seen, staged)
                check.add(staged, found)
                if not check.is_refused:
                    _keep_batch(change_set, staged)
                ChangeSet.objects.filter(pk=change_set.pk).update(written_at=timezone.now())
            tally.add(staged.changes, staged.facts)
            counts = _added(counts, _counts(staged.changes))
        # Only now, so that one try tells of all batches.
        check.refuse()
        root = parent_root
        # By number, so that each leaf of the tree is written once, whatever the order in
        # which the names came.
        for rows in _iter_kept(change_set):
            with transaction.atomic():
                # Garbage collection deletes nodes under this lock, and keeps those below a root
                # that is named: what this batch writes or re-uses is safe when it ends.
                lock_dataset(draft.dataset)
                root = update_root(nodes, root, rows)
                ChangeSet.objects.filter(pk=change_set.pk).update(
                    unfinished_root=root, written_at=timezone.now()
                )
        with transaction.atomic():
            _keep_warnings(change_set, check)
            # `publish` saves the set, which needs no root of its own beside its version.
            version = publish(draft, root, tally, change_set, counts)
        done = True
        return version
    finally:
        if not done and not transaction.get_connection().needs_rollback:
            Change.objects.filter(change_set=change_set).delete()
            change_set.delete()


def _keep_batch(change_set: ChangeSet, staged: Staged) -> None:
    """Write the change log of a batch and what filters need to find its images."""
    insert_rows(
        Change,
        ("change_set_id", "dataset_id", "image_no", "old_entry", "new_entry"),
        [
            (change_set.pk, change_set.dataset_id, image_no, _bytes(old), _bytes(new))
            for image_no, old, new in staged.changes
        ],
    )
    feed_candidates(change_set.dataset_id, staged.changes, staged.facts)


def _keep_warnings(change_set: ChangeSet, check: LabelCheck) -> None:
    """Write what the labels break though it refuses nothing; `publish` saves the change set."""
    violations = check.violations
    if violations.count:
        change_set.warning_count = violations.count
        CommitWarnings.objects.create(change_set=change_set, listed=violations.rows)


def _iter_kept(change_set: ChangeSet) -> Iterable[list[tuple[int, Entry | None]]]:
    """Yield what a change set makes of the tree, by image number, a batch at a time."""
    last = -1
    while True:
        rows = list(
            Change.objects.filter(change_set=change_set, image_no__gt=last)
            .order_by("image_no")
            .values_list("image_no", "new_entry")[:BATCH]
        )
        if not rows:
            return
        yield [
            (image_no, None if entry is None else decode_entry(bytes(entry)))
            for image_no, entry in rows
        ]
        last = rows[-1][0]


def _mark_seen(seen: bytearray, staged: Staged) -> None:
    """Refuse images that an earlier batch named; one bit per image number."""
    for name, image_no in staged.numbers.items():
        place, bit = divmod(image_no, 8)
        if place >= len(seen):
            seen.extend(bytes(place + 1 - len(seen)))
        if seen[place] >> bit & 1:
            raise InvalidChange(name, "it comes twice in one commit")
        seen[place] |= 1 << bit


def _find_branch(dataset: Dataset, name: str) -> Branch | None:
    heads = Branch.objects.select_related("head__taxonomy_version__taxonomy")
    return heads.filter(dataset=dataset, name=name).first()


def _parent(branch: str, found: Branch | None, expected_head: bytes | None) -> Version | None:
    """Return the version that the branch is at, which must be the expected one."""
    if found is None and expected_head is not None:
        raise NotFound("branch", branch)
    head = found.head if found else None
    actual = head.version_id if head else None
    if actual != expected_head:
        raise BranchMoved(
            branch,
            expected=expected_head.hex() if expected_head else None,
            actual=actual.hex() if actual else None,
        )
    return head


def _check_taxonomy(
    dataset: Dataset, parent: Version | None, version: TaxonomyVersion | None
) -> None:
    # Labels keep the class ids that they were made with: another taxonomy would read a
    # building where a road was drawn. That of the dataset counts for first versions only.
    own = parent.taxonomy_version.taxonomy if parent else dataset.taxonomy
    if version is not None and version.taxonomy_id != own.pk:
        raise TaxonomiesDiffer(own.slug, version.taxonomy.slug)


def _taxonomy_version(dataset: Dataset, parent: Version | None) -> TaxonomyVersion:
    if parent is not None:
        return parent.taxonomy_version
    return (
        TaxonomyVersion.objects.filter(taxonomy=dataset.taxonomy_id)
        .select_related("taxonomy")
        .latest("number")
    )


def _root(version: Version | None) -> bytes | None:
    return version.root if version else None


def _edits(changes: Iterable[EntryChange]) -> list[tuple[int, Entry | None]]:
    return [(image_no, new) for image_no, _, new in changes]


def _bytes(entry: Entry | None) -> bytes | None:
    return None if entry is None else encode_entry(entry)


def _counts(changes: Iterable[EntryChange]) -> tuple[int, int, int]:
    added = removed = changed = 0
    for _, old, new in changes:
        added += old is None
        removed += new is None
        changed += old is not None and new is not None
    return added, removed, changed


def _added(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]
