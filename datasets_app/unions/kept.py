"""Unions that were counted before: of the version itself, or of one it descends from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.db import connection

from datasets_app.entries import decode_entry
from datasets_app.models import Change, ChangeSet, UnionCount, Version, VersionParent
from datasets_app.unions.label_table import LabelTable, sum_over_labels
from datasets_app.unions.sources import Counts, SourceSet, digest_of

# How far back a count is looked for. Beyond, counting anew is as cheap.
GENERATIONS = 64
CHANGES_AT_ONCE = 20_000


def find_kept(version: Version, sets: Collection[SourceSet]) -> Counts:
    """Return what is kept of these sets; one query."""
    digests = {digest_of(sources): sources for sources in sets}
    rows = UnionCount.objects.filter(version=version, sources__in=list(digests))
    return {digests[digest]: images for digest, images in rows.values_list("sources", "images")}


def keep_counts(version: Version, counts: Counts) -> None:
    """Keep counts; what is kept already stays, since it is the same."""
    if counts:
        UnionCount.objects.bulk_create(
            [
                UnionCount(version=version, sources=digest_of(sources), images=images)
                for sources, images in counts.items()
            ],
            ignore_conflicts=True,
        )


def derive_counts(version: Version, sets: Collection[SourceSet]) -> Counts:
    """Count the sets that an ancestor has, by what changed since; the others are left out.

    The ancestors are those along first parents, up to `GENERATIONS` and `CHANGES_AT_ONCE`
    changes back. Three queries and one per 5,000 labels; two where nothing changed.
    """
    line = _read_line(version)
    bases = _nearest_counts(line, sets)
    weights = _weigh_changes(line[: max((base.steps for base in bases.values()), default=0)])
    by_steps: dict[int, list[SourceSet]] = defaultdict(list)
    for sources, base in bases.items():
        by_steps[base.steps].append(sources)
    counts: Counts = {}
    for steps, of_base in by_steps.items():
        since: Counter[tuple[str, bytes]] = Counter()
        for step in line[:steps]:
            since.update(weights[step.change_set_id])
        # What was changed back and forth, or kept its label and split, is read by nobody.
        since = Counter({key: weight for key, weight in since.items() if weight})
        deltas = sum_over_labels(since, of_base, LabelTable.holds)
        for place, sources in enumerate(of_base):
            images = Counter(bases[sources].images)
            images.update({split: int(row[place]) for split, row in deltas.items()})
            counts[sources] = {split: number for split, number in images.items() if number}
    return counts


class _Step(NamedTuple):
    """A version of the line, the change set that made it, and how long that is."""

    version_id: int
    change_set_id: int
    changes: int


class _Base(NamedTuple):
    """What an ancestor has of a set, `steps` generations back."""

    steps: int
    images: Mapping[str, int]


def _read_line(version: Version) -> list[_Step]:
    """Return a version and the ancestors that are near enough, newest first; one query."""
    links, versions, change_sets = (
        connection.ops.quote_name(model._meta.db_table)
        for model in (VersionParent, Version, ChangeSet)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE line(id, step) AS (SELECT CAST(%s AS bigint), 0 UNION ALL"
            f" SELECT p.parent_id, line.step + 1 FROM {links} p"
            " JOIN line ON p.version_id = line.id AND p.position = 0 WHERE line.step < %s)"
            " SELECT v.id, s.id, s.added + s.removed + s.changed FROM line"
            f" JOIN {versions} v ON v.id = line.id JOIN {change_sets} s ON s.id = v.change_set_id"
            " ORDER BY line.step",
            [version.pk, GENERATIONS],
        )
        rows = cursor.fetchall()
    line: list[_Step] = []
    between = 0  # changes from the step to the version that is asked for
    for step in map(_Step._make, rows):
        if between > CHANGES_AT_ONCE:
            break
        line.append(step)
        between += step.changes
    return line


def _nearest_counts(line: list[_Step], sets: Collection[SourceSet]) -> dict[SourceSet, _Base]:
    digests = {digest_of(sources): sources for sources in sets}
    steps = {step.version_id: number for number, step in enumerate(line)}
    nearest: dict[SourceSet, _Base] = {}
    rows = UnionCount.objects.filter(version__in=list(steps), sources__in=list(digests))
    for version_id, digest, images in rows.values_list("version_id", "sources", "images"):
        sources, base = digests[digest], _Base(steps[version_id], images)
        if sources not in nearest or base.steps < nearest[sources].steps:
            nearest[sources] = base
    return nearest


def _weigh_changes(line: list[_Step]) -> dict[int, Counter[tuple[str, bytes]]]:
    """Return by change set how often each label came to a split (+) or left it (-)."""
    weights: dict[int, Counter[tuple[str, bytes]]] = {
        step.change_set_id: Counter() for step in line
    }
    longer = [step.change_set_id for step in line if step.changes]
    if not longer:
        return weights
    rows = Change.objects.filter(change_set__in=longer)
    for change_set_id, *sides in rows.values_list("change_set_id", "old_entry", "new_entry"):
        for data, weight in zip(sides, (-1, +1), strict=True):
            entry = None if data is None else decode_entry(bytes(data))
            if entry is not None and entry.label is not None:
                weights[change_set_id][entry.split, entry.label] += weight
    return weights
