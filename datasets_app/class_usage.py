"""Where a class of a taxonomy is used, and how often it was over the versions of a branch.

Both come from the statistics of versions: no label is opened and no tree is read, but for unions
of several stored classes (`datasets_app.unions`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from datasets_app.candidates import class_key, find_sizes
from datasets_app.changelog import log
from datasets_app.errors import NotFound
from datasets_app.models import (
    Branch,
    Dataset,
    Job,
    UnionCount,
    Version,
    VersionClassStats,
    VersionSplitStats,
)
from datasets_app.previews.counting import AskedSets, SegmentCounter, Totals, held_by
from datasets_app.previews.heads import Head
from datasets_app.stats import ClassCount, VersionStats
from datasets_app.unions import HeldImages, SourceSet, get_union_counts
from datasets_app.unions.sources import digest_of
from labels_app.classes import ClassSpec, id_of
from labels_app.models import Taxonomy, TaxonomyVersion
from labels_app.reading import Reading, reading_of

MOST_BRANCHES = 50
MOST_VERSIONS = 200


class BranchUsage(NamedTuple):
    """What the head of a branch holds of a class; while there is a `job`, some of it is None."""

    head: Head
    totals: Totals
    job: Job | None


class ClassUsage(NamedTuple):
    """Where a class is used, as the newest version of its taxonomy reads it.

    Of a retired class: its own labels, whatever they read as now. `left_out` branches are not
    listed.
    """

    spec: ClassSpec
    under: TaxonomyVersion
    branches: list[BranchUsage]
    left_out: int

    @property
    def pending(self) -> bool:
        """Whether some numbers are not counted yet."""
        return any(branch.job is not None for branch in self.branches)


class UsageAt(NamedTuple):
    """What a version holds of a class; None where nobody counted it, and a sum would lie."""

    version: Version
    totals: Totals


def class_usage(
    taxonomy: Taxonomy, class_id: int, user: Any, *, limit: int = MOST_BRANCHES
) -> ClassUsage:
    """Return where a class is used: the branches that `user` may read, default ones first.

    A constant number of queries, and some for each branch where images may hold several stored
    classes of the class.

    Raises
    ------
    NotFound
        The newest version of the taxonomy has no such class.
    """
    newest = taxonomy.newest_version()
    reading = reading_of(newest)
    spec = reading.classes.get(class_id)
    if spec is None:
        raise NotFound("class", str(class_id))
    found = _branches_of(taxonomy, user)
    branches = list(found[: limit + 1])
    left_out = found.count() - limit if len(branches) > limit else 0
    heads = [_head_of(branch) for branch in branches[:limit]]
    sources = _sources_of(spec, reading)
    stored = _read_stored({head.version.pk for head in heads}, sources)
    counted = {
        head.version.pk: _count_head(head, stored[head.version.pk], spec, reading, user)
        for head in {head.version.pk: head for head in heads}.values()
    }
    return ClassUsage(
        spec,
        newest,
        [BranchUsage(head, *counted[head.version.pk]) for head in heads],
        left_out,
    )


def class_history(
    version: Version, class_id: int, reading: Reading, *, limit: int = MOST_VERSIONS
) -> list[UsageAt]:
    """Return what the last versions of a line held of a class, oldest first.

    The line follows first parents from `version` back, and `reading` says for all of them what
    the class is (of a retired one: its own labels). At most eight queries, however long the line
    and however large the versions: a union of several stored classes that nobody counted is None.

    Raises
    ------
    NotFound
        The reading has no such class.
    """
    spec = reading.classes.get(class_id)
    if spec is None:
        raise NotFound("class", str(class_id))
    line = log(version, limit=limit)[::-1]
    sources = _sources_of(spec, reading)
    stored = _read_stored({one.pk for one in line}, sources)
    kept = _KeptUnions.read(version.dataset_id, [one.pk for one in line], _sets_of(spec, reading))
    usage = []
    for one in line:
        held = stored[one.pk].held
        counter = SegmentCounter(stored[one.pk].classes, partial(kept.find, one.pk, held))
        usage.append(UsageAt(one, _totals(counter, spec, reading)))
    return usage


# ---- branches ---------------------------------------------------------------


def _branches_of(taxonomy: Taxonomy, user: Any) -> QuerySet[Branch]:
    is_default = Q(name=F("dataset__default_branch"))
    return (
        Branch.objects.filter(
            dataset__in=Dataset.objects.visible_to(user),
            head__taxonomy_version__taxonomy=taxonomy,
        )
        .select_related("dataset", "head__taxonomy_version__taxonomy")
        .annotate(is_default=ExpressionWrapper(is_default, BooleanField()))
        .order_by("-is_default", "dataset__slug", "name")
    )


def _head_of(branch: Branch) -> Head:
    assert branch.head is not None  # it has a taxonomy version
    branch.head.dataset = branch.dataset
    return Head(branch.dataset, branch.name, branch.head)


def _count_head(
    head: Head, stored: _Stored, spec: ClassSpec, reading: Reading, user: Any
) -> tuple[Totals, Job | None]:
    unions = get_union_counts(head.version, _sets_of(spec, reading), actor=user, held=stored.held)
    totals = _totals(SegmentCounter(stored.classes, unions.over_splits), spec, reading)
    return totals, unions.job if unions.pending else None


# ---- numbers ----------------------------------------------------------------


class _Stored(NamedTuple):
    """What the statistics of a version say of some stored classes: over splits, and by split."""

    classes: dict[int, ClassCount]
    held: HeldImages


class _KeptUnions(NamedTuple):
    """What was counted of some versions before: images by split."""

    ever: Mapping[SourceSet, bytes]
    images: Mapping[tuple[int, bytes], Mapping[str, int]]

    @classmethod
    def read(cls, dataset_id: int, versions: Collection[int], sets: Collection[SourceSet]) -> Self:
        """Read them; two queries."""
        sizes = find_sizes(dataset_id, {class_key(one) for sources in sets for one in sources})
        # Counts are kept by the classes of a set that the dataset ever had.
        ever = {
            sources: digest_of(frozenset(one for one in sources if class_key(one) in sizes))
            for sources in sets
        }
        rows = UnionCount.objects.filter(version__in=versions, sources__in=set(ever.values()))
        return cls(
            ever,
            {
                (version, bytes(digest)): images
                for version, digest, images in rows.values_list("version", "sources", "images")
            },
        )

    def find(self, version: int, held: HeldImages, sources: SourceSet) -> int | None:
        """Return how many images of a version hold any class of a set; None if nobody knows."""
        known = [held.find_union(split, sources) for split in held.splits]
        if None not in known:
            return sum(one for one in known if one is not None)
        images = self.images.get((version, self.ever[sources]))
        return None if images is None else sum(images.values())


def _read_stored(versions: Collection[int], sources: Collection[int]) -> dict[int, _Stored]:
    """Read the statistics of some classes in some versions; two queries."""
    rows: dict[int, list[ClassCount]] = {version: [] for version in versions}
    labelled: dict[int, dict[str, int]] = {version: {} for version in versions}
    classes = VersionClassStats.objects.filter(version__in=versions, class_id__in=sources)
    for version, *row in classes.values_list("version", *ClassCount._fields):
        rows[version].append(ClassCount(*row))
    splits = VersionSplitStats.objects.filter(version__in=versions)
    for version, split, number in splits.values_list("version", "split", "labelled"):
        labelled[version][split] = number
    return {
        version: _Stored(
            {row.class_id: row for row in VersionStats(tuple(of_version), ()).over_splits()},
            held_by(of_version, labelled[version]),
        )
        for version, of_version in rows.items()
    }


def _totals(counter: SegmentCounter, spec: ClassSpec, reading: Reading) -> Totals:
    class_id = id_of(spec)
    if spec.retired:
        own = [class_id]
        return Totals(counter.images(own), counter.stored_segments(own), counter.pixels(own))
    return counter.totals(class_id, reading)


def _sources_of(spec: ClassSpec, reading: Reading) -> Sequence[int]:
    return [id_of(spec)] if spec.retired else reading.sources_of[id_of(spec)]


def _sets_of(spec: ClassSpec, reading: Reading) -> set[SourceSet]:
    asked = AskedSets()
    _totals(SegmentCounter({}, asked), spec, reading)
    return asked.sets
