"""Files as answers: whole or a range of them (RFC 9110, 14), so that a download can go on.

What is wrong is found before the first byte is sent, or else the connection ends before the last
one: a damaged file never looks complete.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import quote

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date, parse_http_date_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from api.caching import IMMUTABLE, REVALIDATED
from api.documentation import IF_NONE_MATCH, file_answers
from api.errors import MEDIA_TYPE, Problem, problem
from api.fields import ProblemSerializer
from datasets_app.exports.files import get_export_file
from datasets_app.models import Job
from store_app.blobs import find_content, iter_content

_RANGES = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(r"([0-9]{0,30})\s*-\s*([0-9]{0,30})")


DOWNLOAD_PARAMETERS = (
    IF_NONE_MATCH,
    OpenApiParameter(
        "Range",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description="`bytes=100-199`, `bytes=100-` or `bytes=-100`; of several, the whole is sent",
    ),
    OpenApiParameter(
        "If-Range",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description="the ETag or Last-Modified of what is there already: else the whole is sent",
    ),
)


def download_answers(*media_types: str) -> Mapping[Any, Any]:
    """Return the answers of an operation that gives a file or a range of it."""
    ranges: dict[Any, Any] = {
        (206, media_type): OpenApiResponse(OpenApiTypes.BINARY) for media_type in media_types
    }
    problems = dict.fromkeys((410, 412, 416), ProblemSerializer)
    return {**file_answers(*media_types), **ranges, **problems}


class Download(NamedTuple):
    """What is downloaded: the content of the blob `digest`, whose ETag is the digest.

    `file_name` is what a browser saves it as, or with `inline` what it shows it as. `modified`
    is None where nobody knows.
    """

    digest: bytes
    media_type: str
    file_name: str
    inline: bool = False
    immutable: bool = False
    modified: datetime | None = None

    @property
    def etag(self) -> str:
        """The entity tag, a strong one: equal digests are equal bytes."""
        return f'"{self.digest.hex()}"'


class ByteRange(NamedTuple):
    """From `start` to before `stop`, not empty."""

    start: int
    stop: int


def answer_export(request: Request, job: Job) -> HttpResponseBase:
    """Answer with the archive of an export; 404 where the job leaves none, 410 once it is gone."""
    file = get_export_file(job)
    return answer_download(
        request, Download(file.digest, file.media_type, file.name, modified=file.made_at)
    )


def answer_download(request: Request, download: Download) -> HttpResponseBase:
    """Answer with a file: 200, 206 with the range that is asked for, 304, 412 or 416.

    Several ranges at once are answered by the whole. HEAD answers as GET would without `Range`.

    Raises
    ------
    ObjectMissing, ObjectErased, ObjectCorrupt
    """
    response = _conditional(request, download)
    if response is None:
        response = _file(request, download)
    response["ETag"] = download.etag
    response["Cache-Control"] = IMMUTABLE if download.immutable else REVALIDATED
    if download.modified is not None:
        response["Last-Modified"] = http_date(download.modified.timestamp())
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def parse_range(header: str, size: int) -> ByteRange | None:
    """Return the one range that a header asks for of `size` bytes.

    None: the whole is to be sent, for the header means nothing, or several ranges.

    Raises
    ------
    ValueError
        There is no such range.
    """
    unit = _RANGES.fullmatch(header)
    specs = [spec.strip() for spec in unit[1].split(",") if spec.strip()] if unit else []
    found = _RANGE.fullmatch(specs[0]) if len(specs) == 1 else None
    if found is None or found[0] == "-" or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, stop = max(size - int(found[2]), 0), size
    else:
        start, stop = int(found[1]), size
        if found[2]:
            if int(found[2]) < start:
                return None
            stop = min(int(found[2]) + 1, size)
    if start >= stop:
        raise ValueError(f"there are {size} bytes")
    return ByteRange(start, stop)


def _conditional(request: Request, download: Download) -> HttpResponseBase | None:
    """Return 304 where the reader has the file; raise 412 where another one is meant."""
    modified = None if download.modified is None else int(download.modified.timestamp())
    response = get_conditional_response(request, etag=download.etag, last_modified=modified)
    if response is not None and response.status_code == 412:
        raise Problem(412, "precondition_failed", "the file is another than the one that is meant")
    return response


def _file(request: Request, download: Download) -> HttpResponseBase:
    content = find_content(download.digest)
    try:
        wanted = _wanted(request, download, content.size)
    except ValueError:
        return _unsatisfiable(content.size)
    start, stop = wanted or (0, content.size)
    response: HttpResponseBase
    if request.method == "HEAD":
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(_begun(iter_content(content, start, stop)))
    if wanted is not None:
        response.status_code = 206
        response["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    response["Content-Type"] = download.media_type
    response["Content-Length"] = str(stop - start)
    response["Accept-Ranges"] = "bytes"
    response["Repr-Digest"] = f"sha-256=:{base64.b64encode(download.digest).decode()}:"
    response["X-Content-Type-Options"] = "nosniff"
    # Which keeps a browser from choosing another name; quoted, for names hold any character.
    kind = "inline" if download.inline else "attachment"
    response["Content-Disposition"] = f"{kind}; filename*=utf-8''{quote(download.file_name, '')}"
    return response


def _wanted(request: Request, download: Download, size: int) -> ByteRange | None:
    header = request.headers.get("Range")
    if header is None or request.method != "GET" or not _still_holds(request, download):
        return None
    return parse_range(header, size)


def _still_holds(request: Request, download: Download) -> bool:
    """Say whether what a client has a part of is this very file (If-Range compares strongly)."""
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    if condition.strip().startswith(('"', "W/")):
        return bool(condition.strip() == download.etag)
    if download.modified is None:
        return False
    return parse_http_date_safe(condition) == int(download.modified.timestamp())


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece now, so that what is missing or damaged is still an error."""
    return chain([next(pieces, b"")], pieces)


def _unsatisfiable(size: int) -> HttpResponseBase:
    body = problem(416, "range_not_satisfiable", f"the file has {size} bytes", size_bytes=size)
    headers = {"Content-Range": f"bytes */{size}"}
    return Response(body, status=416, headers=headers, content_type=MEDIA_TYPE)
