"""The classes by which a version is read, as the service published them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from panoptic.colors import Color, parse_color
from panoptic.kinds import Kinds
from panoptic.reading import LabelReading
from panoptic.views import ClassMap
from tessera.errors import UsageError


class LabelClass(NamedTuple):
    """A live class. `external` holds its id in other lists: `{"coco": 3}`."""

    class_id: int
    name: str
    kind: str
    color: Color
    parent: int | None
    external: Mapping[str, int | str]
    description: str = ""

    @property
    def is_stuff(self) -> bool:
        """Whether it is uncountable."""
        return self.kind == "stuff"


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A published taxonomy version.

    classes : the live ones by id
    live_of : the live class that each stored id reads as; None is void
    stored_kinds : the kind of every class there ever was
    """

    slug: str
    number: int
    digest: str
    classes: Mapping[int, LabelClass]
    live_of: Mapping[int, int | None]
    stored_kinds: Mapping[int, str]

    def __repr__(self) -> str:
        return f"<Taxonomy {self.slug}@{self.number}: {len(self.classes)} classes>"

    @cached_property
    def reading(self) -> LabelReading:
        """What `panoptic.reading.read_label` needs to read stored labels by these classes."""
        stuff = frozenset(one.class_id for one in self.classes.values() if one.is_stuff)
        # What was stuff is a crowd where its class is a thing now: nobody counted it.
        crowds = frozenset(
            stored
            for stored, live in self.live_of.items()
            if live is not None and live not in stuff and self.stored_kinds[stored] == "stuff"
        )
        return LabelReading(self.class_map(), Kinds(stuff), crowds)

    @cached_property
    def by_name(self) -> Mapping[str, LabelClass]:
        """The live classes by name."""
        return {one.name: one for one in self.classes.values()}

    @cached_property
    def schemes(self) -> tuple[str, ...]:
        """The other lists in which at least one live class has an id."""
        return tuple(sorted({key for one in self.classes.values() for key in one.external}))

    def get(self, name: str) -> LabelClass:
        """Return a live class by name; `UsageError` lists the names there are."""
        try:
            return self.by_name[name]
        except KeyError:
            names = ", ".join(sorted(self.by_name))
            raise UsageError(
                f"{self.slug}@{self.number} has no class {name!r}; there are {names}",
                code="unknown_class",
            ) from None

    def class_map(self, scheme: str = "class", void: int = 0) -> ClassMap:
        """Return stored class ids → class ids, or → the ids of another list such as "coco".

        What reads as void, and a class that has no id of 0 or more in the list, is `void`.

        Raises
        ------
        UsageError
            No class has an id in the list, or one of them is not a number.
        """
        if scheme == "class":
            values = {
                stored: void if live is None else live for stored, live in self.live_of.items()
            }
            return ClassMap.from_mapping(values, void)
        if scheme not in self.schemes:
            known = ", ".join(("class", *self.schemes))
            raise UsageError(
                f"no class has an id of {scheme!r}; there are {known}", code="unknown_scheme"
            )
        values = {}
        for stored, live in self.live_of.items():
            value = -1 if live is None else self.classes[live].external.get(scheme, -1)
            if isinstance(value, str):
                raise UsageError(
                    f"the id {value!r} of {scheme} is not a number", code="unknown_scheme"
                )
            values[stored] = value if value >= 0 else void
        return ClassMap.from_mapping(values, void)


def parse_taxonomy(plain: Mapping[str, Any]) -> Taxonomy:
    """Return a taxonomy version from its JSON (`taxonomies/SLUG/versions/N/`)."""
    rows = plain["classes"]
    return Taxonomy(
        slug=plain["taxonomy"],
        number=plain["number"],
        digest=plain["digest"],
        classes={row["id"]: _class(row) for row in rows if not row["retired"]},
        live_of={row["id"]: row["forwards_to"] if row["retired"] else row["id"] for row in rows},
        stored_kinds={row["id"]: row["kind"] for row in rows},
    )


def _class(row: Mapping[str, Any]) -> LabelClass:
    return LabelClass(
        class_id=row["id"],
        name=row["name"],
        kind=row["kind"],
        color=parse_color(row["color"]),
        parent=row["parent"],
        external=row["external"],
        description=row["description"],
    )
