"""`?taxonomy=`: a version as another taxonomy version reads it."""

from __future__ import annotations

from typing import NamedTuple

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.access import get_version
from api.documentation import query
from datasets_app.models import Dataset, Version
from datasets_app.taxonomy_access import get_read_by
from labels_app.reading import Reading

TAXONOMY: OpenApiParameter = query(
    "taxonomy",
    "the taxonomy version to read by: `SLUG@N`, `SLUG` (the newest) or `SLUG@draft`; "
    "by default the version's own",
)


class ReadVersion(NamedTuple):
    """A version as a request names it, and how it is read.

    immutable : whether what is named, and what it reads as, can only ever be this
    etag_parts : what an ETag of something that shows classes is made from
    """

    dataset: Dataset
    version: Version
    reading: Reading
    immutable: bool
    etag_parts: tuple[bytes, ...]


def get_read_version(request: Request, slug: str, rev: str) -> ReadVersion:
    """Return a version that the caller may read, by the taxonomy of `?taxonomy=`.

    Raises
    ------
    NotFound, AmbiguousRevision, NoMapping, UnknownClass
    """
    found = get_version(request, slug, rev)
    under = asked_taxonomy(request)
    read_by = get_read_by([found.version], user=request.user, under=under)
    # A version's id says which taxonomy version is its own.
    parts = (found.version.version_id, *((read_by.reading.digest,) if under else ()))
    return ReadVersion(
        found.dataset,
        found.version,
        read_by.reading,
        found.by_id and is_lasting(under, read_by.is_fixed),
        parts,
    )


def asked_taxonomy(request: Request) -> str:
    """Return what `?taxonomy=` says, "" where it says nothing."""
    return str(request.query_params.get("taxonomy", ""))


def is_lasting(under: str, is_fixed: bool) -> bool:
    """Say whether `?taxonomy=` can only ever mean what it means now.

    A bare slug is the newest version, a draft is edited, and the newest mapping counts.
    """
    return not under or (is_fixed and "@" in under)
