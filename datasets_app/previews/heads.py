"""Which branches a preview is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db.models import F, Q, QuerySet

from datasets_app.errors import NotFound, TaxonomiesDiffer
from datasets_app.models import Branch, Dataset, Version
from datasets_app.names import is_storable
from labels_app.models import Taxonomy

MOST_HEADS = 20


class Head(NamedTuple):
    """Where a branch points; the version came with its taxonomy version."""

    dataset: Dataset
    branch: str
    version: Version


class ChosenHeads(NamedTuple):
    """Some heads, and how many more there are."""

    heads: list[Head]
    left_out: int


class NamedBranch(NamedTuple):
    """A branch as somebody names it; without `branch` the default one of the dataset."""

    dataset: str
    branch: str | None = None


def choose_heads(
    taxonomy: Taxonomy,
    datasets: QuerySet[Dataset],
    named: Sequence[NamedBranch] | None = None,
    *,
    limit: int = MOST_HEADS,
) -> ChosenHeads:
    """Return the heads of named branches, or of the default branch of each dataset.

    `datasets` are those that the caller may read; two queries at most. Without names: the
    datasets that use the taxonomy, by slug, up to `limit`.

    Raises
    ------
    NotFound
        There is no such dataset or branch, or it has no version yet.
    TaxonomiesDiffer
        The branch reads by another taxonomy.
    """
    if named is None:
        return _default_heads(taxonomy, datasets, limit)
    wanted = list(dict.fromkeys(named))
    for one in wanted:
        if not is_storable(one.dataset) or not is_storable(one.branch or ""):
            raise NotFound("branch", f"{one.dataset} {one.branch}")
    known = {
        dataset.slug: dataset
        for dataset in datasets.filter(slug__in={one.dataset for one in wanted})
    }
    for one in wanted:
        if one.dataset not in known:
            raise NotFound("dataset", one.dataset)
    keys = list(
        dict.fromkeys(
            _Key(known[one.dataset].pk, one.branch or known[one.dataset].default_branch)
            for one in wanted
        )
    )
    branches = _read_branches(keys)
    return ChosenHeads(
        [_get_head(key, taxonomy, branches) for key in keys[:limit]], len(keys[limit:])
    )


def _default_heads(taxonomy: Taxonomy, datasets: QuerySet[Dataset], limit: int) -> ChosenHeads:
    branches = _branches().filter(
        dataset__in=datasets.filter(taxonomy=taxonomy),
        name=F("dataset__default_branch"),
        head__taxonomy_version__taxonomy=taxonomy,
    )
    found = list(branches.order_by("dataset__slug")[: limit + 1])
    left_out = branches.count() - limit if len(found) > limit else 0
    return ChosenHeads([_head_of(branch) for branch in found[:limit]], left_out)


class _Key(NamedTuple):
    dataset_id: int
    name: str


def _read_branches(keys: Sequence[_Key]) -> dict[_Key, Branch]:
    wanted = Q()
    for key in keys:
        wanted |= Q(**key._asdict())
    rows = _branches().filter(wanted) if keys else []
    return {_Key(branch.dataset_id, branch.name): branch for branch in rows}


def _get_head(key: _Key, taxonomy: Taxonomy, branches: Mapping[_Key, Branch]) -> Head:
    branch = branches.get(key)
    if branch is None:
        raise NotFound("branch", key.name)
    if branch.head is None:
        raise NotFound("version", key.name)
    own = branch.head.taxonomy_version
    if own.taxonomy_id != taxonomy.pk:
        raise TaxonomiesDiffer(own.taxonomy.slug, taxonomy.slug)
    return _head_of(branch)


def _branches() -> QuerySet[Branch]:
    return Branch.objects.select_related("dataset", "head__taxonomy_version__taxonomy")


def _head_of(branch: Branch) -> Head:
    assert branch.head is not None  # the callers saw to it
    branch.head.dataset = branch.dataset
    return Head(branch.dataset, branch.name, branch.head)
