"""Pull: what to fetch to have a version, and the bytes themselves (docs/formats/pull.md)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.core import signing
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset, get_version, load_version
from api.caching import answer
from api.documentation import IF_NONE_MATCH, REV, answers
from api.fields import DigestField
from api.versions import TaxonomyNameSerializer, VersionSerializer, version_json
from datasets_app.entries import Status
from datasets_app.errors import InvalidCursor
from datasets_app.image_query import parse_query
from datasets_app.manifest import iter_manifest
from datasets_app.models import Dataset, Version
from datasets_app.pulling.columns import PlanEntries
from datasets_app.pulling.plan import PlanPage, plan_page
from datasets_app.pulling.ranges import RANGE_BYTES, BlobRange, read_range
from labels_app.reading import reading_of
from store_app.blobs import grant_lease, release_lease, renew_lease

DEFAULT_PAGE, LARGEST_PAGE = 2_000, 10_000
_SIGNER = signing.Signer(salt="api.cursor.pull")
_ADDRESSES = signing.TimestampSigner(salt="api.pull.range")
_ADDRESS_AGE = timedelta(minutes=15)
_STATUSES = {status: place for place, status in enumerate(Status)}
_NO_DIGEST = bytes(32)


class PullRequestSerializer(serializers.Serializer):
    """What somebody wants, and what they have."""

    version = serializers.CharField(max_length=500, help_text="a revision, such as `main` or `v3`")
    have = serializers.RegexField(
        r"\A[0-9a-f]{64}\Z",
        required=False,
        allow_null=True,
        help_text="the id of a version that the client has by the same filter",
    )
    filter = serializers.CharField(
        max_length=2_000, required=False, default="", allow_blank=True,
        help_text="`class:car count>3 area>5000 -split:val status:reviewed prefix:night/`",
    )  # fmt: skip
    labels_only = serializers.BooleanField(default=False)
    cursor = serializers.CharField(max_length=500, required=False, allow_null=True)
    lease = serializers.UUIDField(required=False, allow_null=True)
    limit = serializers.IntegerField(min_value=1, max_value=LARGEST_PAGE, default=DEFAULT_PAGE)


class PullLeaseSerializer(serializers.Serializer):
    """For an hour from now nothing that the plan names is deleted."""

    id = serializers.UUIDField()


class PullTaxonomySerializer(TaxonomyNameSerializer):
    """The taxonomy version by which the version is read."""

    digest = DigestField()


class PulledEntriesSerializer(serializers.Serializer):
    """Images to have, as columns of one length: the nth of each are of the nth image.

    Digests are written one behind the other, 64 digits each, zeros where an image has none; ""
    where no image has one.
    """

    numbers = serializers.ListField(child=serializers.IntegerField())
    names = serializers.ListField(child=serializers.CharField())
    images = serializers.CharField()
    labels = serializers.CharField()
    attributes = serializers.CharField()
    split_names = serializers.ListField(
        child=serializers.CharField(), help_text='the splits of this page; "" is none'
    )
    splits = serializers.ListField(
        child=serializers.IntegerField(), help_text="places in `split_names`"
    )
    statuses = serializers.ListField(
        child=serializers.IntegerField(), help_text=f"places in {', '.join(Status)}"
    )
    heights = serializers.ListField(child=serializers.IntegerField(), help_text="0: unknown")
    widths = serializers.ListField(child=serializers.IntegerField(), help_text="0: unknown")


class PulledRangeSerializer(serializers.Serializer):
    """Blobs one behind the other, as columns; digests as those of the entries.

    With `url` their stored bytes are the answer to a GET with these headers, for 15 minutes; a
    `url` that begins with a slash is the service's own, and needs its token. Else `blobs/fetch/`
    gives them.
    """

    digests = serializers.CharField()
    stored_digests = serializers.CharField()
    codecs = serializers.ListField(child=serializers.IntegerField())
    lengths = serializers.ListField(child=serializers.IntegerField(), help_text="stored bytes")
    sizes = serializers.ListField(child=serializers.IntegerField(), help_text="content bytes")
    length = serializers.IntegerField(help_text="stored bytes of all")
    url = serializers.CharField(allow_null=True)
    headers = serializers.DictField(child=serializers.CharField())


class PullPageSerializer(serializers.Serializer):
    """A page of a plan. `have` is null where everything comes anew."""

    version = VersionSerializer()
    have = serializers.CharField(allow_null=True)
    taxonomy = PullTaxonomySerializer()
    lease = PullLeaseSerializer()
    entries = PulledEntriesSerializer()
    removed = serializers.ListField(
        child=serializers.CharField(), help_text="images of `have` to forget, if they are known"
    )
    ranges = PulledRangeSerializer(many=True)
    erased = serializers.ListField(child=DigestField())
    next = serializers.CharField(allow_null=True, help_text="the cursor of the next page")


class _Sides(NamedTuple):
    version: Version
    have: Version | None


class Pull(APIView):
    """The plan of a pull."""

    # They read: a public dataset is pulled by everybody, and by tokens that may only read.
    permission_classes = [AllowAny]
    action = "pull"
    reading_actions = ("pull",)

    @extend_schema(
        operation_id="pull",
        request=PullRequestSerializer,
        responses=answers(PullPageSerializer, 400, 404, 409, 410),
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Tell, page by page, which images a version has and where their bytes are.

        With `have` only what differs from that version is told. Each page renews the lease.
        410 `lease_ended`: ask again without one.
        """
        dataset = get_dataset(request, slug)
        body = PullRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        sides = _sides(dataset, values["version"], values.get("have"))
        reading = reading_of(sides.version.taxonomy_version)
        wanted = parse_query(values["filter"], reading)
        identity = _identity(sides, values)
        after = _after(values.get("cursor"), identity)
        lease = _hold(dataset, values.get("lease"))
        page = plan_page(
            sides.version,
            sides.have,
            wanted,
            reading,
            labels_only=values["labels_only"],
            after=after,
            limit=values["limit"],
        )
        response = HttpResponse(
            orjson.dumps(_page_json(sides, lease, page, identity)), content_type="application/json"
        )
        response["Cache-Control"] = "no-store"
        return response


