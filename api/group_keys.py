"""What groups images, as requests say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from datasets_app.splitting import MAX_PATTERN, GroupKey


class GroupKeySerializer(serializers.Serializer):
    """What groups images: one of the three; none: each image is a group of its own."""

    folders = serializers.IntegerField(
        min_value=1,
        max_value=64,
        required=False,
        allow_null=True,
        help_text="so many leading folders of the name",
    )
    pattern = serializers.CharField(
        max_length=MAX_PATTERN,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="`*` and `{key}` stand for any text up to the next fixed one: `*/{key}_*`",
    )
    attribute = serializers.CharField(
        max_length=200,
        required=False,
        allow_null=True,
        trim_whitespace=False,
        help_text="an attribute of images, as `scene` or `video`",
    )


def group_key_of(values: Mapping[str, Any] | None) -> GroupKey:
    """Return the key that a body asks for; `InvalidSplitting` where it cannot be."""
    return GroupKey(**(values or {}))
