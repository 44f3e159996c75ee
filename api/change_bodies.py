"""The changes of a commit, read without a serializer: there may be a hundred thousand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from api.fields import DigestField
from datasets_app.entries import Status
from datasets_app.staging import ImageChange

_FIELDS = frozenset({"name", "image", "label", "split", "status", "attributes", "delete"})
_MOST_ERRORS = 100
_HEX = frozenset("0123456789abcdef")


class ChangeSerializer(serializers.Serializer):
    """What a commit does to one image, for the document: `parse_changes` reads it."""

    name = serializers.CharField(max_length=1_024)
    image = DigestField(required=False, allow_null=True)
    label = DigestField(required=False, allow_null=True)
    split = serializers.CharField(max_length=64, required=False, allow_null=True)
    status = serializers.ChoiceField(
        [status.value for status in Status], required=False, allow_null=True
    )
    attributes = serializers.DictField(required=False, allow_null=True)
    delete = serializers.BooleanField(required=False)


class WantedChange(NamedTuple):
    """A change whose attributes, where they are given, are not stored yet."""

    fields: ImageChange
    attributes: Mapping[str, Any] | None


class _Wrong(Exception):
    """Why one change cannot be read."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def parse_changes(plain: Any) -> list[WantedChange]:
    """Return changes from JSON; `ValidationError` tells the first hundred that are wrong."""
    if not isinstance(plain, list):
        raise ValidationError({"changes": [ErrorDetail("a list of changes", "invalid")]})
    changes: list[WantedChange] = []
    errors: dict[str, Any] = {}
    for place, row in enumerate(plain):
        try:
            changes.append(_parse(row))
        except _Wrong as wrong:
            errors[f"changes.{place}.{wrong.field}"] = [ErrorDetail(wrong.message, "invalid")]
            if len(errors) == _MOST_ERRORS:
                break
    if errors:
        raise ValidationError(errors)
    return changes


def _parse(row: Any) -> WantedChange:
    if not isinstance(row, dict):
        raise _Wrong("", "an object")
    unknown = row.keys() - _FIELDS
    if unknown:
        raise _Wrong(min(unknown), "no field of a change")
    name = row.get("name")
    if not isinstance(name, str):
        raise _Wrong("name", "a text")
    fields: dict[str, Any] = {
        field: None if row[field] is None else read(field, row[field])
        for field, read in _READERS.items()
        if field in row
    }
    attributes = fields.pop("attributes", None)
    if row.get("attributes", "absent") is None:
        fields["attributes"] = None
    delete = row.get("delete", False)
    if not isinstance(delete, bool):
        raise _Wrong("delete", "true or false")
    return WantedChange(ImageChange(name, **fields, delete=delete), attributes)


def _digest(field: str, value: Any) -> bytes:
    if not isinstance(value, str) or len(value) != 64 or not _HEX.issuperset(value):
        raise _Wrong(field, "64 hexadecimal digits, or null")
    return bytes.fromhex(value)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(field, "a text, or null")
    return value


def _status(field: str, value: Any) -> Status:
    if value not in list(Status):
        raise _Wrong(field, f"one of {', '.join(Status)}, or null")
    return Status(value)


def _object(field: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(field, "an object, or null")
    return value


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "image": _digest,
    "label": _digest,
    "split": _text,
    "status": _status,
    "attributes": _object,
}
