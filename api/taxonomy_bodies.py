"""What taxonomies, their classes, rules and changes look like in JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import DigestField
from labels_app.class_json import class_to_plain
from labels_app.class_spec import ATTRIBUTE_TYPES, ClassSpec
from labels_app.models import Kind, TaxonomyVersion
from labels_app.reading import reading_of
from labels_app.rules import RuleKind, Severity
from labels_app.taxonomy_diff import ClassChange, ClassChangeKind
from people_app.roles import Role

ROLES = [role.value for role in Role.of_kind("taxonomy")]
# Deeper bodies are no bodies of ours, and would be too deep to be written down again.
_DEEPEST = 20


class PlainField(serializers.Field):
    """JSON that an action of the apps below checks itself; here only its depth is."""

    default_error_messages = {
        "deep": "nested too deeply",
        "list": "a list",
        "object": "an object",
    }

    def __init__(self, kind: type | tuple[type, ...] = object, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kind = kind

    def to_internal_value(self, data: Any) -> Any:
        """Return it as it came."""
        if not isinstance(data, self._kind):
            self.fail("list" if self._kind is list else "object")
        if _is_deep(data):
            self.fail("deep")
        return data

    def to_representation(self, value: Any) -> Any:
        """Return it as it is."""
        return value


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {}}})
class ObjectsField(PlainField):
    """A list of objects that an action checks."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(list, **kwargs)


class AttributeSerializer(serializers.Serializer):
    """A free attribute that segments of a class may carry, and what its values are."""

    name = serializers.CharField()
    type = serializers.ChoiceField(ATTRIBUTE_TYPES)
    choices = serializers.ListField(child=serializers.CharField(), help_text="of a choice")
    minimum = serializers.FloatField(allow_null=True, help_text="of a number; included")
    maximum = serializers.FloatField(allow_null=True, help_text="of a number; included")
    required = serializers.BooleanField(help_text="on every segment")
    description = serializers.CharField()


class ExampleSerializer(serializers.Serializer):
    """A picture in a guideline; not good: how not to do it."""

    picture = serializers.CharField(help_text="the sha256 of a picture of this taxonomy")
    caption = serializers.CharField()
    good = serializers.BooleanField()


class ClassSerializer(serializers.Serializer):
    """A class; a retired one reads as `forwards_to`, null: as void.

    A deprecated one is read as itself and refused in new segments; `split_into` are the
    classes that take its place.
    """

    id = serializers.IntegerField(allow_null=True, help_text="null: the taxonomy gives one")
    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    color = serializers.CharField(allow_null=True, help_text="#rrggbb; null: the taxonomy's choice")
    parent = serializers.IntegerField(allow_null=True)
    heading = serializers.CharField(help_text="a name above the class that is no class")
    description = serializers.CharField()
    external = serializers.DictField(help_text="ids in other lists: `{coco: 3, cityscapes: 26}`")
    retired = serializers.BooleanField()
    forwards_to = serializers.IntegerField(allow_null=True)
    synonyms = serializers.ListField(child=serializers.CharField())
    attributes = AttributeSerializer(many=True)
    guideline = serializers.CharField()
    examples = ExampleSerializer(many=True)
    deprecated = serializers.BooleanField()
    split_into = serializers.ListField(child=serializers.IntegerField())


class RuleSerializer(serializers.Serializer):
    """A label rule; no classes: it is about every class."""

    rule = serializers.ChoiceField([kind.value for kind in RuleKind])
    severity = serializers.ChoiceField([severity.value for severity in Severity])
    classes = serializers.ListField(child=serializers.IntegerField())
    value = serializers.IntegerField(allow_null=True)


class FieldChangeSerializer(serializers.Serializer):
    """What a field of a class said before and says now."""

    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)


class TaxonomyChangeSerializer(serializers.Serializer):
    """One thing that happened to classes; changes are net.

    `class` is the class that it is about, `sources` the classes whose segments it touches,
    `into` what those read as now, null for void.
    """

    kind = serializers.ChoiceField([kind.value for kind in ClassChangeKind])
    name = serializers.CharField()
    sources = serializers.ListField(child=serializers.IntegerField())
    into = serializers.ListField(child=serializers.IntegerField(allow_null=True))
    fields = serializers.DictField(child=FieldChangeSerializer())

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add `class`, which no attribute can be named."""
        return super().get_fields() | {"class": serializers.IntegerField()}


class TaxonomySerializer(serializers.Serializer):
    """A taxonomy; `latest` is the number of its newest version, `role` the caller's."""

    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    latest = serializers.IntegerField()
    role = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(ROLES))
    def get_role(self, taxonomy: Any) -> str:
        """Return the role; `context["roles"]` has those of members."""
        role: str = self.context["roles"].get(taxonomy.pk, Role.READER.value)
        return role


class TaxonomyVersionSerializer(serializers.Serializer):
    """A frozen version."""

    number = serializers.IntegerField()
    digest = DigestField(help_text="of the classes and rules")
    message = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()


class FullTaxonomyVersionSerializer(TaxonomyVersionSerializer):
    """A frozen version with its classes and label rules."""

    taxonomy = serializers.CharField(source="taxonomy.slug")
    classes = serializers.SerializerMethodField()
    rules = serializers.SerializerMethodField()

    @extend_schema_field(ClassSerializer(many=True))
    def get_classes(self, version: TaxonomyVersion) -> Any:
        """Return the classes by id."""
        return classes_json(reading_of(version).classes.values())

    @extend_schema_field(RuleSerializer(many=True))
    def get_rules(self, version: TaxonomyVersion) -> Any:
        """Return the label rules."""
        return version.rules


def classes_json(classes: Iterable[ClassSpec]) -> list[dict[str, Any]]:
    """Return classes with all fields, also those of their attributes and examples."""
    return [
        class_to_plain(spec)
        | {
            "attributes": [asdict(attribute) for attribute in spec.attributes],
            "examples": [asdict(example) for example in spec.examples],
        }
        for spec in classes
    ]


def changes_json(changes: Iterable[ClassChange]) -> list[dict[str, Any]]:
    """Return what happened to classes."""
    return [change.to_plain() for change in changes]


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True
