"""The two tables of the first page of statistics, as files."""

from __future__ import annotations

from datasets_app.models import Version
from web.statistics import Statistics, read_statistics
from web.stats_place import StatsPlace
from web.stats_table import Table

_COUNTED = ("images", "segments", "crowds", "pixels")


def statistics_of(place: StatsPlace, parent: Version | None = None) -> Statistics:
    """Return the statistics beside those of the version that is named, else of the parent."""
    compared = parent if place.beside is None else place.beside.version
    measure = place.request.GET.get("of", "")
    return read_statistics(
        place.version,
        compared,
        place.split,
        **({"measure": measure} if measure in ("segments", "images") else {}),
        actor=place.request.user,
    )


def classes_table(place: StatsPlace) -> Table:
    """Return images, segments, crowds and pixels of every class, in one or two versions."""
    names = [place.side.name, *([place.beside.name] if place.beside else [])]
    rows = []
    for row in statistics_of(place).classes:
        sides = [row.count, *([row.before] if place.beside else [])]
        numbers = (
            "" if getattr(side, name) is None else getattr(side, name)
            for side in sides
            for name in _COUNTED
        )
        rows.append((row.chip.class_id, row.chip.name, row.chip.kind, *numbers))
    columns = [f"{counted} {name}" for name in names for counted in _COUNTED]
    return Table(("class_id", "class", "kind", *columns), rows)


def splits_table(place: StatsPlace) -> Table:
    """Return images, labelled and unlabelled ones, segments and pixels of every split."""
    rows = [
        (
            row.name,
            row.count.images,
            row.count.labelled,
            row.count.unlabelled,
            "" if row.count.segments is None else row.count.segments,
            row.count.pixels,
        )
        for row in statistics_of(place).splits
    ]
    return Table(("split", "images", "labelled", "unlabelled", "segments", "pixels"), rows)
