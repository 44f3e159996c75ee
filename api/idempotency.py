"""What makes a request that is sent twice one act: its key, and the digest of its body."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.errors import invalid
from datasets_app.jobs.asking import AskedOnce
from datasets_app.models import Dataset

_MAX_KEY = 200
JOB_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="the same key and body answer the job that they asked for before",
)


def key_of(request: Request) -> str | None:
    """Return the `Idempotency-Key` of a request, None where it has none."""
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= _MAX_KEY and key.isprintable()):
        raise invalid("Idempotency-Key", f"1 to {_MAX_KEY} characters")
    return key


def once_of(request: Request, dataset: Dataset, kind: str, body: Any) -> AskedOnce | None:
    """Return what makes a request for a job one act; None where it carries no key.

    `kind` keeps the keys of imports, exports and reports apart. `body` is all that the request
    says; of a file its digest. Give the answer to `find_asked` before anything costly is done
    (422 where the key came with another body), and as `once` to what asks for the job.
    """
    key = key_of(request)
    if key is None:
        return None
    return AskedOnce(request.user, dataset, kind, key, sha256_of(body))


def sha256_of(body: Any) -> bytes:
    """Return the digest of a body: what it says, not how its JSON is spaced."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()


def sha256_of_file(file: UploadedFile) -> str:
    """Return the digest of an uploaded file in hex, and have it read from its beginning again."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
