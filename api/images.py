"""The images of a version: lists, one image with its segments, its history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from api.access import NamedVersion, get_version
from api.caching import answer_json, etag_of
from api.documentation import IF_NONE_MATCH, NUMBER, PAGE, REV, answers, page_of, query
from api.errors import Problem, invalid
from api.fields import BoxField, DigestField, SplitField
from api.pagination import Page, choice_of, limit_of, page_json, read_cursor
from api.readings import TAXONOMY, ReadVersion, get_read_version
from api.versions import VersionSerializer
from datasets_app.attributes import get_attributes
from datasets_app.changelog import ImageHistory, history
from datasets_app.comparison import ImageChangeKind, kind_of
from datasets_app.entries import Facet, Status
from datasets_app.errors import NotFound
from datasets_app.image_lists import find_image_no, get_image, list_images
from datasets_app.image_query import ClassCondition, ImageQuery, condition_of, parse_query
from datasets_app.image_rows import ImageRow
from datasets_app.names import clean_split
from datasets_app.segment_rows import get_segment_rows
from labels_app.models import Kind
from labels_app.reading import Reading

_LIST, _HISTORY = "images", "history"
_MOST_WORDS = 2_000  # characters of a filter, as many as a pull takes
_SHORTHANDS = ("class", "split", "status", "prefix")


class ImageSerializer(serializers.Serializer):
    """An image in a version. Height and width are the label's, else the photograph's.

    `segment_count` counts the segments of live classes.
    """

    number = serializers.IntegerField(source="image_no")
    name = serializers.CharField()
    width = serializers.IntegerField(allow_null=True)
    height = serializers.IntegerField(allow_null=True)
    split = SplitField(source="entry.split")
    status = serializers.ChoiceField([status.value for status in Status], source="entry.status")
    image_digest = DigestField(source="entry.image", allow_null=True)
    label_digest = DigestField(source="entry.label", allow_null=True)
    shape_digest = DigestField(allow_null=True)
    segment_count = serializers.IntegerField(allow_null=True)


class OriginSerializer(serializers.Serializer):
    """Which model said so."""

    model = serializers.CharField()
    version = serializers.CharField()
    score = serializers.FloatField(allow_null=True)


class SegmentSerializer(serializers.Serializer):
    """A segment as a taxonomy reads it: of a live class."""

    id = serializers.IntegerField(source="segment.segment_id")
    class_id = serializers.IntegerField(source="live.class_id")
    class_name = serializers.CharField(source="live.name")
    kind = serializers.ChoiceField(Kind.choices, source="live.kind")
    stored_class_id = serializers.IntegerField(
        help_text="what it was labelled as; of several that read as one, the smallest id counts"
    )
    layer = serializers.IntegerField()
    crowd = serializers.BooleanField()
    track_id = serializers.IntegerField(source="segment.track_id", allow_null=True)
    score = serializers.FloatField(source="segment.score", allow_null=True)
    origin = OriginSerializer(source="segment.origin", allow_null=True)
    attributes = serializers.DictField(source="segment.attributes")
    area = serializers.IntegerField(help_text="pixels of the full mask")
    visible_area = serializers.IntegerField()
    bbox = BoxField(source="box")


class FullImageSerializer(ImageSerializer):
    """An image with its attributes and its segment table."""

    attributes = serializers.DictField()
    segments = SegmentSerializer(many=True)


class HistorySerializer(serializers.Serializer):
    """A version that changed an image, against its first parent."""

    version = VersionSerializer()
    kind = serializers.SerializerMethodField()
    facets = serializers.SerializerMethodField()
    image_digest = DigestField(source="change.new.image", default=None, allow_null=True)
    label_digest = DigestField(source="change.new.label", default=None, allow_null=True)

    def get_kind(self, row: ImageHistory) -> ImageChangeKind:
        """Return what became of the image."""
        return kind_of(row.change)

    def get_facets(self, row: ImageHistory) -> list[Facet]:
        """Return what differs, where the image is on both sides."""
        return list(row.change.facets)


class ImageList(APIView):
    """The images of a version."""

    @extend_schema(
        operation_id="images_list",
        parameters=[
            REV,
            query("filter", 'words that all hold: `class:"traffic light" count>3 -split:val`'),
            query("class", "name or id of a class of the taxonomy"),
            query("split", "empty: in no split"),
            query("status", "", enum=[status.value for status in Status]),
            query("prefix", "what names start with; the list is then sorted by name"),
            query("name", "the whole name: at most one image"),
            TAXONOMY,
            *PAGE,
            IF_NONE_MATCH,
        ],
        responses=answers(page_of("Image", ImageSerializer(many=True)), 400, 404, 409),
    )
    def get(self, request: Request, slug: str, rev: str) -> HttpResponseBase:
        """List images by number. A page may be short, even empty, before the last one."""
        found = get_read_version(request, slug, rev)
        etag = etag_of(request, *found.etag_parts)
        return answer_json(request, etag, lambda: _list(request, found), immutable=found.immutable)


class ImageDetail(APIView):
    """One image of a version."""

    @extend_schema(
        operation_id="images_get",
        parameters=[REV, NUMBER, TAXONOMY, IF_NONE_MATCH],
        responses=answers(FullImageSerializer, 404, 409),
    )
    def get(self, request: Request, slug: str, rev: str, number: int) -> HttpResponseBase:
        """Return an image with its segment table."""
        found = get_read_version(request, slug, rev)
        row = get_image(found.version, number, reading=found.reading)
        etag = etag_of(request, *found.etag_parts)
        return answer_json(
            request, etag, lambda: _full_image(found, row), immutable=found.immutable
        )


class ImageHistoryList(APIView):
    """What happened to one image."""

    @extend_schema(
        operation_id="images_history",
        parameters=[REV, NUMBER, *PAGE, IF_NONE_MATCH],
        responses=answers(page_of("ImageHistory", HistorySerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, slug: str, rev: str, number: int) -> HttpResponseBase:
        """List the versions that changed this image up to this version, newest first."""
        found = get_version(request, slug, rev)
        etag = etag_of(request, found.version.version_id)
        return answer_json(
            request, etag, lambda: _history(request, found, number), immutable=found.by_id
        )


def _list(request: Request, found: ReadVersion) -> Any:
    version, reading, name = found.version, found.reading, request.query_params.get("name")
    if name is not None:
        image_no = find_image_no(version, name)
        page = Page([] if image_no is None else [get_image(version, image_no, reading=reading)])
    else:
        images = list_images(
            version,
            _query_of(request, reading),
            limit=limit_of(request),
            cursor=read_cursor(request, _LIST),
            reading=reading,
        )
        page = Page(images.rows, images.cursor)
    return page_json(request, _LIST, page, lambda rows: ImageSerializer(rows, many=True).data)


def _query_of(request: Request, reading: Reading) -> ImageQuery:
    given = request.query_params
    words = given.get("filter", "")
    if len(words) > _MOST_WORDS:
        raise invalid("filter", f"at most {_MOST_WORDS} characters")
    besides = [name for name in _SHORTHANDS if name in given]
    if words and besides:
        raise invalid(besides[0], f"a filter says it in words: {besides[0]}:…")
    if words:
        return parse_query(words, reading)
    wanted, split = given.get("class"), given.get("split")
    status = choice_of(request, "status", list(Status))
    return ImageQuery(
        classes=() if wanted is None else (_condition(reading, wanted),),
        split=None if split is None else clean_split(split),
        status=Status(status) if status else None,
        prefix=given.get("prefix", ""),
    )


def _condition(reading: Reading, wanted: str) -> ClassCondition:
    """Return the condition that an image has a class, given by name or by id."""
    live = {class_id for class_id in reading.live_of.values() if class_id is not None}
    named = [class_id for class_id in sorted(live) if reading.classes[class_id].name == wanted]
    for class_id in named or [class_id for class_id in live if str(class_id) == wanted]:
        return condition_of(class_id, reading)
    raise Problem(400, "unknown_class", f"the taxonomy has no class {wanted!r}")


def _full_image(found: ReadVersion, row: ImageRow) -> Any:
    digest = row.entry.attributes
    shown = {
        **row._asdict(),
        "attributes": {} if digest is None else get_attributes([digest])[digest],
        "segments": get_segment_rows(row.entry, found.reading),
    }
    return FullImageSerializer(shown).data


def _history(request: Request, found: NamedVersion, number: int) -> Any:
    before, limit = read_cursor(request, _HISTORY), limit_of(request)
    rows = history(found.dataset, found.version, number, limit=limit + 1, before=before)
    if not rows and before is None:
        raise NotFound("image", str(number))
    more = rows[limit - 1].version.number if len(rows) > limit else None
    return page_json(request, _HISTORY, Page(rows[:limit], more), _histories_json)


def _histories_json(rows: Sequence[ImageHistory]) -> Any:
    return HistorySerializer(rows, many=True).data
