"""What the labels of a version break of the label rules, image by image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from api.caching import answer_json, etag_of
from api.documentation import IF_NONE_MATCH, PAGE, REV, answers, page_of, query
from api.pagination import Page, choice_of, limit_of, page_json, read_cursor
from api.readings import TAXONOMY, asked_taxonomy, get_read_version
from datasets_app.label_checks import violation_json
from datasets_app.violations import (
    ImageViolations,
    get_label_rules,
    select_rules,
    violations_page,
)
from labels_app.class_spec import ClassSpec
from labels_app.rules import RuleKind, Severity

_LIST = "versions.violations"
_MOST_OF_IMAGE = 100
_RULES = [kind.value for kind in RuleKind]
_SEVERITIES = [severity.value for severity in Severity]


class ViolationSerializer(serializers.Serializer):
    """What a label breaks of one rule."""

    rule = serializers.ChoiceField(_RULES)
    severity = serializers.ChoiceField(_SEVERITIES)
    class_id = serializers.IntegerField(
        allow_null=True, help_text="null: the rule is about the whole image"
    )
    class_name = serializers.CharField(allow_null=True)
    segment = serializers.IntegerField(
        allow_null=True, help_text="null: it is not about one segment"
    )
    attribute = serializers.CharField(
        allow_null=True, help_text="the typed attribute that does not fit"
    )
    value = serializers.JSONField(
        allow_null=True, help_text="what was found: pixels, segments, or an attribute's value"
    )
    limit = serializers.IntegerField(allow_null=True, help_text="what the rule asks for")
    message = serializers.CharField()


class ImageViolationSerializer(ViolationSerializer):
    """What the label of an image breaks of one rule."""

    image = serializers.CharField(help_text="the image's name")


class ImageViolationsSerializer(serializers.Serializer):
    """An image whose label breaks rules; the first 100 violations are listed."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    error_count = serializers.IntegerField()
    warning_count = serializers.IntegerField()
    violations = ViolationSerializer(many=True)


class ViolationList(APIView):
    """The violations of a version."""

    @extend_schema(
        operation_id="versions_violations",
        parameters=[
            REV,
            query("severity", "only rules of this severity", enum=_SEVERITIES),
            query("rule", "only rules of this kind", enum=_RULES),
            TAXONOMY,
            *PAGE,
            IF_NONE_MATCH,
        ],
        responses=answers(
            page_of("ImageViolations", ImageViolationsSerializer(many=True)), 400, 404, 409
        ),
    )
    def get(self, request: Request, slug: str, rev: str) -> HttpResponseBase:
        """List images whose labels break rules of the taxonomy version they are read by.

        A page looks at a bounded number of images: it may be short, or empty, and have a `next`.
        """
        found = get_read_version(request, slug, rev)
        severity = choice_of(request, "severity", _SEVERITIES)
        kind = choice_of(request, "rule", _RULES)
        limit, after = limit_of(request), read_cursor(request, _LIST)
        rules = select_rules(
            get_label_rules(
                found.version, found.reading, user=request.user, under=asked_taxonomy(request)
            ),
            severity=Severity(severity) if severity else None,
            kind=RuleKind(kind) if kind else None,
        )

        def make() -> Any:
            page = violations_page(
                found.version,
                found.reading,
                rules,
                limit=limit,
                after=-1 if after is None else after,
            )
            classes = found.reading.classes
            return page_json(
                request,
                _LIST,
                Page(page.images, page.after),
                lambda images: _rows(images, classes),
            )

        said = str([rule.to_plain() for rule in rules])  # a draft's reading knows no rules
        etag = etag_of(request, *found.etag_parts, said)
        return answer_json(request, etag, make, immutable=found.immutable)


def _rows(
    images: Sequence[ImageViolations], classes: Mapping[int, ClassSpec]
) -> list[dict[str, Any]]:
    return [
        {
            "number": image.image_no,
            "name": image.name,
            "error_count": image.findings.errors,
            "warning_count": image.findings.warnings,
            "violations": [
                violation_json(violation, classes)
                for violation in image.findings.violations[:_MOST_OF_IMAGE]
            ],
        }
        for image in images
    ]
