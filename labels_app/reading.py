"""How stored class ids read under a taxonomy version (RULES 2 and 5).

Labels keep the class ids that they were made with; a `Reading` says what those mean now.
It is a pure value: one query makes it, and it answers for millions of labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np

from labels_app.class_json import class_from_plain
from labels_app.classes import ClassSpec, classes_digest, id_of, parent_of, successor_of
from labels_app.errors import NoMapping, UnknownScheme
from labels_app.models import LabelClass, TaxonomyMapping, TaxonomyVersion
from panoptic.errors import UnknownClass
from panoptic.kinds import Kinds
from panoptic.label import ClassCounts
from panoptic.reading import LabelReading
from panoptic.views import ClassMap

READINGS_KEPT = 64
HIGHEST_VALUE = 2**32 - 1
# The columns of a class row that have the name of their field in JSON.
ROW_FIELDS = (
    "name",
    "kind",
    "color",
    "heading",
    "description",
    "external",
    "retired",
    "forwards_to",
    "synonyms",
    "attributes",
    "guideline",
    "examples",
    "deprecated",
    "split_into",
)


@dataclass(frozen=True, eq=False)
class Reading:
    """How the class ids that labels hold read, by a version of their taxonomy or of another one.

    classes : the classes one reads by, by id, retired ones included
    live_of : the live class among them that each stored id reads as; None is void
    stored_kinds : the kind that each stored id had when labels were made with it

    Stored ids may belong to another taxonomy than `classes`: look them up by `find`. Two
    readings are equal when their digests are; a digest covers all that is said of every class.
    """

    digest: bytes
    classes: Mapping[int, ClassSpec]
    live_of: Mapping[int, int | None]
    stored_kinds: Mapping[int, str]

    @classmethod
    def from_classes(cls, classes: Iterable[ClassSpec], digest: bytes | None = None) -> Reading:
        """Make a reading from settled classes, for labels of the same taxonomy."""
        ordered = sorted(classes, key=id_of)
        return cls(
            classes_digest(ordered) if digest is None else digest,
            MappingProxyType({id_of(spec): spec for spec in ordered}),
            MappingProxyType(
                {
                    id_of(spec): successor_of(spec) if spec.retired else id_of(spec)
                    for spec in ordered
                }
            ),
            MappingProxyType({id_of(spec): spec.kind for spec in ordered}),
        )

    def of_mapped(self, source: Reading, entries: Mapping[int, int | None]) -> Reading:
        """Return how labels of another taxonomy read here.

        `entries` say for each live class of `source` which class of this taxonomy, live or
        retired, it reads as; None is void.
        """
        live_of = {}
        for stored, live in source.live_of.items():
            target = None if live is None else entries[live]
            live_of[stored] = None if target is None else self.live_of[target]
        rows = json.dumps(sorted(live_of.items()), separators=(",", ":")).encode()
        digest = hashlib.sha256(b"mapped\n" + self.digest + source.digest + rows).digest()
        return Reading(digest, self.classes, MappingProxyType(live_of), source.stored_kinds)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Reading) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    @cached_property
    def live_classes(self) -> tuple[ClassSpec, ...]:
        """The classes that are not retired, by id."""
        return tuple(spec for spec in self.classes.values() if not spec.retired)

    @cached_property
    def label_reading(self) -> LabelReading:
        """All that pixels need to know of this: what `panoptic.reading.read_label` takes."""
        kinds = Kinds(frozenset(id_of(spec) for spec in self.live_classes if spec.kind == "stuff"))
        return LabelReading(self.class_map(), kinds, self.crowd_ids)

    @cached_property
    def crowd_ids(self) -> frozenset[int]:
        """The stored ids whose segments read as crowds: stuff that is a thing now.

        Nobody counted what was stuff when it was labelled (RULES 5.2).
        """
        return frozenset(
            stored
            for stored, kind in self.stored_kinds.items()
            if kind == "stuff" and stored in self.thing_ids
        )

    @cached_property
    def kinds(self) -> Kinds:
        """The *stored* ids that read as stuff."""
        return Kinds(self._ids_of_kind("stuff"))

    @cached_property
    def thing_ids(self) -> frozenset[int]:
        """The *stored* ids that read as things."""
        return self._ids_of_kind("thing")

    def _ids_of_kind(self, kind: str) -> frozenset[int]:
        return frozenset(
            stored
            for stored, live in self.live_of.items()
            if live is not None and self.classes[live].kind == kind
        )

    def find(self, class_id: int) -> ClassSpec | None:
        """Return the live class that a stored id reads as, None for void.

        Raises
        ------
        UnknownClass
            The taxonomy never had this class.
        """
        if class_id not in self.live_of:
            raise UnknownClass(class_id, where="taxonomy")
        live = self.live_of[class_id]
        return None if live is None else self.classes[live]

    @cached_property
    def sources_of(self) -> Mapping[int | None, tuple[int, ...]]:
        """The stored ids that read as each live class; those under None read as void."""
        sources: dict[int | None, list[int]] = {}
        for stored, live in self.live_of.items():
            sources.setdefault(live, []).append(stored)
        return MappingProxyType({live: tuple(ids) for live, ids in sources.items()})

    def unknown_of(self, class_ids: Iterable[int]) -> list[int]:
        """Return those ids, in order, that the taxonomy never had."""
        return sorted({int(class_id) for class_id in class_ids} - self.live_of.keys())

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

        Pixels and instances add. The stuff of one class is one segment of the label, however
        many were stored, and so is the crowd that stuff becomes when its class is a thing
        now; so the counts of several labels must not be summed before.

        Raises
        ------
        UnknownClass
            The label holds a class that the taxonomy never had.
        """
        stored = counts.class_ids.tolist()
        lives = [self.find(class_id) for class_id in stored]
        live = np.array([id_of(spec) if spec else 0 for spec in lives], np.uint32)
        class_ids, rows = np.unique(live, return_inverse=True)
        # Stuff is one segment whatever was stored; what was stuff and is a thing is one crowd.
        joined = np.isin(stored, list(self.kinds.stuff | self.crowd_ids))
        crowded = np.isin(stored, list(self.crowd_ids))
        segments = _sums(rows, np.where(joined, 0, counts.segments), class_ids.size)
        crowds = _sums(rows, np.where(joined, 0, counts.crowds), class_ids.size)
        segments[np.unique(rows[joined & (counts.segments > 0)])] += 1
        crowds[np.unique(rows[crowded & (counts.segments > 0)])] += 1
        pixels = _sums(rows, counts.pixels, class_ids.size)
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


