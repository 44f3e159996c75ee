"""The filter of the list of changed images as chips: each leads to the list with it, or without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from datasets_app.changed_lists import ChangedFilter, ListOrder
from datasets_app.models.pixel_comparison import PixelComparison
from labels_app.reading import Reading
from web.classes import VOID, Chip, chip_of, chips_of
from web.comparing.kinds import (
    CHANGE_KINDS,
    FACETS,
    IMAGE_KINDS,
    KIND_FLIPS,
    SEVERITIES,
    KindWords,
)
from web.comparing.listing import ORDER_WORDS, query_of

_MOST_CLASSES = 10


class FilterChip(NamedTuple):
    """One value of a parameter, with the images it stands for in the whole comparison.

    count : None where it is not counted
    query : the list with it, or without it where it `is_on`
    """

    words: KindWords | None
    classes: list[Chip]
    text: str
    count: int | None
    query: str
    is_on: bool


class FilterGroup(NamedTuple):
    """The values of one parameter that the comparison has: alternatives to each other."""

    name: str
    title: str
    chips: list[FilterChip]
    is_on: bool


class OrderLink(NamedTuple):
    """One order of the list."""

    word: str
    meaning: str
    query: str
    is_on: bool


class FilterBar(NamedTuple):
    """All that a page offers to filter and sort by.

    other_classes : those that something left or joined and that have no chip
    kept : the parameters that a form for one class more has to keep
    """

    groups: list[FilterGroup]
    orders: list[OrderLink]
    other_classes: list[Chip]
    kept: list[tuple[str, str]]
    cleared: str


def read_filter_bar(
    comparison: PixelComparison, wanted: ChangedFilter, reading: Reading
) -> FilterBar:
    """Return the chips of a comparison that is ready: what it has, and what is asked for."""
    counts = comparison.image_counts
    classes = _counted_classes(counts, reading)
    chosen = [row for row in classes if _is_chosen(wanted, row[0])]
    first = [*chosen, *(row for row in classes if row not in chosen)][:_MOST_CLASSES]
    groups = [
        _group("kind", "Images", IMAGE_KINDS.values(), counts, wanted),
        _group(
            "change", "Segments", [*CHANGE_KINDS.values(), *KIND_FLIPS.values()], counts, wanted
        ),
        _group("severity", "How much", SEVERITIES.values(), counts, wanted),
        FilterGroup("facet", "Differs in", _facets(counts, wanted), wanted_any(wanted, "facet")),
        FilterGroup(
            "class", "Class", [_class(*row, wanted) for row in first], wanted_any(wanted, "class")
        ),
        FilterGroup("flow", "Became", _flows(wanted, reading), wanted_any(wanted, "flow")),
    ]
    cleared = ChangedFilter(unit=wanted.unit, order=wanted.order)
    return FilterBar(
        groups=[group for group in groups if len(group.chips) > 1 or group.is_on],
        orders=[_order(order, wanted) for order in ListOrder],
        other_classes=sorted(
            (chip for chip, _ in classes[len(first) :]), key=lambda chip: chip.name
        ),
        kept=wanted.pairs(),
        cleared=query_of(cleared) or "?",
    )


def wanted_any(wanted: ChangedFilter, name: str) -> bool:
    """Say whether a filter asks for anything of a parameter."""
    return bool(wanted.values.get(name))


def _group(
    name: str,
    title: str,
    words: Iterable[KindWords],
    counts: dict[str, int],
    wanted: ChangedFilter,
) -> FilterGroup:
    chips = [
        FilterChip(
            one,
            [],
            one.word,
            counts.get(f"{name}:{one.value}", 0),
            _toggled(wanted, name, one.value),
            wanted.has(name, one.value),
        )
        for one in words
        if counts.get(f"{name}:{one.value}") or wanted.has(name, one.value)
    ]
    return FilterGroup(name, title, chips, wanted_any(wanted, name))


def _facets(counts: dict[str, int], wanted: ChangedFilter) -> list[FilterChip]:
    return [
        FilterChip(
            None,
            [],
            facet,
            counts.get(f"facet:{facet}", 0),
            _toggled(wanted, "facet", facet),
            wanted.has("facet", facet),
        )
        for facet in FACETS
        if counts.get(f"facet:{facet}") or wanted.has("facet", facet)
    ]


def _counted_classes(counts: dict[str, int], reading: Reading) -> list[tuple[Chip, int]]:
    """Return the classes that something left or joined, those in most images first."""
    found = [(chip, counts.get(f"class:{chip.class_id}", 0)) for chip in chips_of(reading)]
    return sorted((row for row in found if row[1]), key=lambda row: -row[1])


def _is_chosen(wanted: ChangedFilter, chip: Chip) -> bool:
    return wanted.has("class", str(chip.class_id)) or wanted.has("class", chip.name)


def _class(chip: Chip, count: int, wanted: ChangedFilter) -> FilterChip:
    # A class may be asked for by its name; then that is what leaves the URL again.
    value = chip.name if wanted.has("class", chip.name) else str(chip.class_id)
    query = _toggled(wanted, "class", value)
    return FilterChip(None, [chip], chip.name, count, query, wanted.has("class", value))


def _flows(wanted: ChangedFilter, reading: Reading) -> list[FilterChip]:
    chips = []
    for value in wanted.values.get("flow", ()):
        old, new = (chip_of(reading, int(class_id)) for class_id in value.split("-"))
        text = f"{flow_name(old, wanted)} → {flow_name(new, wanted)}"
        chips.append(
            FilterChip(None, [old, new], text, None, _toggled(wanted, "flow", value), True)
        )
    return chips


def flow_name(chip: Chip, wanted: ChangedFilter) -> str:
    """Return the name of one end of a flow: void has pixels, a segment may have no partner."""
    return "no partner" if chip == VOID and wanted.unit == "segments" else chip.name


def _toggled(wanted: ChangedFilter, name: str, value: str) -> str:
    # An empty query would be the address of the page as it is, with its query.
    return query_of(wanted.toggled(name, value)) or "?"


def _order(order: ListOrder, wanted: ChangedFilter) -> OrderLink:
    word, meaning = ORDER_WORDS[order]
    query = query_of(ChangedFilter(wanted.values, wanted.unit, order)) or "?"
    return OrderLink(word, meaning, query, order == wanted.order)
