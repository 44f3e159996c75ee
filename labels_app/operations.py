"""What curators do to the classes of a draft, one operation at a time, as pure functions.

An operation is a JSON object: `{"op": "merge", "classes": ["car", 7], "into": "vehicle"}`.
Classes are named by id or by the name that they have at that moment. Each function takes the
settled classes of the draft and the rest of the object, and returns the classes as they shall
be; `labels_app.classes.settle_classes` gives ids and checks the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from labels_app.class_json import class_from_plain, reference
from labels_app.classes import ClassSpec, id_of, tidy_name

Classes = Sequence[ClassSpec]


def apply_operation(classes: Classes, operation: object) -> list[ClassSpec]:
    """Return the classes after one operation; new ones have no id yet.

    Raises
    ------
    ValueError
        The operation is none, or cannot be done to these classes; the message says why.
    """
    if not isinstance(operation, Mapping):
        raise ValueError(f"an operation is an object, not {operation!r}")
    fields = dict(operation)
    name = fields.pop("op", None)
    if not isinstance(name, str) or name not in OPERATIONS:
        raise ValueError(f"op is one of {', '.join(OPERATIONS)}, not {name!r}")
    needed, optional, apply = OPERATIONS[name]
    if unknown := set(fields) - {*needed, *optional}:
        raise ValueError(f"{name} has no field {min(map(str, unknown))!r}")
    for field in needed:
        if field not in fields:
            raise ValueError(f"{name} needs the field {field!r}")
    return apply(classes, **{_PARAMETERS.get(field, field): fields[field] for field in fields})


def _add(classes: Classes, **fields: Any) -> list[ClassSpec]:
    return [*classes, class_from_plain(fields)]


def _rename(classes: Classes, class_: object, name: str) -> list[ClassSpec]:
    return _edit(classes, class_, name=name)


def _recolor(classes: Classes, class_: object, color: str | None = None) -> list[ClassSpec]:
    # Without a colour the class gets one that no other class has.
    return _edit(classes, class_, color=color)


def _reparent(
    classes: Classes, class_: object, parent: object, heading: str = ""
) -> list[ClassSpec]:
    above = None if parent is None else id_of(_live(classes, parent))
    return _edit(classes, class_, parent=above, heading=heading)


def _edit(classes: Classes, class_: object, **fields: Any) -> list[ClassSpec]:
    """Set fields of a live class; `class_from_plain` knows what each may be."""
    spec = _live(classes, class_)
    given = class_from_plain({"name": spec.name, "kind": spec.kind, **fields})
    return _with(classes, replace(spec, **{name: getattr(given, name) for name in fields}))


def _merge(
    classes: Classes,
    classes_: object,
    into: object,
    kind: str | None = None,
) -> list[ClassSpec]:
    """Retire classes in favour of one: one of them, another live one, or a new one."""
    left = [_live(classes, one) for one in _list(classes_, "classes")]
    if len({id_of(spec) for spec in left}) < len(left):
        raise ValueError("classes names one class twice")
    if kind is None and isinstance(into, Mapping):
        kind = into.get("kind")
    if kind not in (None, "stuff", "thing"):
        raise ValueError(f"kind is stuff or thing, not {kind!r}")
    result = _result(classes, left, into, kind)
    kinds = {spec.kind for spec in left} | {result.kind}
    if len(kinds) > 1 and kind is None:
        raise ValueError("stuff and things become one class: say of which kind")
    left = [spec for spec in left if spec.class_id != result.class_id]
    if not left:
        raise ValueError("a merge takes at least two classes")
    if len(left) == 1 and result.class_id is None:
        raise ValueError("a merge into a new class takes at least two classes")
    changed = [_left_for(spec, result.name) for spec in left]
    if result.class_id is None:
        return [*_led_past(_with(classes, *changed), left, result), result]
    return _led_past(_with(classes, *changed, result), left, result)


def _result(classes: Classes, left: list[ClassSpec], into: object, kind: str | None) -> ClassSpec:
    fields = dict(into) if isinstance(into, Mapping) else {"name": into}
    named = fields.get("id", fields.get("name"))
    found = _find_live(classes, reference(named, "into"))
    if found is not None:
        return found if kind is None else replace(found, kind=kind)
    if "id" in fields or not isinstance(named, str):
        raise ValueError(f"{named} is no live class")
    first = left[0] if left else None
    kinds = {spec.kind for spec in left}
    shared = _shared(left)
    return class_from_plain(
        {
            "parent": shared.get("parent"),
            "heading": shared.get("heading", ""),
            "color": first.color if first else None,
            "external": shared.get("external", {}),
            "synonyms": [spec.name for spec in left],
            **fields,
            "kind": kind or (kinds.pop() if len(kinds) == 1 else "thing"),
        }
    )


def _shared(left: list[ClassSpec]) -> dict[str, Any]:
    """Return what all classes to be merged say alike; the result may as well say it."""
    names = ("parent", "heading", "external")
    return {
        name: getattr(left[0], name)
        for name in names
        if left and all(getattr(spec, name) == getattr(left[0], name) for spec in left)
    }


def _split(classes: Classes, class_: object, into: object) -> list[ClassSpec]:
    """Deprecate a class in favour of two or more: its labels stay until they are relabelled."""
    spec = _live(classes, class_)
    parts: list[int | str] = []
    added = []
    for one in _list(into, "into"):
        fields = dict(one) if isinstance(one, Mapping) else {"name": one}
        found = _find_live(classes, reference(fields.get("id", fields.get("name")), "into"))
        if found is None and "id" in fields:
            raise ValueError(f"{fields['id']} is no live class")
        if found is None:
            added.append(
                class_from_plain(
                    {"kind": spec.kind, "parent": spec.parent, "heading": spec.heading, **fields}
                )
            )
            parts.append(tidy_name(added[-1].name))
        else:
            parts.append(id_of(found))
    if len(set(parts)) < 2:
        raise ValueError("a class is split into at least two others")
    if spec.class_id in parts:
        raise ValueError("a class is not split into itself")
    return [*_with(classes, replace(spec, deprecated=True, split_into=tuple(parts))), *added]


def _retire(classes: Classes, class_: object, into: object = None) -> list[ClassSpec]:
    """Let a class read as another one, or as void."""
    spec = _live(classes, class_)
    successor = None if into is None else _live(classes, into)
    if successor is not None and successor.class_id == spec.class_id:
        raise ValueError("a class is not its own successor")
    if successor is not None and successor.kind != spec.kind:
        raise ValueError("stuff and things become one class: merge them and say of which kind")
    left = _left_for(spec, None if successor is None else id_of(successor))
    return _led_past(_with(classes, left), [spec], successor)


def _flip(classes: Classes, class_: object) -> list[ClassSpec]:
    """Make a thing of stuff, or stuff of a thing; `settle_classes` gives it its other id."""
    spec = _live(classes, class_)
    return _with(classes, replace(spec, kind="thing" if spec.kind == "stuff" else "stuff"))


def _revive(classes: Classes, class_: object) -> list[ClassSpec]:
    """Make a retired class live again, and a deprecated one open."""
    wanted = reference(class_, "class")
    found = [
        spec
        for spec in classes
        if (spec.retired or spec.deprecated)
        and (spec.class_id == wanted or spec.name == _tidy(wanted))
    ]
    if not found:
        raise ValueError(f"{wanted} is no retired or deprecated class")
    if len(found) > 1:
        ids = ", ".join(str(spec.class_id) for spec in found)
        raise ValueError(f"{wanted} names the classes {ids}: say which one by its id")
    parents = {spec.class_id for spec in classes if not spec.retired}
    parent = found[0].parent if found[0].parent in parents else None
    return _with(
        classes,
        replace(
            found[0],
            retired=False,
            forwards_to=None,
            deprecated=False,
            split_into=(),
            parent=parent,
        ),
    )


# What Python would not have as a parameter's name, or has already.
_PARAMETERS = {"class": "class_", "classes": "classes_"}

# name → (fields that are needed, others, function)
OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Callable[..., list[ClassSpec]]]] = {
    "add": (
        ("name", "kind"),
        (
            "color",
            "parent",
            "heading",
            "description",
            "external",
            "synonyms",
            "attributes",
            "guideline",
            "examples",
        ),
        _add,
    ),
    "rename": (("class", "name"), (), _rename),
    "recolor": (("class",), ("color",), _recolor),
    "reparent": (("class", "parent"), ("heading",), _reparent),
    "edit": (
        ("class",),
        (
            "name",
            "color",
            "description",
            "external",
            "synonyms",
            "attributes",
            "guideline",
            "examples",
        ),
        _edit,
    ),
    "merge": (("classes", "into"), ("kind",), _merge),
    "split": (("class", "into"), (), _split),
    "retire": (("class",), ("into",), _retire),
    "flip": (("class",), (), _flip),
    "revive": (("class",), (), _revive),
}


def _left_for(spec: ClassSpec, successor: int | str | None) -> ClassSpec:
    return replace(
        spec, retired=True, forwards_to=successor, parent=None, deprecated=False, split_into=()
    )


def _led_past(
    classes: Classes, left: Iterable[ClassSpec], successor: ClassSpec | None
) -> list[ClassSpec]:
    """Return the classes whose parent is gone below the one that took its place.

    Where nothing did, they go up to its parent.
    """
    gone = {id_of(spec): spec for spec in left}

    def parent_of(spec: ClassSpec) -> int | str | None:
        parent = spec.parent
        while isinstance(parent, int) and parent in gone:
            if successor is None:
                parent = gone[parent].parent
            elif successor.class_id == spec.class_id:
                parent = gone[parent].parent  # a child that takes its parent's place
            else:
                return successor.name
        return parent

    return [
        spec if spec.retired or spec.parent not in gone else replace(spec, parent=parent_of(spec))
        for spec in classes
    ]


def _with(classes: Classes, *changed: ClassSpec) -> list[ClassSpec]:
    by_id = {id_of(spec): spec for spec in changed}
    return [by_id.get(id_of(spec), spec) if spec.class_id else spec for spec in classes]


def _live(classes: Classes, named: object) -> ClassSpec:
    wanted = reference(named, "class")
    found = _find_live(classes, wanted)
    if found is None:
        raise ValueError(f"{wanted} is no live class")
    return found


def _find_live(classes: Classes, wanted: int | str | None) -> ClassSpec | None:
    return next(
        (
            spec
            for spec in classes
            if not spec.retired and (spec.class_id == wanted or spec.name == _tidy(wanted))
        ),
        None,
    )


def _tidy(named: int | str | None) -> str | None:
    return tidy_name(named) if isinstance(named, str) else None


def _list(value: object, name: str) -> Sequence[Any]:
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ValueError(f"{name} is a list, not {value!r}")
    return value
