"""Classes as pages show them: a name, a kind and a colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from labels_app.classes import ClassSpec
from labels_app.reading import Reading

VOID_COLOR = "#8a919b"


class Chip(NamedTuple):
    """A class. Void is class 0 and of no kind."""

    class_id: int
    name: str
    kind: str
    color: str


VOID = Chip(0, "void", "", VOID_COLOR)


def chip_of(reading: Reading, class_id: int | None) -> Chip:
    """Return a live class of the taxonomy one reads by; 0, None and what is unknown are void."""
    spec = reading.classes.get(class_id) if class_id else None
    return VOID if spec is None else _chip(spec)


def stored_chip(reading: Reading, class_id: int) -> Chip:
    """Return the live class that a stored id reads as; 0 and what is unknown are void."""
    return chip_of(reading, reading.live_of.get(class_id))


def chips_of(reading: Reading) -> list[Chip]:
    """Return the live classes by name."""
    return sorted((_chip(spec) for spec in reading.live_classes), key=lambda chip: chip.name)


def stored_ids(reading: Reading, class_id: int) -> tuple[int, ...]:
    """Return the ids, in labels, of what reads as a live class."""
    return tuple(stored for stored, live in reading.live_of.items() if live == class_id)


def sorted_chips(chips: Iterable[Chip]) -> list[Chip]:
    """Return chips in the order of tables: things, stuff, void; each by name."""
    order = {"thing": 0, "stuff": 1}
    return sorted(set(chips), key=lambda chip: (order.get(chip.kind, 2), chip.name))


def _chip(spec: ClassSpec) -> Chip:
    assert spec.class_id is not None
    return Chip(spec.class_id, spec.name, str(spec.kind), spec.color)