def reading_under(stored: TaxonomyVersion, under: TaxonomyVersion) -> Reading:
    """Return how labels made by one taxonomy version read under another one.

    On one line of versions that is the reading of `under`. Between two taxonomies the newest
    mapping says what each class reads as; three queries.

    Raises
    ------
    NoMapping
        The two share no line, and nobody made a mapping.
    """
    if stored.taxonomy_id == under.taxonomy_id:
        return reading_of(under)
    return read_mapped(get_mapping(stored, under), under)


def get_mapping(stored: TaxonomyVersion, under: TaxonomyVersion) -> TaxonomyMapping:
    """Return the newest mapping between the taxonomies of two versions; one query.

    Raises
    ------
    NoMapping
        Nobody made one.
    """
    mapping = (
        TaxonomyMapping.objects.filter(
            source_taxonomy=stored.taxonomy_id, target_taxonomy=under.taxonomy_id
        )
        .select_related("source", "target")
        .order_by("-number")
        .first()
    )
    if mapping is None:
        raise NoMapping(stored.taxonomy.slug, under.taxonomy.slug)
    return mapping


def read_mapped(mapping: TaxonomyMapping, under: TaxonomyVersion) -> Reading:
    """Return how labels read through a mapping, under a version of its target's line.

    A version from before the mapping's target may lack classes: then the target itself counts.
    """
    target = under if under.number >= mapping.target.number else mapping.target
    entries = {int(stored): live for stored, live in mapping.entries.items()}
    return reading_of(target).of_mapped(reading_of(mapping.source), entries)


@lru_cache(maxsize=READINGS_KEPT)
def _reading_of(digest: bytes, version_pk: int) -> Reading:
    rows = LabelClass.objects.filter(version_id=version_pk).order_by("class_id")
    return Reading.from_classes((spec_of(row) for row in rows), digest)


def spec_of(row: LabelClass) -> ClassSpec:
    """Return the value of a class row."""
    return class_from_plain(
        {
            "id": row.class_id,
            "parent": row.parent_id,
            **{name: getattr(row, name) for name in ROW_FIELDS},
        }
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
    for stored in reading.live_of:
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
