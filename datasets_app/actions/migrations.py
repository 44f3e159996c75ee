"""Move branches to another version of their taxonomy.

A migration is a commit without changes: labels stay as they are, and read differently. It
costs what classes and statistics cost, whatever the number of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import transaction

from datasets_app.actions.commits import commit
from datasets_app.actions.publishing import lock_dataset
from datasets_app.errors import HistoryError, NothingChanged, TaxonomiesDiffer
from datasets_app.models import Dataset, Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.revs import get_branch
from datasets_app.tallies import tally_of
from labels_app.actions.drafts import publish_draft
from labels_app.models import Taxonomy, TaxonomyVersion
from labels_app.reading import reading_of
from labels_app.taxonomy_diff import ClassChange, diff_classes
from people_app.models import User
from store_app.errors import TesseraError


class BranchMove(NamedTuple):
    """A branch that shall move; `expected_head` None: from wherever it is."""

    dataset: Dataset
    branch: str
    expected_head: bytes | None = None


class MovedBranch(NamedTuple):
    """A branch that moved, and the version that it is at."""

    dataset: Dataset
    branch: str
    version: Version


class Publication(NamedTuple):
    """A new taxonomy version and the branches that moved to it."""

    taxonomy_version: TaxonomyVersion
    moved: tuple[MovedBranch, ...]


@dataclass(frozen=True, slots=True)
class MigrationPreview:
    """What a migration would do.

    `changes` lead from the older taxonomy version to the newer one, so that with
    `goes_back` they would be undone. `unknown_classes` counts, by class id, the segments of
    classes that the taxonomy version lacks: where there are any the branch cannot move.
    """

    old: TaxonomyVersion
    new: TaxonomyVersion
    changes: tuple[ClassChange, ...]
    unknown_classes: Mapping[int, int]

    @property
    def goes_back(self) -> bool:
        """Say whether the taxonomy version is older than that of the branch."""
        return self.new.number < self.old.number


class BranchCannotMove(HistoryError):
    """One of several branches cannot move, so that nothing was done.

    Code, status and facts are those of the reason; `dataset` and `branch` say which it is.
    """

    def __init__(self, move: BranchMove, reason: TesseraError) -> None:
        slug = move.dataset.slug
        super().__init__(
            f"{slug}, branch {move.branch}: {reason.message}",
            **{**reason.facts, "dataset": slug, "branch": move.branch},
        )
        self.move, self.reason = move, reason
        self.code, self.status = reason.code, reason.status  # type: ignore[misc]


def migrate_branch(
    *,
    dataset: Dataset,
    branch: str,
    expected_head: bytes,
    taxonomy_version: TaxonomyVersion,
    author: User,
    message: str = "",
    idempotency_key: str | None = None,
    body_sha256: bytes | None = None,
) -> Version:
    """Make a version of a branch that reads by another version of its taxonomy.

    Parameters
    ----------
    taxonomy_version
        A later version, or an earlier one that knows every class of the labels.
    message
        Default: which taxonomy version it is, and what was said of it.

    Raises
    ------
    NotFound
        There is no such branch.
    BranchMoved
        The branch is elsewhere.
    TaxonomiesDiffer
        The branch reads by another taxonomy, whose class ids mean other classes.
    UnknownClass
        Labels hold classes that the taxonomy version lacks (RULES 5.4); with counts.
    NothingChanged
        The branch reads by this version already, or holds nothing.
    """
    _check_line(dataset, branch, taxonomy_version)
    return commit(
        dataset=dataset,
        branch=branch,
        expected_head=expected_head,
        changes=(),
        message=message or default_message(taxonomy_version),
        author=author,
        taxonomy_version=taxonomy_version,
        idempotency_key=idempotency_key,
        body_sha256=body_sha256,
    )


@transaction.atomic
def publish_and_migrate(
    *,
    taxonomy: Taxonomy,
    expected_revision: int,
    message: str,
    moves: Sequence[BranchMove] = (),
    actor: User,
) -> Publication:
    """Publish the draft of a taxonomy and move branches to it: all of that, or nothing.

    Raises
    ------
    BranchCannotMove
        A branch cannot move; with the reason, as `migrate_branch` gives it.
    MessageNeeded, DraftMoved, InvalidTaxonomy, TaxonomyMoved
        As `labels_app.actions.drafts.publish_draft` says.
    """
    version = publish_draft(
        taxonomy=taxonomy, expected_revision=expected_revision, message=message, actor=actor
    )
    # Always in one order, so that two who publish never wait for each other.
    ordered = sorted(moves, key=lambda move: (move.dataset.pk, move.branch))
    moved = {move: _move(move, version, actor) for move in ordered}
    return Publication(version, tuple(moved[move] for move in moves))


def preview_migration(
    *, dataset: Dataset, branch: str, taxonomy_version: TaxonomyVersion
) -> MigrationPreview:
    """Say what a migration would do, from statistics alone; writes nothing.

    Raises
    ------
    NotFound, TaxonomiesDiffer, NothingChanged
        As `migrate_branch` says. Classes that are lacking are told.
    """
    head = _check_line(dataset, branch, taxonomy_version)
    if head is None or head.taxonomy_version == taxonomy_version:
        raise NothingChanged(branch)
    sides = sorted((head.taxonomy_version, taxonomy_version), key=lambda one: one.number)
    older, newer = (reading_of(side).classes.values() for side in sides)
    segments = tally_of(head).segments_by_class()
    unknown = reading_of(taxonomy_version).unknown_of(segments.keys() - {VOID_CLASS})
    return MigrationPreview(
        head.taxonomy_version,
        taxonomy_version,
        diff_classes(older, newer),
        {class_id: segments[class_id] for class_id in unknown},
    )


def default_message(taxonomy_version: TaxonomyVersion) -> str:
    """Return the message of a migration whose author gave none."""
    first_line = taxonomy_version.message.partition("\n")[0]
    name = f"{taxonomy_version.taxonomy.slug}@{taxonomy_version.number}"
    return f"Move to {name}: {first_line}" if first_line else f"Move to {name}"


def _move(move: BranchMove, version: TaxonomyVersion, author: User) -> MovedBranch:
    try:
        expected = move.expected_head
        if expected is None:
            # Nobody commits while the dataset is locked: the head that is read here stays.
            lock_dataset(move.dataset)
            head = get_branch(move.dataset, move.branch).head
            if head is None:
                raise NothingChanged(move.branch)
            expected = bytes(head.version_id)
        made = migrate_branch(
            dataset=move.dataset,
            branch=move.branch,
            expected_head=expected,
            taxonomy_version=version,
            author=author,
        )
    except TesseraError as error:
        raise BranchCannotMove(move, error) from error
    return MovedBranch(move.dataset, move.branch, made)


def _check_line(dataset: Dataset, branch: str, wanted: TaxonomyVersion) -> Version | None:
    """Return the head of a branch, whose taxonomy must be that of the wanted version."""
    head: Version | None = get_branch(dataset, branch).head
    if head is None:
        return None
    # That of the dataset may be another one meanwhile: it counts for first versions only.
    own = TaxonomyVersion.objects.select_related("taxonomy").get(pk=head.taxonomy_version_id)
    head.taxonomy_version = own
    if own.taxonomy_id != wanted.taxonomy_id:
        raise TaxonomiesDiffer(own.taxonomy.slug, wanted.taxonomy.slug)
    return head
