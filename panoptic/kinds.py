"""Which classes are stuff: all that diff and metrics need to know of a taxonomy."""

from __future__ import annotations

from typing import NamedTuple


class Kinds(NamedTuple):
    """The kinds of the classes one reads by: `stuff` class ids; every other class is a thing."""

    stuff: frozenset[int] = frozenset()

    def is_stuff(self, class_id: int) -> bool:
        return class_id in self.stuff


ALL_THINGS = Kinds()
