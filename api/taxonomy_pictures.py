"""The example pictures of guidelines."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer, etag_of
from api.documentation import IF_NONE_MATCH, answers, file_answers
from api.errors import invalid
from api.fields import DigestField
from api.taxonomy_access import get_taxonomy
from api.uploads import bytes_parsers, form_parser
from datasets_app.errors import NotFound
from labels_app.actions.pictures import LARGEST_FILE_BYTES, add_picture
from labels_app.models import Taxonomy, TaxonomyPicture
from people_app.roles import Role
from store_app.blobs import get_content

# Nothing else is ever shown in a browser as what it says it is.
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class PictureSerializer(serializers.Serializer):
    """A picture that the examples of classes can name."""

    picture = DigestField(source="digest", help_text="its sha256")
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class PictureFormSerializer(serializers.Serializer):
    """A picture in a form."""

    file = serializers.FileField()


class PictureList(APIView):
    """The pictures of a taxonomy."""

    parser_classes = [
        form_parser(LARGEST_FILE_BYTES),
        *bytes_parsers(LARGEST_FILE_BYTES, *PICTURE_TYPES, "application/octet-stream"),
    ]

    @extend_schema(
        operation_id="taxonomies_picture_add",
        request={
            **dict.fromkeys((*PICTURE_TYPES, "application/octet-stream"), OpenApiTypes.BINARY),
            "multipart/form-data": PictureFormSerializer,
        },
        responses=answers(PictureSerializer, 400, 401, 403, 404, 413, 422, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep a PNG, JPEG or WebP for guidelines (curators).

        The same picture again is the same picture.
        """
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        content = _content_of(request.data.get("file"))
        picture = add_picture(taxonomy=taxonomy, content=content, actor=request.user)
        return Response(PictureSerializer(picture).data, status=status.HTTP_201_CREATED)


class PictureDetail(APIView):
    """One picture of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_picture",
        parameters=[
            OpenApiParameter(
                "digest", OpenApiTypes.STR, OpenApiParameter.PATH, description="its sha256"
            ),
            IF_NONE_MATCH,
        ],
        responses=file_answers(*PICTURE_TYPES),
    )
    def get(self, request: Request, slug: str, digest: str) -> HttpResponseBase:
        """Return the bytes of a picture, to whoever sees the taxonomy."""
        picture = _get_picture(get_taxonomy(request, slug), digest)

        def make() -> HttpResponseBase:
            content = get_content(bytes(picture.digest))
            response = HttpResponse(content, content_type=picture.media_type)
            response["Content-Disposition"] = "inline"
            response["X-Content-Type-Options"] = "nosniff"
            return response

        return answer(request, etag_of(request, bytes(picture.digest)), make, immutable=True)


def _content_of(file: Any) -> bytes:
    if isinstance(file, bytes):
        return file
    if not isinstance(file, UploadedFile):
        raise invalid("file", "a picture", "required")
    return file.read(LARGEST_FILE_BYTES + 1)


def _get_picture(taxonomy: Taxonomy, digest: str) -> TaxonomyPicture:
    # A digest alone opens nothing: it must be of a picture of this taxonomy.
    found = None
    if _DIGEST.fullmatch(digest):
        pictures = TaxonomyPicture.objects.filter(taxonomy=taxonomy)
        found = pictures.filter(digest=bytes.fromhex(digest)).first()
    if found is None or found.media_type not in PICTURE_TYPES:
        raise NotFound("picture", digest)
    return found
