"""The rows of a version log: versions with their graph, names, changes and class distributions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet, Sum

from datasets_app.models import Branch, Dataset, Tag, Version, VersionClassStats
from labels_app.models import TaxonomyVersion
from labels_app.reading import reading_of
from web.bars import BarPart, stacked_bar
from web.classes import Chip, stored_chip
from web.version_graph import Graph, GraphRow, draw_graph, lanes_of, parse_lanes


@dataclass(frozen=True)
class LogRow:
    """One version of a log; `bar` is its pixels by class, `branches` are those that point at it."""

    version: Version
    graph: GraphRow
    parents: list[Version]
    branches: list[str]
    tags: list[str]
    bar: list[BarPart]

    @property
    def moved_from(self) -> TaxonomyVersion | None:
        """The taxonomy version of the first parent, where this version reads by another one."""
        if not self.parents:
            return None
        before = self.parents[0].taxonomy_version
        return None if before == self.version.taxonomy_version else before


@dataclass(frozen=True)
class LogPage:
    """A page of a log. `legend` are the classes of its bars; `following` goes on."""

    rows: list[LogRow]
    legend: list[Chip]
    graph_width: int
    following: str | None


def read_log(dataset: Dataset, heads: list[int], after: str, limit: int) -> LogPage:
    """Return up to `limit` versions that lead to those of these numbers, the newest first.

    `after` is what the page before said; "", and what no page said, starts at the heads.
    """
    lanes = parse_lanes(after) if after else None
    graph = draw_graph(dataset, lanes or lanes_of(heads), limit)
    numbers = [row.number for row in graph.rows]
    found = Version.objects.with_parents().filter(dataset=dataset, number__in=numbers)
    versions = {version.number: version for version in found.prefetch_related("change_set")}
    for version in versions.values():
        version.dataset = dataset
    return _with_facts(graph, versions)


def _with_facts(graph: Graph, versions: dict[int, Version]) -> LogPage:
    shown = [row for row in graph.rows if row.number in versions]
    if not shown:
        return LogPage([], [], graph.width, None)
    branches = _names(Branch.objects.filter(head__in=versions.values()), "head_id")
    tags = _names(Tag.objects.filter(version__in=versions.values()), "version_id")
    # One taxonomy for all rows, the newest: a colour then means the same in every bar.
    reading = reading_of(versions[shown[0].number].taxonomy_version)
    pixels: dict[int, dict[Chip, int]] = defaultdict(lambda: defaultdict(int))
    overall: dict[Chip, int] = defaultdict(int)
    counted = (
        VersionClassStats.objects.filter(version__in=versions.values())
        .values_list("version_id", "class_id")
        .order_by("version_id", "class_id")
        .annotate(total=Sum("pixels"))
    )
    for key, class_id, total in counted:
        chip = stored_chip(reading, class_id)
        pixels[key][chip] += int(total)
        overall[chip] += int(total)
    # The largest class of the page first, in every row: bars can be read down the page.
    legend = sorted(overall, key=lambda chip: (not chip.class_id, -overall[chip]))
    rows = []
    for row in shown:
        version = versions[row.number]
        rows.append(
            LogRow(
                version,
                row,
                [link.parent for link in version.parent_links.all()],
                branches[version.pk],
                tags[version.pk],
                stacked_bar((chip, pixels[version.pk][chip]) for chip in legend),
            )
        )
    return LogPage(rows, legend, graph.width, graph.following)


def _names(rows: QuerySet[Any], key: str) -> defaultdict[int, list[str]]:
    names: defaultdict[int, list[str]] = defaultdict(list)
    for version, name in rows.order_by("name").values_list(key, "name"):
        names[version].append(name)
    return names
