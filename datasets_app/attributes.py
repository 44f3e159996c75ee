"""Free attributes of images: JSON objects, kept as blobs in one canonical form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import rfc8785

from datasets_app.errors import InvalidChange
from store_app.blobs import get_blobs, new_blob, put_blobs

Attributes = Mapping[str, Any]


def encode_attributes(attributes: Attributes) -> bytes:
    """Return the RFC 8785 form: equal attributes have equal bytes.

    Raises
    ------
    InvalidChange
        A value is not JSON, or an integer is beyond 2^53.
    """
    try:
        return rfc8785.dumps(dict(attributes))
    except (rfc8785.CanonicalizationError, ValueError) as error:
        raise InvalidChange("attributes", str(error)) from error


def put_attributes(images: Sequence[Attributes | None]) -> list[bytes | None]:
    """Store the attributes of images and return their digests; none or empty ones are None."""
    blobs = [
        new_blob(encode_attributes(attributes), "raw") if attributes else None
        for attributes in images
    ]
    put_blobs(blob for blob in blobs if blob is not None)
    return [None if blob is None else blob.digest for blob in blobs]


def get_attributes(digests: Iterable[bytes]) -> dict[bytes, Attributes]:
    """Read attributes, all at once, from the store."""
    return {digest: json.loads(data) for digest, data in get_blobs(set(digests)).items()}
