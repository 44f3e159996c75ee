"""The classes of a taxonomy version as plain values, and the rules they obey.

A list of classes is *settled* when every class has its id and colour, parents are class
ids, and every retired class names in one step the live class (or void) it reads as
(RULES 5.1). `settle_classes` makes a settled list from what somebody wrote.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import rfc8785

from labels_app.errors import InvalidTaxonomy

HIGHEST_CLASS_ID = 65535
_COLOR = re.compile(r"#[0-9a-f]{6}")
_COLORS_TRIED = 32
_ODD = 0x9E3779


@dataclass(frozen=True)
class ClassSpec:
    """What a taxonomy says about one class.

    A new class has no `class_id` yet. `parent` and `forwards_to` name another class of the
    list by id or, where nobody knows the ids yet, by name. `heading` is a name above the
    class that is no class itself (COCO's supercategory). `external` are the class's ids in
    other lists, by scheme: `{"coco": 3}`.
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


class SettledClasses(NamedTuple):
    """A settled list, ordered by class id, and the next id that was never given."""

    classes: tuple[ClassSpec, ...]
    next_class_id: int


def settle_classes(
    classes: Iterable[ClassSpec], *, previous: Sequence[ClassSpec] = (), next_class_id: int = 1
) -> SettledClasses:
    """Give ids and colours to new classes, resolve what names another class, check the rules.

    Parameters
    ----------
    classes
        All classes of the new version, the retired ones too.
    previous
        The settled classes of the version before.
    next_class_id
        The lowest id that this taxonomy has never given to a class.

    Raises
    ------
    InvalidTaxonomy
        With every problem that was found, in the order of the classes.
    """
    classes = [replace(spec, name=_tidy(spec.name)) for spec in classes]
    problems = [problem for spec in classes for problem in _own_problems(spec)]
    problems += _id_problems(classes, {spec.class_id for spec in previous}, next_class_id)
    problems += _name_problems(classes)
    if problems:
        raise InvalidTaxonomy(problems)
    classes, next_class_id = _with_ids(classes, next_class_id)
    if next_class_id > HIGHEST_CLASS_ID + 1:
        raise InvalidTaxonomy([f"a taxonomy has at most {HIGHEST_CLASS_ID} classes in its life"])
    classes, problems = _with_references(classes)
    problems = problems or _parent_problems(classes)
    if problems:
        raise InvalidTaxonomy(problems)
    return SettledClasses(_with_colors(_with_short_forwards(classes)), next_class_id)


def classes_digest(classes: Iterable[ClassSpec]) -> bytes:
    """Return the sha256 over the RFC 8785 form of settled classes; order does not matter.

    A later field of a class must be left out where it has its default, so that the digests
    of old versions stay.
    """
    rows = [
        {
            "id": spec.class_id,
            "name": spec.name,
            "kind": spec.kind,
            "color": spec.color,
            "parent": spec.parent,
            "heading": spec.heading,
            "description": spec.description,
            "external": dict(spec.external),
            "retired": spec.retired,
            "forwards_to": spec.forwards_to,
        }
        for spec in sorted(classes, key=lambda spec: spec.class_id or 0)
    ]
    return hashlib.sha256(rfc8785.dumps({"form": 1, "classes": rows})).digest()


def _tidy(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _own_problems(spec: ClassSpec) -> list[str]:
    """Say what is wrong with a class by itself."""
    rules: list[tuple[bool, str]] = [
        (bool(spec.name), "a class has no name"),
        (len(spec.name) <= 200, f"{spec.name[:20]}...: a name has at most 200 characters"),
        (len(spec.heading) <= 200, f"{spec.name}: a heading has at most 200 characters"),
        (spec.name.isprintable(), f"{spec.name!r}: a name has no control characters"),
        (spec.kind in ("stuff", "thing"), f"{spec.name}: kind is stuff or thing, not {spec.kind}"),
        (
            spec.color is None or bool(_COLOR.fullmatch(spec.color.lower())),
            f"{spec.name}: a colour is #rrggbb, not {spec.color}",
        ),
        (
            spec.class_id is None or 1 <= spec.class_id <= HIGHEST_CLASS_ID,
            f"{spec.name}: a class id is from 1 to {HIGHEST_CLASS_ID}, not {spec.class_id}",
        ),
        (
            spec.retired or spec.forwards_to is None,
            f"{spec.name}: only a retired class forwards to another",
        ),
    ]
    rules += [
        (_is_external_id(value), f"{spec.name}: {value!r} is no id of the scheme {scheme}")
        for scheme, value in spec.external.items()
    ]
    return [problem for holds, problem in rules if not holds]


def _is_external_id(value: object) -> bool:
    # Cityscapes has an id -1; numbers of 2^32 and more fit into no class map.
    if isinstance(value, str):
        return 1 <= len(value) <= 200
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**32


def _id_problems(
    classes: Sequence[ClassSpec], known: set[int | None], next_class_id: int
) -> list[str]:
    times = Counter(spec.class_id for spec in classes if spec.class_id is not None)
    problems = [f"class id {class_id} is given twice" for class_id, n in times.items() if n > 1]
    problems += [
        f"{spec.name}: the class id {spec.class_id} belonged to another class"
        for spec in classes
        if spec.class_id is not None
        and spec.class_id < next_class_id
        and spec.class_id not in known
    ]
    # Labels may hold the class for ever: it can be retired, never left out.
    problems += [
        f"class {class_id} is missing; retire it instead"
        for class_id in sorted(class_id for class_id in known if class_id is not None)
        if class_id not in times
    ]
    return problems


def _name_problems(classes: Sequence[ClassSpec]) -> list[str]:
    times = Counter(spec.name for spec in classes if not spec.retired)
    return [f"{n} live classes are named {name}" for name, n in times.items() if n > 1]


def _with_ids(classes: Sequence[ClassSpec], next_class_id: int) -> tuple[list[ClassSpec], int]:
    given = [spec.class_id for spec in classes if spec.class_id is not None]
    free = max([next_class_id, *(class_id + 1 for class_id in given)])
    settled = []
    for spec in classes:
        if spec.class_id is None:
            spec, free = replace(spec, class_id=free), free + 1
        settled.append(spec)
    return sorted(settled, key=_id_of), free


def _with_references(classes: Sequence[ClassSpec]) -> tuple[list[ClassSpec], list[str]]:
    """Turn the names in `parent` and `forwards_to` into class ids; say which name nothing."""
    ids = {_id_of(spec) for spec in classes}
    by_name = {spec.name: _id_of(spec) for spec in classes if not spec.retired}
    problems: list[str] = []

    def find(spec: ClassSpec, what: str, reference: int | str | None) -> int | None:
        found = by_name.get(_tidy(reference)) if isinstance(reference, str) else reference
        if reference is not None and found not in ids:
            problems.append(f"{spec.name}: {what} {reference} is no class of this taxonomy")
        return found

    settled = [
        replace(
            spec,
            parent=find(spec, "its parent", spec.parent),
            forwards_to=find(spec, "its successor", spec.forwards_to),
        )
        for spec in classes
    ]
    return settled, problems


def _parent_problems(classes: Sequence[ClassSpec]) -> list[str]:
    by_id = {_id_of(spec): spec for spec in classes}
    problems = [
        f"{spec.name}: its parent {by_id[spec.parent].name} is retired"
        for spec in classes
        if isinstance(spec.parent, int) and not spec.retired and by_id[spec.parent].retired
    ]
    for what, next_of in (("parent", parent_of), ("successor", successor_of)):
        problems += [
            f"{spec.name}: is its own {what}, over others or at once"
            for spec in classes
            if _returns(spec, by_id, next_of)
        ]
    return problems


def _returns(
    start: ClassSpec, by_id: Mapping[int, ClassSpec], next_of: Callable[[ClassSpec], int | None]
) -> bool:
    """Say whether following `next_of` from `start` comes back to it."""
    seen: set[int] = set()
    class_id = next_of(start)
    while class_id is not None and class_id not in seen:
        if class_id == start.class_id:
            return True
        seen.add(class_id)
        class_id = next_of(by_id[class_id])
    return False


def _with_short_forwards(classes: Sequence[ClassSpec]) -> list[ClassSpec]:
    """Make every retired class name its last successor, which is live, or void."""
    by_id = {_id_of(spec): spec for spec in classes}

    def last(spec: ClassSpec) -> int | None:
        successor = successor_of(spec)
        while successor is not None and by_id[successor].retired:
            successor = successor_of(by_id[successor])
        return successor

    return [replace(spec, forwards_to=last(spec)) for spec in classes]


def _with_colors(classes: Sequence[ClassSpec]) -> tuple[ClassSpec, ...]:
    """Give each class without a colour one that no other class has."""
    taken = {spec.color.lower() for spec in classes if spec.color}
    settled = []
    for spec in classes:
        color = spec.color.lower() if spec.color else _free_color(_id_of(spec), taken)
        taken.add(color)
        settled.append(replace(spec, color=color, external=dict(spec.external)))
    return tuple(settled)


def _free_color(class_id: int, taken: set[str]) -> str:
    from panoptic.colors import distinct_color

    # The sequence starts at the class id, so that a class keeps its colour when others
    # before it have colours of their own.
    for number in range(class_id - 1, class_id - 1 + _COLORS_TRIED):
        if (color := hex_color(distinct_color(number))) not in taken:
            return color
    # Thousands of classes: nobody tells them apart by eye any more, but all colours still
    # differ. An odd factor visits each of the 2^24 colours once.
    for number in range(class_id, class_id + 2**24):
        if (color := f"#{number * _ODD % 2**24:06x}") not in taken:
            return color
    raise AssertionError("there are more colours than classes")


def hex_color(rgb: Sequence[int]) -> str:
    """Write three numbers of 0-255 as #rrggbb."""
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"


def _id_of(spec: ClassSpec) -> int:
    if spec.class_id is None:
        raise ValueError(f"{spec.name} has no class id yet")
    return spec.class_id


def parent_of(spec: ClassSpec) -> int | None:
    """Return the class id of a settled class's parent."""
    return spec.parent if isinstance(spec.parent, int) else None


def successor_of(spec: ClassSpec) -> int | None:
    """Return the live class id that a settled retired class reads as; None for void."""
    return spec.forwards_to if isinstance(spec.forwards_to, int) else None
