"""The headers of tus 1.0.0 (https://tus.io/protocols/resumable-upload), read and written."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.views import APIView

from api.errors import Problem, invalid
from store_app.models import Upload
from store_app.uploads import CHECKSUMS, Checksum

VERSION = "1.0.0"
EXTENSIONS = ("creation", "expiration", "checksum", "termination")
MEDIA_TYPE = "application/offset+octet-stream"
MAX_METADATA = 4_096  # characters of the header

_NUMBER = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[!-+\--~]+")  # ASCII without spaces and commas
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGEST_BYTES = {"sha1": 20, "sha256": 32}


class TusView(APIView):
    """A view whose every answer says which version it speaks."""

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Add what every answer of the protocol has."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        if response.status_code == 412:
            response["Tus-Version"] = VERSION
        response.setdefault("Cache-Control", "no-store")
        return response

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Say what this server can do; it is the same for all datasets."""
        return HttpResponse(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": ",".join(EXTENSIONS),
                "Tus-Max-Size": str(settings.TESSERA_UPLOAD_LIMIT_BYTES),
                "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
                "Allow": ", ".join(self.allowed_methods),
            },
        )


def check_version(request: Request) -> None:
    """Raise 412 unless the client speaks this version."""
    sent = request.headers.get("Tus-Resumable")
    if sent != VERSION:
        raise Problem(
            412, "unsupported_version", f"Tus-Resumable must be {VERSION}, it is {sent or 'absent'}"
        )


def number_of(request: Request, name: str) -> int:
    """Return the number in a header, which must be there."""
    text = request.headers.get(name, "")
    if not _NUMBER.fullmatch(text):
        raise invalid(name, "a number of bytes, 0 or more")
    return int(text)


def body_length(request: Request) -> int:
    """Return how long the body of a piece is; 411 where nobody says so, 415 for another type."""
    if request.content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise UnsupportedMediaType(request.content_type)
    # A body in chunks has no length here, and would look empty.
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise Problem(411, "length_required", "a piece needs a Content-Length")
    return number_of(request, "Content-Length") if request.headers.get("Content-Length") else 0


def checksum_of(request: Request) -> Checksum | None:
    """Return the `Upload-Checksum` of a piece, None where it has none."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in CHECKSUMS:
        raise invalid("Upload-Checksum", f"the algorithms are {', '.join(CHECKSUMS)}")
    digest = _from_base64(encoded)
    if digest is None or len(digest) != _DIGEST_BYTES[algorithm]:
        raise invalid("Upload-Checksum", f"{algorithm}, a space, and the digest in base64")
    return Checksum(algorithm, digest)


def metadata_of(request: Request) -> str:
    """Return the `Upload-Metadata` as it was sent, well-formed; "" where there is none."""
    text: str = request.headers.get("Upload-Metadata", "")
    if len(text) > MAX_METADATA:
        raise invalid("Upload-Metadata", f"at most {MAX_METADATA} characters")
    parse_metadata(text)
    return text


def parse_metadata(text: str) -> Mapping[str, bytes]:
    """Read `filename d29ybGQ=,is_secret`; 400 where it is not of that form."""
    values: dict[str, bytes] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        value = _from_base64(encoded)
        if not _KEY.fullmatch(key) or key in values or value is None:
            raise invalid("Upload-Metadata", "pairs of a key and its value in base64, by commas")
        values[key] = value
    return values


def digest_in(metadata: str) -> bytes | None:
    """Return the sha256 that the whole file must have, if the sender said it (in hex)."""
    value = parse_metadata(metadata).get("sha256")
    if value is None:
        return None
    text = value.decode("ascii", "replace").lower()
    if not _DIGEST.fullmatch(text):
        raise invalid("Upload-Metadata", "sha256 has 64 hexadecimal digits, before base64")
    return bytes.fromhex(text)


def file_name_in(metadata: str) -> str:
    """Return what the sender calls the file; "" where it says nothing."""
    return parse_metadata(metadata).get("filename", b"").decode("utf-8", "replace")


def describe(response: HttpResponseBase, upload: Upload) -> HttpResponseBase:
    """Say where an upload is, and how long it is kept."""
    response["Upload-Offset"] = str(upload.received)
    response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    return response


def overridden_method(request: HttpRequest | Request) -> str:
    """Return what `X-HTTP-Method-Override` asks for, for clients that can only POST."""
    return request.headers.get("X-HTTP-Method-Override", "").upper()


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
