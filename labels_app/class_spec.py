"""A class of a taxonomy as a plain value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HIGHEST_CLASS_ID = 65535
ATTRIBUTE_TYPES = ("text", "number", "boolean", "choice")


@dataclass(frozen=True)
class AttributeSpec:
    """A free attribute that the segments of a class may carry, and what its values are.

    `choices` are the values of a "choice"; `minimum` and `maximum` bound a "number", both
    included; a `required` one must be on every segment.
    """

    name: str
    type: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    description: str = ""

    def problem_of(self, value: object) -> str | None:
        """Say why a value does not fit, None if it does."""
        if self.type == "text":
            return None if isinstance(value, str) else "is no text"
        if self.type == "boolean":
            return None if isinstance(value, bool) else "is neither true nor false"
        if self.type == "choice":
            return None if value in self.choices else f"is none of {', '.join(self.choices)}"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "is no number"
        if self.minimum is not None and value < self.minimum:
            return f"is below {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"is above {self.maximum:g}"
        return None


@dataclass(frozen=True)
class ExamplePicture:
    """A picture in a guideline: the sha256 of its file in hex; not `good`: how not to do it."""

    picture: str
    caption: str = ""
    good: bool = True


@dataclass(frozen=True)
class ClassSpec:
    """What a taxonomy says about one class.

    A new class has no `class_id` yet. `parent`, `forwards_to` and `split_into` name other
    classes of the list by id or, where nobody knows the ids yet, by name. `heading` is a name
    above the class that is no class itself (COCO's supercategory). `external` are the class's
    ids in other lists, by scheme: `{"coco": 3}`. A `deprecated` class is still read as itself
    and refused in new segments; `split_into` are the classes that take its place.
    """

    name: str
    kind: str
    class_id: int | None = None
    color: str | None = None
    parent: int | str | None = None
    heading: str = ""
    description: str = ""
    external: Mapping[str, int | str] = field(default_factory=dict)
    retired: bool = False
    forwards_to: int | str | None = None
    synonyms: tuple[str, ...] = ()
    attributes: tuple[AttributeSpec, ...] = ()
    guideline: str = ""
    examples: tuple[ExamplePicture, ...] = ()
    deprecated: bool = False
    split_into: tuple[int | str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Say whether new segments may have this class."""
        return not (self.retired or self.deprecated)


def id_of(spec: ClassSpec) -> int:
    """Return the class id of a settled class."""
    if spec.class_id is None:
        raise ValueError(f"{spec.name} has no class id yet")
    return spec.class_id


def parent_of(spec: ClassSpec) -> int | None:
    """Return the class id of a settled class's parent."""
    return spec.parent if isinstance(spec.parent, int) else None


def successor_of(spec: ClassSpec) -> int | None:
    """Return the live class id that a settled retired class reads as; None for void."""
    return spec.forwards_to if isinstance(spec.forwards_to, int) else None