class PullLease(APIView):
    """The lease of a pull."""

    permission_classes = [AllowAny]
    action = "end"
    reading_actions = ("end",)

    @extend_schema(operation_id="pull_end", responses=answers(None, 404, status=204))
    def delete(self, request: Request, slug: str, lease_id: UUID) -> Response:
        """Say that a pull is over: what it named may be deleted when nothing else needs it."""
        release_lease(lease_id, holder=_holder(get_dataset(request, slug)))
        return Response(status=204)


class PullRange(APIView):
    """The bytes of one range of a plan."""

    # They read: a public dataset is pulled by everybody, and by tokens that may only read.
    permission_classes = [AllowAny]
    action = "range"
    reading_actions = ("range",)

    @extend_schema(
        operation_id="pull_range",
        responses={
            (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
            **answers(None, status=404),
        },
    )
    def get(self, request: Request, slug: str, address: str) -> HttpResponseBase:
        """Return the stored bytes of a range, as they lie in the file; the client checks them.

        404 where the address is older than 15 minutes, or the file was rewritten meanwhile:
        `blobs/fetch/` has the blobs all the same.
        """
        dataset = get_dataset(request, slug)
        try:
            number, file, start, length = _ADDRESSES.unsign_object(address, max_age=_ADDRESS_AGE)
        except (signing.BadSignature, ValueError):
            raise Http404("this is no address of a range any more") from None
        data = read_range(file, start, length) if number == dataset.pk else b""
        if len(data) != length:
            raise Http404("the bytes lie elsewhere now")
        response = HttpResponse(data, content_type="application/octet-stream")
        response["Cache-Control"] = "no-store"
        return response


class VersionManifest(APIView):
    """The portable manifest of a version."""

    @extend_schema(
        operation_id="versions_manifest",
        parameters=[REV, IF_NONE_MATCH],
        responses={
            (200, "text/plain"): OpenApiResponse(OpenApiTypes.STR),
            **answers(None, 404, status=304),
        },
    )
    def get(self, request: Request, slug: str, rev: str) -> HttpResponseBase:
        """Return the manifest, whose sha256 a tag keeps (docs/formats/manifest.md)."""
        named = get_version(request, slug, rev)

        def make() -> HttpResponseBase:
            return StreamingHttpResponse(
                iter_manifest(named.version), content_type="text/plain; charset=utf-8"
            )

        return answer(request, f'"{named.version.id_hex}"', make, immutable=named.by_id)


def _sides(dataset: Dataset, rev: str, have: str | None) -> _Sides:
    version = load_version(dataset, rev)
    if have is None:
        return _Sides(version, None)
    known = load_version(dataset, have)
    # By other classes an equal image may match the filter now and not then.
    if known.taxonomy_version_id != version.taxonomy_version_id:
        return _Sides(version, None)
    return _Sides(version, known)


def _identity(sides: _Sides, values: dict[str, Any]) -> list[Any]:
    have = None if sides.have is None else sides.have.id_hex
    return [sides.version.id_hex, have, values["filter"], values["labels_only"]]


def _after(cursor: str | None, identity: list[Any]) -> int:
    if cursor is None:
        return -1
    try:
        place = _SIGNER.unsign_object(cursor)
    except (signing.BadSignature, ValueError) as error:
        raise InvalidCursor(cursor[:40]) from error
    if place[1] != _short(identity):
        raise InvalidCursor(cursor[:40])
    return int(place[0])


def _short(identity: list[Any]) -> str:
    """Return what binds a cursor to its plan, short."""
    return _SIGNER.signature(orjson.dumps(identity).decode())[:16]


def _hold(dataset: Dataset, lease: UUID | None) -> UUID:
    # Before anything is looked up: what is found after it stays.
    if lease is None:
        return grant_lease(_holder(dataset))
    renew_lease(lease, holder=_holder(dataset))
    return lease


def _holder(dataset: Dataset) -> str:
    return f"pull of {dataset.slug}"


def _page_json(sides: _Sides, lease: UUID, page: PlanPage, identity: list[Any]) -> dict[str, Any]:
    taxonomy = sides.version.taxonomy_version
    following = None
    if page.after is not None:
        following = _SIGNER.sign_object([page.after, _short(identity)])
    return {
        "version": version_json(sides.version),
        "have": None if sides.have is None else sides.have.id_hex,
        "taxonomy": {
            "slug": taxonomy.taxonomy.slug,
            "number": taxonomy.number,
            "digest": bytes(taxonomy.digest).hex(),
        },
        "lease": {"id": str(lease)},
        "entries": _entries_json(page.entries),
        "removed": page.removed,
        "ranges": [_range_json(sides.version.dataset, one) for one in page.ranges],
        "erased": [digest.hex() for digest in page.erased],
        "next": following,
    }


def _entries_json(entries: PlanEntries) -> dict[str, Any]:
    split_names = sorted(set(entries.splits))
    places = {split: place for place, split in enumerate(split_names)}
    return {
        "numbers": entries.numbers,
        "names": entries.names,
        "images": _hex_column(entries.images),
        "labels": _hex_column(entries.labels),
        "attributes": _hex_column(entries.attributes),
        "split_names": split_names,
        "splits": [places[split] for split in entries.splits],
        "statuses": [_STATUSES[status] for status in entries.statuses],
        "heights": [height or 0 for height in entries.heights],
        "widths": [width or 0 for width in entries.widths],
    }


def _range_json(dataset: Dataset, one: BlobRange) -> dict[str, Any]:
    digests, stored_digests, codecs, sizes, _, _, lengths = zip(*one.locations, strict=True)
    signed = one.sign()
    url = _own_address(dataset, one) if signed is None else signed.url
    return {
        "digests": b"".join(digests).hex(),
        "stored_digests": b"".join(stored_digests).hex(),
        "codecs": codecs,
        "lengths": lengths,
        "sizes": sizes,
        "length": one.length,
        "url": url,
        "headers": {} if signed is None else signed.headers,
    }


def _own_address(dataset: Dataset, one: BlobRange) -> str | None:
    """Return where the service gives a range without looking up each blob of it again."""
    if not one.is_worth_an_address or one.length > RANGE_BYTES:
        return None
    address = _ADDRESSES.sign_object([dataset.pk, one.file, one.start, one.length])
    return f"/api/v1/datasets/{dataset.slug}/pull/ranges/{address}"


def _hex_column(digests: Sequence[bytes | None]) -> str:
    if not any(digests):
        return ""
    return b"".join([digest or _NO_DIGEST for digest in digests]).hex()
