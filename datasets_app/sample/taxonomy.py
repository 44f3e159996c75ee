"""The classes of the generated street scenes, with the ids that Cityscapes and COCO give them."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

Kind = Literal["stuff", "thing"]


class SampleClass(NamedTuple):
    """One class as a taxonomy wants it.

    `external` maps a scheme (`cityscapes`, `cityscapes_train`, `coco`) to the id that the scheme
    gives this class; a scheme that does not know the class is absent.
    """

    class_id: int
    name: str
    kind: Kind
    color: str
    description: str
    external: Mapping[str, int]


# name, kind, colour, Cityscapes id, Cityscapes train id, COCO (panoptic) id, description.
# Cityscapes counts signs and lights as stuff; here each one is an instance, as COCO has it.
_ROWS: tuple[
    tuple[str, Kind, str, int | None, int | None, int | None, str],
    ...,
] = (
    ("road", "stuff", "#8a5a9e", 7, 0, 149, "Asphalt, lane markings and crossings"),
    ("sidewalk", "stuff", "#f08fd0", 8, 1, 191, "Paving for people: pavements and park paths"),
    ("building", "stuff", "#8d8577", 11, 2, 197, "Houses, shops, towers"),
    ("wall", "stuff", "#6d6fb5", 12, 3, 199, "A wall that stands alone"),
    ("fence", "stuff", "#c9a08c", 13, 4, 185, "Fences and railings, gaps included"),
    ("pole", "stuff", "#b9c0c7", 17, 5, None, "Posts of lamps, signs and traffic lights"),
    ("vegetation", "stuff", "#5f9e3c", 21, 8, 184, "Trees with their trunks, hedges, bushes"),
    ("terrain", "stuff", "#a5dd84", 22, 9, 193, "Grass, soil, sand"),
    ("mountain", "stuff", "#3f8f84", None, None, 192, "Hills and mountains far away"),
    ("water", "stuff", "#2f6fd0", None, None, 178, "Lakes, canals, large puddles"),
    ("sky", "stuff", "#79bdf2", 23, 10, 187, "Sky with its clouds"),
    ("person", "thing", "#dc2f4b", 24, 11, 1, "Someone on foot or seated"),
    ("rider", "thing", "#ff6a3d", 25, 12, None, "Someone who rides; the vehicle is apart"),
    ("bicycle", "thing", "#9c2f6f", 33, 18, 2, "A bicycle without its rider"),
    ("motorcycle", "thing", "#c04be8", 32, 17, 4, "A motorcycle or scooter without its rider"),
    ("car", "thing", "#2a48d8", 26, 13, 3, "Cars and vans for people"),
    ("truck", "thing", "#1f7f94", 27, 14, 8, "Vehicles for goods"),
    ("bus", "thing", "#17b7a6", 28, 15, 6, "Vehicles for more than nine people"),
    ("traffic light", "thing", "#f7a81b", 19, 6, 10, "The lamp box without its pole"),
    ("traffic sign", "thing", "#f2e13a", 20, 7, None, "The plate without its pole"),
    ("dog", "thing", "#b5651d", None, None, 18, "A dog, on a leash or not"),
    ("bird", "thing", "#7c4a21", None, None, 16, "A bird, on the ground or flying"),
    ("bench", "thing", "#d98f5c", None, None, 15, "A bench without who sits on it"),
    ("umbrella", "thing", "#00a36f", None, None, 28, "An open umbrella"),
)


@cache
def sample_classes() -> tuple[SampleClass, ...]:
    """Return every class of the sample, by class id (1, 2, …; 0 stays void)."""
    schemes = ("cityscapes", "cityscapes_train", "coco")
    return tuple(
        SampleClass(
            class_id=number,
            name=name,
            kind=kind,
            color=color,
            description=description,
            external={
                scheme: external_id
                for scheme, external_id in zip(schemes, external_ids, strict=True)
                if external_id is not None
            },
        )
        for number, (name, kind, color, *external_ids, description) in enumerate(_ROWS, start=1)
    )


@cache
def class_ids() -> Mapping[str, int]:
    """Return the class id by class name."""
    return {row.name: row.class_id for row in sample_classes()}


@cache
def stuff_names() -> frozenset[str]:
    """Return the names of the uncountable classes."""
    return frozenset(row.name for row in sample_classes() if row.kind == "stuff")
