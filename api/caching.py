"""Conditional requests: what is named by a digest is kept by its reader for a year.

An ETag is known before anything is read, so `304 Not Modified` costs no blob. Private data
never enters a cache that people share (RULES 7.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

# Raise it when a body says other things about the same version.
FORM = 2

IMMUTABLE = "private, immutable, max-age=31536000"
REVALIDATED = "private, no-cache"


def etag_of(request: Request, *parts: bytes | str | int | None) -> str:
    """Return the ETag of a JSON body that is made from these, at this URL.

    The URL is in it, since bodies hold URLs and depend on the query.
    """
    content = hashlib.sha256(f"{FORM}\n{request.build_absolute_uri()}\n".encode())
    for part in parts:
        plain = part.hex() if isinstance(part, bytes) else str(part)
        content.update(f"{len(plain)}:{plain}\n".encode())
    return f'"{content.hexdigest()[:40]}"'


def answer_json(
    request: Request, etag: str, make: Callable[[], Any], *, immutable: bool
) -> HttpResponseBase:
    """Answer with JSON, or 304 where the reader has it."""
    return answer(request, etag, lambda: Response(make()), immutable=immutable)


def answer_bytes(
    request: Request, etag: str, media_type: str, render: Callable[[], bytes], *, immutable: bool
) -> HttpResponseBase:
    """Answer with a view's bytes, or 304 where the reader has them."""
    return answer(
        request, etag, lambda: HttpResponse(render(), content_type=media_type), immutable=immutable
    )


def answer(
    request: Request, etag: str, make: Callable[[], HttpResponseBase], *, immutable: bool
) -> HttpResponseBase:
    """Answer with what `make` makes, or, without calling it, with 304.

    What `make` itself says not to store is given on as it is, without the ETag.
    """
    response = HttpResponseNotModified() if _has(request, etag) else make()
    if response.has_header("Cache-Control"):
        return response
    response["ETag"] = etag
    response["Cache-Control"] = IMMUTABLE if immutable else REVALIDATED
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def answer_for_now(body: dict[str, Any]) -> Response:
    """Answer with what will be something else soon: the work is still going on."""
    response = Response(body)
    response["Cache-Control"] = "no-store"
    response["Retry-After"] = "2"
    return response


def _has(request: Request, etag: str) -> bool:
    """Compare weakly, as If-None-Match is to be read (RFC 9110, 13.1.2)."""
    sent = parse_etags(request.headers.get("If-None-Match", ""))
    return "*" in sent or etag.removeprefix("W/") in {one.removeprefix("W/") for one in sent}
