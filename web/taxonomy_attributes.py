"""The typed attributes of a class as rows of a form, and back."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import QueryDict

from labels_app.class_spec import AttributeSpec

EMPTY_ROWS = 2


class AttributeRow(NamedTuple):
    """One row; an empty name is no attribute."""

    name: str = ""
    type: str = "text"
    choices: str = ""
    minimum: str = ""
    maximum: str = ""
    required: bool = False
    description: str = ""


def attribute_rows(attributes: tuple[AttributeSpec, ...]) -> list[AttributeRow]:
    """Return the attributes of a class, and empty rows for more."""
    rows = [
        AttributeRow(
            one.name,
            one.type,
            ", ".join(one.choices),
            _shown(one.minimum),
            _shown(one.maximum),
            one.required,
            one.description,
        )
        for one in attributes
    ]
    return [*rows, *[AttributeRow()] * EMPTY_ROWS]


def read_attributes(fields: QueryDict) -> list[dict[str, Any]]:
    """Return the rows of a form as the JSON of a class has them, what is at its default left out.

    Raises
    ------
    ValueError
        A bound is no number.
    """
    found = []
    for place, name in enumerate(fields.getlist("attribute_name")):
        if not name.strip():
            continue
        row: dict[str, Any] = {"name": name.strip(), "type": _at(fields, "attribute_type", place)}
        choices = [one.strip() for one in _at(fields, "attribute_choices", place).split(",")]
        if any(choices):
            row["choices"] = [one for one in choices if one]
        for bound in ("minimum", "maximum"):
            text = _at(fields, f"attribute_{bound}", place)
            if text:
                row[bound] = _number(text, name)
        if _at(fields, "attribute_required", place) == "yes":
            row["required"] = True
        if description := _at(fields, "attribute_description", place):
            row["description"] = description
        found.append(row)
    return found


def _at(fields: QueryDict, name: str, place: int) -> str:
    values = fields.getlist(name)
    return values[place].strip() if place < len(values) else ""


def _number(text: str, name: str) -> int | float:
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"attribute {name}: “{text}” is no number") from error
    return int(number) if number.is_integer() else number


def _shown(number: float | None) -> str:
    return "" if number is None else f"{number:g}"
