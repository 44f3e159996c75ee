"""How stored class ids read under a taxonomy version (RULES 2 and 5).

Labels keep the class ids that they were made with; a `Reading` says what those mean now.
It is a pure value: one query makes it, and it answers for millions of labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np

from labels_app.classes import ClassSpec, classes_digest, parent_of, successor_of
from labels_app.errors import UnknownScheme
from labels_app.models import LabelClass, TaxonomyVersion
from panoptic.errors import UnknownClass
from panoptic.kinds import Kinds
from panoptic.label import ClassCounts
from panoptic.views import ClassMap

READINGS_KEPT = 64
HIGHEST_VALUE = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Reading:
    """The classes of one taxonomy version by id, retired ones included.

    Two readings are equal when their digests are: the digest covers every class.
    """

    digest: bytes
    classes: Mapping[int, ClassSpec]

    @classmethod
    def from_classes(cls, classes: Iterable[ClassSpec]) -> Reading:
        """Make a reading from settled classes."""
        ordered = sorted(classes, key=lambda spec: spec.class_id or 0)
        by_id = {spec.class_id: spec for spec in ordered if spec.class_id is not None}
        return cls(classes_digest(ordered), MappingProxyType(by_id))

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Reading) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def live_of(self) -> Mapping[int, int | None]:
        """The live class that each class id ever used reads as; None is void."""
        return MappingProxyType(
            {
                class_id: successor_of(spec) if spec.retired else class_id
                for class_id, spec in self.classes.items()
            }
        )

    @cached_property
    def live_classes(self) -> tuple[ClassSpec, ...]:
        """The classes that new segments may have, by id."""
        return tuple(spec for spec in self.classes.values() if not spec.retired)

    @cached_property
    def kinds(self) -> Kinds:
        """The class ids that read as stuff: live stuff classes and what forwards to them."""
        return Kinds(self._ids_of_kind("stuff"))

    @cached_property
    def thing_ids(self) -> frozenset[int]:
        """The class ids that read as things: live thing classes and what forwards to them."""
        return self._ids_of_kind("thing")

    def _ids_of_kind(self, kind: str) -> frozenset[int]:
        return frozenset(
            class_id
            for class_id, live in self.live_of.items()
            if live is not None and self.classes[live].kind == kind
        )

    def find(self, class_id: int) -> ClassSpec | None:
        """Return the live class that a stored id reads as, None for void.

        Raises
        ------
        UnknownClass
            The taxonomy never had this class.
        """
        if class_id not in self.classes:
            raise UnknownClass(class_id, where="taxonomy")
        live = self.live_of[class_id]
        return None if live is None else self.classes[live]

    def unknown_of(self, class_ids: Iterable[int]) -> list[int]:
        """Return those ids, in order, that the taxonomy never had."""
        return sorted({int(class_id) for class_id in class_ids} - self.classes.keys())

    def heading_of(self, class_id: int) -> str:
        """Return the name that stands above a class: its parent's, else its heading."""
        spec = self.classes[class_id]
        parent = parent_of(spec)
        return spec.heading if parent is None else self.classes[parent].name

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """The schemes in which at least one live class has an id."""
        return tuple(sorted({scheme for spec in self.live_classes for scheme in spec.external}))

    def class_map(self, scheme: str | None = None, void: int = 0) -> ClassMap:
        """Map stored class ids to live ones (`scheme` None) or to the ids of a scheme.

        What reads as void, and a class that has no id of 0 or more in the scheme, becomes
        `void`.

        Raises
        ------
        UnknownScheme
            No live class has an id in the scheme, or one of them is not a number.
        """
        return _class_map(self, scheme, void)

    def counts_under(self, counts: ClassCounts) -> ClassCounts:
        """Return what the counts of **one** label are under this taxonomy (RULES 5.5).

        Pixels and things add. The stuff of one class is one segment of the label, however
        many were stored; so the counts of several labels must not be summed before.

        Raises
        ------
        UnknownClass
            The label holds a class that the taxonomy never had.
        """
        lives = [self.find(class_id) for class_id in counts.class_ids.tolist()]
        live = np.array([spec.class_id if spec else 0 for spec in lives], np.uint32)
        class_ids, rows = np.unique(live, return_inverse=True)
        segments, crowds, pixels = (
            _sums(rows, column, class_ids.size)
            for column in (counts.segments, counts.crowds, counts.pixels)
        )
        stuff = np.isin(class_ids, list(self.kinds.stuff))
        segments[stuff] = np.minimum(segments[stuff], 1)
        crowds[stuff] = 0
        kept = class_ids != 0
        return ClassCounts(
            class_ids=class_ids[kept],
            segments=segments[kept],
            crowds=crowds[kept],
            pixels=pixels[kept],
            void_pixels=counts.void_pixels + int(pixels[~kept].sum()),
        )


def reading_of(version: TaxonomyVersion) -> Reading:
    """Return the reading of a taxonomy version; one query, none if it was asked for lately."""
    # The digest is in the key: numbers of rows come back after a rollback, and in tests.
    return _reading_of(bytes(version.digest), version.pk)


@lru_cache(maxsize=READINGS_KEPT)
def _reading_of(digest: bytes, version_pk: int) -> Reading:
    rows = LabelClass.objects.filter(version_id=version_pk).order_by("class_id")
    return Reading(digest, MappingProxyType({row.class_id: spec_of(row) for row in rows}))


def spec_of(row: LabelClass) -> ClassSpec:
    """Return the value of a class row."""
    return ClassSpec(
        class_id=row.class_id,
        name=row.name,
        kind=row.kind,
        color=row.color,
        parent=row.parent_id,
        heading=row.heading,
        description=row.description,
        external=row.external,
        retired=row.retired,
        forwards_to=row.forwards_to,
    )


@lru_cache(maxsize=4 * READINGS_KEPT)
def _class_map(reading: Reading, scheme: str | None, void: int) -> ClassMap:
    if scheme is None:
        return ClassMap.from_mapping(
            {stored: void if live is None else live for stored, live in reading.live_of.items()},
            void,
        )
    if scheme not in reading.schemes:
        raise UnknownScheme(scheme, "no class has one")
    values: dict[int, int] = {}
    for stored in reading.classes:
        spec = reading.find(stored)
        value = spec.external.get(scheme, -1) if spec else -1
        if isinstance(value, str):
            raise UnknownScheme(scheme, f"the id {value!r} is not a number")
        # Cityscapes' -1 ("license plate") means the same as having none.
        values[stored] = value if 0 <= value <= HIGHEST_VALUE else void
    return ClassMap.from_mapping(values, void)


def _sums(rows: np.ndarray, column: np.ndarray, count: int) -> np.ndarray:
    sums = np.zeros(count, np.int64)
    # Not bincount with weights: those are floats, exact to 2^53 only.
    np.add.at(sums, rows, column)
    return sums
