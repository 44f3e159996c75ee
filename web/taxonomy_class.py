"""One class of a taxonomy: its family, where it is used, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Q

from datasets_app.class_usage import BranchUsage, ClassUsage, UsageAt
from datasets_app.models import Version
from datasets_app.segment_crops import SegmentSample, sample_segments
from labels_app.class_spec import ClassSpec, id_of, parent_of, successor_of
from labels_app.models import LabelClass, Taxonomy, TaxonomyVersion
from labels_app.reading import Reading, reading_of, spec_of
from labels_app.taxonomy_diff import diff_classes
from web.class_plots import LinePlot, Sample, plot_line
from web.classes import VOID, Chip
from web.taxonomy_words import Sentence, chip_of_spec, tell_changes

MEASURES = ("segments", "images", "pixels")
# What is told of a class: this many of the versions that touched it, among as many of the last.
MOST_TOLD, _VERSIONS_LOOKED_AT = 12, 200


@dataclass(frozen=True)
class Family:
    """The classes that a class belongs with, by name in lists, from the top in `path`.

    `into` is what a retired class reads as, `members` the retired ones that read as this one,
    `parts` what it is split into, `split_from` what it is a part of.
    """

    path: list[Chip]
    children: list[Chip]
    into: Chip | None
    members: list[Chip]
    parts: list[Chip]
    split_from: list[Chip]


class UsedRow(NamedTuple):
    """One branch of the table. `is_listed`: its image list knows the class by this id."""

    usage: BranchUsage
    name: str
    is_listed: bool


class Told(NamedTuple):
    """What a taxonomy version did to the class; no sentences for the one that began with it."""

    version: TaxonomyVersion
    sentences: list[Sentence]


class Crop(NamedTuple):
    """A segment to show; `file` is the path of its picture below that of its image."""

    sample: SegmentSample
    file: str


def read_family(spec: ClassSpec, reading: Reading) -> Family:
    """Return the classes that a class belongs with; no queries."""
    own = id_of(spec)
    classes = reading.classes
    path: list[Chip] = []
    above = parent_of(spec)
    while above is not None and above in classes:
        path.insert(0, chip_of_spec(classes[above]))
        above = parent_of(classes[above])
    successor = successor_of(spec)
    into = None
    if spec.retired:
        into = VOID if successor is None else chip_of_spec(classes[successor])
    return Family(
        path,
        _chips(one for one in reading.live_classes if parent_of(one) == own),
        into,
        _chips(one for one in classes.values() if one.retired and successor_of(one) == own),
        _chips(classes[one] for one in spec.split_into if isinstance(one, int)),
        _chips(one for one in reading.live_classes if own in one.split_into),
    )


def used_rows(usage: ClassUsage) -> list[UsedRow]:
    """Return the branches of a class, those that hold any of it first."""
    class_id = id_of(usage.spec)
    rows = []
    for one in usage.branches:
        own = reading_of(one.head.version.taxonomy_version)
        name = f"{one.head.dataset.slug}/{one.head.branch}"
        rows.append(UsedRow(one, name, bool(own.sources_of.get(class_id))))
    return sorted(rows, key=lambda row: row.usage.totals.pixels == 0)


def plot_history(history: list[UsageAt], measure: str) -> LinePlot:
    """Return the plot of what versions held of a class."""
    return plot_line(
        [
            Sample(
                f"v{one.version.number}",
                value := getattr(one.totals, measure),
                f"v{one.version.number}: "
                + ("not counted" if value is None else f"{value:,} {measure}"),
            )
            for one in history
        ]
    )


def find_crops(version: Version, class_id: int, reading: Reading, *, wanted: int) -> list[Crop]:
    """Return a few segments of a live class, to be shown."""
    return [
        Crop(one, f"segments/{one.segment_id}/crop.webp")
        for one in sample_segments(version, class_id, reading, wanted=wanted)
    ]


def tell_class(taxonomy: Taxonomy, class_id: int) -> list[Told]:
    """Return what the last versions of a taxonomy did to a class, newest first.

    Three queries: rows of the class say which versions can have touched it, and only those are
    compared with the ones before them.
    """
    versions = list(
        taxonomy.versions.select_related("author").order_by("-number")[:_VERSIONS_LOOKED_AT]
    )[::-1]
    near = _rows_near(versions, class_id)
    touching = [
        place
        for place in range(1, len(versions))
        if near[versions[place].pk] != near[versions[place - 1].pk]
    ][-MOST_TOLD:]
    classes = _classes_of({versions[one].pk for place in touching for one in (place - 1, place)})
    told = []
    for place in reversed(touching):
        old, new = (classes[versions[one].pk] for one in (place - 1, place))
        changes = [
            change
            for change in diff_classes(old.values(), new.values())
            if class_id in (change.class_id, *change.sources, *change.into)
        ]
        told.append(Told(versions[place], tell_changes(changes, old, new)))
    if versions and versions[0].number == 1 and class_id in near[versions[0].pk]:
        told.append(Told(versions[0], []))
    return [one for one in told if one.sentences or one.version.number == 1]


def _chips(specs: Iterable[ClassSpec]) -> list[Chip]:
    return sorted(map(chip_of_spec, specs), key=lambda chip: chip.name.casefold())


def _rows_near(
    versions: Collection[TaxonomyVersion], class_id: int
) -> Mapping[int, dict[int, ClassSpec]]:
    """Return for each version the class, and those that forward to it; one query."""
    found: dict[int, dict[int, ClassSpec]] = defaultdict(dict)
    rows = LabelClass.objects.filter(version__in=[one.pk for one in versions]).filter(
        Q(class_id=class_id) | Q(forwards_to=class_id)
    )
    for row in rows:
        found[row.version_id][row.class_id] = spec_of(row)
    return found


def _classes_of(versions: Collection[int]) -> Mapping[int, dict[int, ClassSpec]]:
    found: dict[int, dict[int, ClassSpec]] = defaultdict(dict)
    for row in LabelClass.objects.filter(version__in=versions).order_by("class_id"):
        found[row.version_id][row.class_id] = spec_of(row)
    return found
