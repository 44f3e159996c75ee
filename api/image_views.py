"""The photograph of an image and the views of its label, as files."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from api.access import get_version
from api.caching import answer_bytes
from api.documentation import IF_NONE_MATCH, NUMBER, REV, file_answers, query
from api.downloads import DOWNLOAD_PARAMETERS, Download, answer_download, download_answers
from api.pagination import choice_of, integer_of
from api.readings import TAXONOMY, get_read_version
from datasets_app.errors import NotFound
from datasets_app.image_lists import ImageRow, get_image
from datasets_app.label_pictures import MAX_SIDE
from datasets_app.views_of_labels import (
    GEOMETRIES,
    LAYERS,
    MAX_VOID,
    MIN_SIDE,
    OVERLAY_SIDE,
    STORED_CLASSES,
    THUMBNAIL_SIDE,
    View,
    view_instances_json,
    view_overlay_png,
    view_panoptic_json,
    view_panoptic_png,
    view_photo,
    view_semantic_png,
    view_thumbnail_webp,
)
from labels_app.reading import Reading
from panoptic.label import MAX_LAYERS

# Nothing else is ever shown in a browser as what it says it is.
PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "image/bmp")
_PARAMETERS = [REV, NUMBER, IF_NONE_MATCH]


class Photo(APIView):
    """The photograph as it came in."""

    @extend_schema(
        operation_id="images_photo",
        parameters=[REV, NUMBER, *DOWNLOAD_PARAMETERS],
        responses=download_answers(*PHOTO_TYPES),
    )
    def get(self, request: Request, slug: str, rev: str, number: int) -> HttpResponseBase:
        """Return the bytes of the photograph."""
        found = get_version(request, slug, rev)
        row = get_image(found.version, number)
        photo = view_photo(row.entry)
        if photo.media_type not in PHOTO_TYPES:
            raise NotFound("photograph", "that a browser may show")
        return answer_download(
            request,
            Download(
                photo.info.digest,
                photo.media_type,
                row.name.rpartition("/")[2],
                inline=True,
                immutable=found.by_id,
            ),
        )


class LabelView(APIView):
    """A view of a label; subclasses say which."""

    def get(self, request: Request, slug: str, rev: str, number: int) -> HttpResponseBase:
        """Return the view, or 304, for which no label is read."""
        found = get_read_version(request, slug, rev)
        row = get_image(found.version, number, reading=found.reading)
        view = self.view(request, row, found.reading)
        return answer_bytes(
            request, view.etag, view.media_type, view.render, immutable=found.immutable
        )

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        raise NotImplementedError


def _documented(operation_id: str, media_type: str, *parameters: Any) -> Any:
    return extend_schema(
        operation_id=operation_id,
        parameters=[*_PARAMETERS, TAXONOMY, *parameters],
        responses=file_answers(media_type),
    )


class PanopticPng(LabelView):
    """The panoptic view: RGB with id = R + 256 G + 65536 B."""

    @_documented(
        "images_panoptic_png",
        "image/png",
        query(
            "layer",
            "one layer alone, 0 the lowest, with the full masks of its segments; by default "
            "the topmost segments of all",
            {"type": "integer", "minimum": 0, "maximum": MAX_LAYERS - 1},
        ),
    )
    def get(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the ids of the topmost segments, or those of one layer; 0 is void."""
        return super().get(*args, **kwargs)

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        layer = integer_of(request, "layer", -1, least=0, most=MAX_LAYERS - 1)
        return view_panoptic_png(row.entry, reading, layer=None if layer < 0 else layer)


class PanopticJson(LabelView):
    """The segments of the panoptic view."""

    @_documented("images_panoptic_json", "application/json")
    def get(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return `segments_info` and `categories` as COCO panoptic has them."""
        return super().get(*args, **kwargs)

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        return view_panoptic_json(row.entry, reading, name=row.name)


class SemanticPng(LabelView):
    """The semantic view: grey, 8 or 16 bits."""

    @_documented(
        "images_semantic_png",
        "image/png",
        query("ids", "`class` (default) or a scheme of external ids, such as `coco`"),
        query("void", "the value of void, 0 by default", OpenApiTypes.INT),
    )
    def get(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return the class of every pixel."""
        return super().get(*args, **kwargs)

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        return view_semantic_png(
            row.entry,
            reading,
            ids=request.query_params.get("ids", STORED_CLASSES),
            void=integer_of(request, "void", 0, least=0, most=MAX_VOID),
        )


class InstancesJson(LabelView):
    """The instance view: full masks, so that overlaps survive."""

    @_documented(
        "images_instances_json",
        "application/json",
        query("geometry", "how masks are written", enum=list(GEOMETRIES)),
    )
    def get(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return every thing segment with its full mask."""
        return super().get(*args, **kwargs)

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        geometry = choice_of(request, "geometry", GEOMETRIES, "rle")
        return view_instances_json(row.entry, reading, name=row.name, geometry=geometry)


class OverlayPng(LabelView):
    """The photograph under the colours of its classes."""

    @_documented("images_overlay_png", "image/png", query("size", "", OpenApiTypes.INT))
    def get(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return a picture at most `size` pixels high and wide."""
        return super().get(*args, **kwargs)

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        return view_overlay_png(row.entry, reading, side=_side_of(request, OVERLAY_SIDE))


class ThumbnailWebp(LabelView):
    """A small picture."""

    @_documented(
        "images_thumbnail_webp",
        "image/webp",
        query("size", "", OpenApiTypes.INT),
        query("layer", "", enum=list(LAYERS)),
    )
    def get(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return a picture at most `size` pixels high and wide."""
        return super().get(*args, **kwargs)

    def view(self, request: Request, row: ImageRow, reading: Reading) -> View:
        """Say what to show."""
        layer = choice_of(request, "layer", LAYERS, "overlay")
        side = _side_of(request, THUMBNAIL_SIDE)
        return view_thumbnail_webp(row.entry, reading, side=side, layer=layer)


def _side_of(request: Request, default: int) -> int:
    return integer_of(request, "size", default, least=MIN_SIDE, most=MAX_SIDE)
