"""What the OpenAPI document says beside the serializers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers

from api.fields import ProblemSerializer


class TokenScheme(OpenApiAuthenticationExtension):
    """`Authorization: Token <secret>`."""

    target_class = "people_app.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token` and the secret, with a space between",
        }


def query(
    name: str, description: str, kind: Any = OpenApiTypes.STR, **fields: Any
) -> OpenApiParameter:
    """Return a parameter of the query."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **fields)


PAGE = (
    query("cursor", "from `next` or `previous` of another page"),
    query(
        "limit",
        "rows of a page",
        {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    ),
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="an ETag: 304 if equal"
)
NUMBER = OpenApiParameter(
    "number", OpenApiTypes.INT, OpenApiParameter.PATH, description="the image's number"
)
REV = OpenApiParameter(
    "rev",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="id, branch, tag, `v12`, prefix of an id (8 digits or more); then `~N`",
)
SPEC = OpenApiParameter(
    "spec",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="`OLD..NEW`, or `OLD...NEW` from their merge base to NEW",
)


def answers(found: Any, *problems: int, status: int = 200) -> Mapping[int, Any]:
    """Return the answers of an operation: what it gives, and which problems are usual."""
    return {status: found} | dict.fromkeys(problems, ProblemSerializer)


def file_answers(*media_types: str) -> Mapping[tuple[int, str], Any]:
    """Return the answers of an operation that gives a file."""
    files: dict[Any, Any] = {
        (200, media_type): OpenApiResponse(
            OpenApiTypes.OBJECT if media_type == "application/json" else OpenApiTypes.BINARY
        )
        for media_type in media_types
    }
    return files | dict.fromkeys((404, 409, 410), ProblemSerializer)


def page_of(name: str, row: serializers.Serializer, **more: serializers.Field) -> Any:
    """Return the serializer of a page of rows, for the document only."""
    return inline_serializer(
        f"{name}Page",
        {
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row,
            **more,
        },
    )
