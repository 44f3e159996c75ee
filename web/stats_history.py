"""Classes over the versions of a line, as curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from datasets_app.changelog import log
from datasets_app.models import Version, VersionClassStats, VersionSplitStats
from datasets_app.stats import ClassCount, LiveClassCount, get_live_stats, read_under
from web.classes import Chip
from web.stats_place import StatsPlace
from web.stats_plots import Curves, plot_curves
from web.stats_table import Table

MEASURES = ("segments", "images", "pixels", "unlabelled")
MOST_VERSIONS = 100
_FIRST_CLASSES, MOST_CLASSES = 5, 8
_OF_IMAGES = "var(--quiet)"


class Removable(NamedTuple):
    """A class that is drawn, and the query of the page without it."""

    chip: Chip
    without: str


class HistoryRow(NamedTuple):
    """One version of the table."""

    version: Version
    values: list[int | None]


@dataclass(frozen=True)
class History:
    """What the page shows; `names` are the lines, `chips` the classes among them."""

    measure: str
    plot: Curves
    names: list[str]
    chips: list[Chip]
    rows: list[HistoryRow]
    has_gaps: bool
    is_cut: bool
    removable: list[Removable]
    measures: tuple[str, ...] = MEASURES


def read_history(place: StatsPlace) -> History:
    """Return the page of the chosen classes, or of those with most of what is counted.

    Seven queries at most for its numbers, whatever the versions are; what would need images to
    be counted is None.
    """
    measure = place.request.GET.get("of", "")
    measure = measure if measure in MEASURES else MEASURES[0]
    line = log(place.version, limit=MOST_VERSIONS + 1)[::-1]
    is_cut = len(line) > MOST_VERSIONS
    line = line[-MOST_VERSIONS:]
    if measure == "unlabelled":
        return _of_images(place, line, is_cut)
    counts = _read_counts(place, line)
    newest = counts[place.version.pk]
    chips = (
        place.chosen[:MOST_CLASSES]
        or [
            place.chip_of(class_id)
            for class_id in sorted(
                newest, key=lambda one: (-(_value(newest[one], measure) or 0), one)
            )
            if class_id
        ][:_FIRST_CLASSES]
    )
    values = {
        chip: [_value(counts[version.pk].get(chip.class_id), measure) for version in line]
        for chip in chips
    }
    names = [f"v{version.number}" for version in line]
    return History(
        measure,
        plot_curves(names, [(chip.name, chip.color, values[chip]) for chip in chips]),
        [chip.name for chip in chips],
        chips,
        [
            HistoryRow(version, [values[chip][number] for chip in chips])
            for number, version in enumerate(line)
        ][::-1],
        any(None in column for column in values.values()),
        is_cut,
        [
            Removable(chip, _query(place, measure, [one for one in chips if one != chip]))
            for chip in chips
            if len(chips) > 1
        ],
    )


def history_table(place: StatsPlace) -> Table:
    """Return the numbers of the page, oldest first; what nobody counted is empty."""
    page = read_history(place)
    rows = [
        (row.version.number, row.version.id_hex, row.version.message, *row.values)
        for row in reversed(page.rows)
    ]
    names = [f"{page.measure} of {name}" for name in page.names]
    return Table(("number", "version", "message", *names), rows)


def _of_images(place: StatsPlace, line: list[Version], is_cut: bool) -> History:
    """Return the page of labelled and unlabelled images."""
    numbers: dict[int, list[int | None]] = {version.pk: [0, 0] for version in line}
    rows = VersionSplitStats.objects.filter(version__in=list(numbers))
    if place.split is not None:
        rows = rows.filter(split=place.split)
    for version, *of_split in rows.values_list("version", "images", "unlabelled"):
        numbers[version] = [(a or 0) + b for a, b in zip(numbers[version], of_split, strict=True)]
    names = ["all images", "unlabelled images"]
    columns = list(zip(*(numbers[version.pk] for version in line), strict=True))
    return History(
        "unlabelled",
        plot_curves(
            [f"v{version.number}" for version in line],
            [
                (names[0], _OF_IMAGES, columns[0]),
                (names[1], "var(--accent)", columns[1]),
            ],
        ),
        names,
        [],
        [HistoryRow(version, numbers[version.pk]) for version in reversed(line)],
        False,
        is_cut,
        [],
    )


def _read_counts(
    place: StatsPlace, line: list[Version]
) -> Mapping[int, Mapping[int, LiveClassCount]]:
    """Return what each version holds of each class, all by the taxonomy of the page."""
    stored: dict[int, list[ClassCount]] = {version.pk: [] for version in line}
    rows = VersionClassStats.objects.filter(version__in=list(stored))
    if place.split is not None:
        rows = rows.filter(split=place.split)
    for version, *row in rows.values_list("version", *ClassCount._fields):
        count = ClassCount(*row)
        if count.class_id == 0 or count.class_id in place.reading.live_of:
            stored[version].append(count)
    found = {
        version: _over_splits(read_under(of_version, place.reading))
        for version, of_version in stored.items()
    }
    # Unions of several stored classes are counted for the version itself, mostly.
    stats = get_live_stats(place.version, place.reading, actor=place.request.user)
    counted = stats.over_splits if place.split is None else stats.classes
    found[place.version.pk] = {
        row.class_id: row for row in counted if place.split in (None, row.split)
    }
    return found


def _over_splits(rows: Iterable[LiveClassCount]) -> dict[int, LiveClassCount]:
    found: dict[int, LiveClassCount] = {}
    for row in rows:
        before = found.get(row.class_id)
        found[row.class_id] = row if before is None else _plus(before, row)
    return found


def _plus(one: LiveClassCount, other: LiveClassCount) -> LiveClassCount:
    sums = [
        None if a is None or b is None else a + b for a, b in zip(one[2:], other[2:], strict=True)
    ]
    return LiveClassCount(one.split, one.class_id, *sums)  # type: ignore[arg-type]


def _value(count: LiveClassCount | None, measure: str) -> int | None:
    if count is None:
        return 0
    number: int | None = getattr(count, measure)
    return number


def _query(place: StatsPlace, measure: str, chips: list[Chip]) -> str:
    kept = [("of", measure), *(("class", str(chip.class_id)) for chip in chips)]
    if place.split is not None:
        kept.append(("split", place.split))
    return f"?{urlencode(kept)}"
