"""The classes of a taxonomy as a tree: children below parents, headings above those without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from labels_app.class_spec import ClassSpec, id_of, parent_of, successor_of
from web.classes import VOID, Chip
from web.taxonomy_words import chip_of_spec

# Deeper classes are not shown farther to the right: a page has a margin.
DEEPEST = 6


@dataclass(frozen=True)
class TreeRow:
    """One live class. `heading` is set on the first class below a heading that changes."""

    spec: ClassSpec
    chip: Chip
    depth: int
    heading: str | None = None
    parts: tuple[Chip, ...] = ()

    @property
    def externals(self) -> list[tuple[str, int | str]]:
        """The ids of the class in other lists, by scheme."""
        return sorted(self.spec.external.items())


@dataclass(frozen=True)
class RetiredRow:
    """A class that is none any more, and what its segments read as."""

    spec: ClassSpec
    chip: Chip
    into: Chip


@dataclass(frozen=True)
class ClassTree:
    """A list of classes for a page: the live ones as a tree, the retired ones by name."""

    rows: list[TreeRow]
    retired: list[RetiredRow]
    things: int = field(default=0)
    stuff: int = field(default=0)


def read_tree(classes: Iterable[ClassSpec]) -> ClassTree:
    """Return settled classes as a tree.

    Those at the top are in the order of their ids, but below a heading together, where the
    first of them would stand.
    """
    by_id = {id_of(spec): spec for spec in classes}
    places = _places(by_id)
    live = sorted(
        (spec for spec in by_id.values() if not spec.retired), key=lambda spec: places[id_of(spec)]
    )
    rows: list[TreeRow] = []
    children: dict[int | None, list[ClassSpec]] = defaultdict(list)
    for spec in live:
        above = parent_of(spec)
        children[above if above in by_id else None].append(spec)
    groups: dict[str, list[ClassSpec]] = defaultdict(list)
    for spec in children[None]:
        groups[spec.heading].append(spec)
    has_headings = any(groups.keys() - {""})
    for heading in sorted(groups, key=lambda heading: heading != ""):
        shown = heading or "No heading"
        for place, spec in enumerate(groups[heading]):
            label = shown if has_headings and not place else None
            _descend(rows, spec, 0, label, children, by_id)
    return ClassTree(
        rows,
        [
            RetiredRow(spec, chip_of_spec(spec), _successor(spec, by_id))
            for spec in sorted(by_id.values(), key=lambda spec: spec.name)
            if spec.retired
        ],
        sum(spec.kind == "thing" for spec in live),
        sum(spec.kind == "stuff" for spec in live),
    )


def find_rows(tree: ClassTree, text: str) -> list[TreeRow]:
    """Return the rows whose name, synonym or number holds a text; all of them for none."""
    wanted = text.strip().casefold()
    return [
        row
        for row in tree.rows
        if wanted in row.spec.name.casefold()
        or wanted == str(row.spec.class_id)
        or any(wanted in synonym.casefold() for synonym in row.spec.synonyms)
    ]


def _places(by_id: Mapping[int, ClassSpec]) -> dict[int, int]:
    """Return where classes stand: by id, a flipped one where it stood before its flip."""
    places = {class_id: class_id for class_id in by_id}
    for class_id, spec in by_id.items():
        successor = successor_of(spec)
        if successor is not None and by_id[successor].name == spec.name:
            places[successor] = min(places[successor], class_id)
    return places


def _descend(
    rows: list[TreeRow],
    spec: ClassSpec,
    depth: int,
    heading: str | None,
    children: Mapping[int | None, list[ClassSpec]],
    by_id: Mapping[int, ClassSpec],
) -> None:
    parts = tuple(
        chip_of_spec(by_id[part])
        for part in spec.split_into
        if isinstance(part, int) and part in by_id
    )
    rows.append(TreeRow(spec, chip_of_spec(spec), min(depth, DEEPEST), heading, parts))
    for child in children.get(id_of(spec), ()):
        _descend(rows, child, depth + 1, None, children, by_id)


def _successor(spec: ClassSpec, by_id: Mapping[int, ClassSpec]) -> Chip:
    successor = successor_of(spec)
    return VOID if successor is None else chip_of_spec(by_id[successor])
