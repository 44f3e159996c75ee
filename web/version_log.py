"""The rows of a version log: versions with their tags, changes and class distributions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Sum, prefetch_related_objects

from datasets_app.changelog import log
from datasets_app.models import Branch, Tag, Version, VersionClassStats
from labels_app.models import TaxonomyVersion
from labels_app.reading import reading_of
from web.bars import BarPart, stacked_bar
from web.classes import Chip, stored_chip


@dataclass(frozen=True)
class LogRow:
    """One version of a log; `bar` is its pixels by class."""

    version: Version
    parents: list[Version]
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
    """A page of a branch. `legend` are the classes of its bars; `following` goes on."""

    branch: str
    head: Version | None
    rows: list[LogRow]
    legend: list[Chip]
    following: int | None


def read_log(branch: Branch, after: str, limit: int) -> LogPage:
    """Return up to `limit` versions of a branch, newest first.

    `after` is the number of the last version seen, or "". A number that is none of this
    dataset starts at the head.
    """
    if branch.head is None:
        return LogPage(branch.name, None, [], [], None)
    start = _start(branch, after)
    found = log(start or branch.head, limit=limit + 1, skip_first=start is not None)
    shown = found[:limit]
    for version in shown:
        version.dataset = branch.dataset
    prefetch_related_objects(shown, "change_set")
    rows, legend = _with_facts(shown)
    following = shown[-1].number if len(found) > limit else None
    head = branch.head
    head.dataset = branch.dataset
    return LogPage(branch.name, head, rows, legend, following)


def _start(branch: Branch, after: str) -> Version | None:
    if not after.isascii() or not after.isdigit() or len(after) > 9:
        return None
    return Version.objects.filter(dataset=branch.dataset_id, number=int(after)).first()


def _with_facts(versions: list[Version]) -> tuple[list[LogRow], list[Chip]]:
    tags = defaultdict(list)
    for key, name in Tag.objects.filter(version__in=versions).values_list("version_id", "name"):
        tags[key].append(name)
    if not versions:
        return [], []
    # One taxonomy for all rows, the newest: a colour then means the same in every bar.
    reading = reading_of(versions[0].taxonomy_version)
    pixels: dict[int, dict[Chip, int]] = defaultdict(lambda: defaultdict(int))
    overall: dict[Chip, int] = defaultdict(int)
    counted = (
        VersionClassStats.objects.filter(version__in=versions)
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
    rows = [
        LogRow(
            version,
            [link.parent for link in version.parent_links.all()],
            sorted(tags[version.pk]),
            stacked_bar((chip, pixels[version.pk][chip]) for chip in legend),
        )
        for version in versions
    ]
    return rows, legend
