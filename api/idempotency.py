"""What makes a request that is sent twice one act: its key, and the digest of its body."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from rest_framework.request import Request

from api.errors import invalid

_MAX_KEY = 200


def key_of(request: Request) -> str | None:
    """Return the `Idempotency-Key` of a request, None where it has none."""
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= _MAX_KEY and key.isprintable()):
        raise invalid("Idempotency-Key", f"1 to {_MAX_KEY} characters")
    return key


def sha256_of(body: Any) -> bytes:
    """Return the digest of a body: what it says, not how its JSON is spaced."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
