"""`https://labels.example.org/datasets/streets@v12`: where a dataset is, in one word."""

from __future__ import annotations

from typing import NamedTuple

from tessera.config import clean_url
from tessera.errors import UsageError


class Address(NamedTuple):
    """A service, a dataset, and a revision; "" where none is named."""

    url: str
    slug: str
    rev: str = ""


def parse_address(text: str, default_url: str = "") -> Address:
    """Read `URL/SLUG[@REV]`, the address of a dataset's page, or `SLUG[@REV]` alone.

    Raises
    ------
    UsageError
        No slug, or no service where none is known.
    """
    place, _, rev = text.partition("@")
    place = place.rstrip("/")
    if "://" not in place:
        if not default_url:
            message = f"{text!r} names no service, and none is known"
            raise UsageError(message, code="service_unknown")
        url, slug = default_url, place
    else:
        url, _, slug = place.rpartition("/")
        url = url.removesuffix("/datasets").removesuffix("/api/v1")
    if not slug or "/" in slug or url.endswith(":/"):
        raise UsageError(f"{text!r} is no address of a dataset: URL/SLUG, such as"
                         " https://labels.example.org/streets")  # fmt: skip
    return Address(clean_url(url), slug, rev)
