"""Classes as JSON: in drafts, in the API, in taxonomy files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from labels_app.class_spec import AttributeSpec, ClassSpec, ExamplePicture

_LARGEST_NUMBER = 2**53 - 1


def class_to_plain(spec: ClassSpec) -> dict[str, Any]:
    """Return a class as JSON has it, every field: the inverse of `class_from_plain`."""
    return {
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
        "synonyms": list(spec.synonyms),
        "attributes": [_without_defaults(attribute) for attribute in spec.attributes],
        "guideline": spec.guideline,
        "examples": [_without_defaults(example) for example in spec.examples],
        "deprecated": spec.deprecated,
        "split_into": list(spec.split_into),
    }


def class_from_plain(plain: object) -> ClassSpec:
    """Return the class that JSON describes; only `name` and `kind` are needed.

    Raises
    ------
    ValueError
        A field is unknown, missing or of another type; the message names it.
    """
    row = dict(_mapping(plain, "a class"))
    if "class_id" in row:
        raise ValueError("a class has no field 'class_id'; its number is 'id'")
    if "id" in row:
        row["class_id"] = row.pop("id")
    _check_fields(ClassSpec, row, "a class")
    for name, check in _CHECKS.items():
        if name in row:
            row[name] = check(row[name], name)
    return ClassSpec(**row)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text, not {value!r}")
    if "\0" in value:
        raise ValueError(f"{name} holds a zero character")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false, not {value!r}")
    return value


def _number(value: object, name: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is a number, not {value!r}")
    # Beyond these JSON has no whole numbers, and a digest no form for them.
    if not -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
        raise ValueError(f"{name} is a number from {-_LARGEST_NUMBER} to {_LARGEST_NUMBER}")
    return value


def _class_id(value: object, name: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"{name} is a whole number, not {value!r}")
    return value


def reference(value: object, name: str) -> int | str | None:
    """Return what names a class, by id or by name; raise `ValueError` for anything else."""
    return _text(value, name) if isinstance(value, str) else _class_id(value, name)


def _references(value: object, name: str) -> tuple[int | str, ...]:
    found = tuple(reference(one, name) for one in _list(value, name))
    return tuple(one for one in found if one is not None)


def _texts(value: object, name: str) -> tuple[str, ...]:
    return tuple(_text(one, name) for one in _list(value, name))


def _external(value: object, name: str) -> dict[str, Any]:
    external = dict(_mapping(value, name))
    for scheme in external:
        # Formats that number nothing, such as folders of masks, have the scheme "".
        if len(_text(scheme, "a scheme")) > 100:
            raise ValueError("the name of a scheme has at most 100 characters")
    return external


def _attributes(value: object, name: str) -> tuple[AttributeSpec, ...]:
    found = []
    for one in _list(value, name):
        row = dict(_mapping(one, "an attribute"))
        _check_fields(AttributeSpec, row, "an attribute")
        for field_name in ("name", "type", "description"):
            row[field_name] = _text(row.get(field_name, ""), field_name)
        row["choices"] = _texts(row.get("choices", ()), "choices")
        row["required"] = _flag(row.get("required", False), "required")
        for bound in ("minimum", "maximum"):
            row[bound] = _number(row.get(bound), bound)
        found.append(AttributeSpec(**row))
    return tuple(found)


def _examples(value: object, name: str) -> tuple[ExamplePicture, ...]:
    found = []
    for one in _list(value, name):
        row = dict(_mapping(one, "an example"))
        _check_fields(ExamplePicture, row, "an example")
        found.append(
            ExamplePicture(
                _text(row["picture"], "picture"),
                _text(row.get("caption", ""), "caption"),
                _flag(row.get("good", True), "good"),
            )
        )
    return tuple(found)


def _color(value: object, name: str) -> str | None:
    return None if value is None else _text(value, name)


_CHECKS = {
    "name": _text,
    "kind": _text,
    "class_id": _class_id,
    "color": _color,
    "parent": reference,
    "heading": _text,
    "description": _text,
    "external": _external,
    "retired": _flag,
    "forwards_to": reference,
    "synonyms": _texts,
    "attributes": _attributes,
    "guideline": _text,
    "examples": _examples,
    "deprecated": _flag,
    "split_into": _references,
}


def _check_fields(value_type: type, row: Mapping[str, Any], what: str) -> None:
    known = {one.name: one for one in fields(value_type)}
    for name in row:
        if name not in known:
            raise ValueError(f"{what} has no field {name!r}")
    needed = list(known)[: 1 if value_type is ExamplePicture else 2]
    for name in needed:
        if name not in row:
            raise ValueError(f"{what} needs the field {name!r}")


def _without_defaults(value: AttributeSpec | ExamplePicture) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for one in fields(value):
        own = getattr(value, one.name)
        if own != one.default:
            plain[one.name] = list(own) if isinstance(own, tuple) else own
    return plain


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is an object, not {value!r}")
    return value


def _list(value: object, name: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{name} is a list, not {value!r}")
    return value
