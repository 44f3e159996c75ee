"""Serializer fields that many resources use."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

_DIGEST = re.compile(r"[0-9a-f]{64}")


@extend_schema_field({"type": "string", "pattern": "^[0-9a-f]{64}$"})
class DigestField(serializers.Field):
    """A sha256: bytes in Python, 64 hexadecimal digits in JSON."""

    default_error_messages = {"invalid": "64 hexadecimal digits"}

    def to_representation(self, value: bytes) -> str:
        """Return the digits."""
        return bytes(value).hex()

    def to_internal_value(self, data: Any) -> bytes:
        """Return the bytes."""
        if not isinstance(data, str) or not _DIGEST.fullmatch(data):
            self.fail("invalid")
        return bytes.fromhex(data)


@extend_schema_field({"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4})
class BoxField(serializers.Field):
    """A box: (top, left, bottom, right) in Python, [x, y, width, height] in JSON."""

    def to_representation(self, value: tuple[int, int, int, int]) -> list[int]:
        """Return x, y, width, height in pixels."""
        top, left, bottom, right = value
        return [left, top, right - left, bottom - top]


class SplitField(serializers.CharField):
    """The split of an image: "" in Python and null in JSON where it is in none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, **kwargs)

    def to_representation(self, value: str) -> str | None:
        """Return the split, None for none."""
        return value or None


class ProblemSerializer(serializers.Serializer):
    """An error (RFC 9457); its facts are members beside these."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.ListField(child=serializers.JSONField())
