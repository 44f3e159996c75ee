"""Distributions that were counted before: of the version itself, or of one near it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from django.db.models import F
from django.db.models.functions import Abs

from datasets_app.distributions_plan import DistributionPlan
from datasets_app.models import Version, VersionDistributions
from panoptic.distribution_bytes import decode_distributions, encode_distributions
from panoptic.distributions import Distributions

# Sums by split; a split without labels is left out.
SplitSums = dict[str, Distributions]

_PART = struct.Struct("<HI")


class Base(NamedTuple):
    """A version of which the sums are known."""

    version: Version
    sums: SplitSums


def find_kept(version: Version, plan: DistributionPlan) -> SplitSums | None:
    """Return what is kept of a version; one query."""
    rows = VersionDistributions.objects.filter(version=version, plan=plan.digest)
    found = rows.values_list("sums", flat=True).first()
    return None if found is None else unpack_sums(bytes(found))


def find_base(version: Version, plan: DistributionPlan) -> Base | None:
    """Return the version of the dataset whose number is nearest, among those counted; one query.

    What lies between is read from the trees, so that any version serves: mostly it is the
    parent, and on another branch it is still much alike.
    """
    kept = VersionDistributions.objects.filter(
        version__dataset=version.dataset_id, plan=plan.digest
    ).exclude(version=version)
    row = (
        kept.select_related("version__change_set")
        .alias(distance=Abs(F("version__number") - version.number))
        .order_by("distance", "-version__number")
        .first()
    )
    return None if row is None else Base(row.version, unpack_sums(bytes(row.sums)))


def keep_sums(version: Version, plan: DistributionPlan, sums: Mapping[str, Distributions]) -> None:
    """Keep sums; what is kept already stays, since it is the same."""
    VersionDistributions.objects.bulk_create(
        [VersionDistributions(version=version, plan=plan.digest, sums=pack_sums(sums))],
        ignore_conflicts=True,
    )


def pack_sums(sums: Mapping[str, Distributions]) -> bytes:
    """Return one after the other: lengths of name and sums (u16, u32, little-endian), and both."""
    parts = []
    for split, of_split in sorted(sums.items()):
        name, data = split.encode(), encode_distributions(of_split)
        parts += [_PART.pack(len(name), len(data)), name, data]
    return b"".join(parts)


def unpack_sums(packed: bytes) -> SplitSums:
    """The inverse of `pack_sums`."""
    sums, at = {}, 0
    while at < len(packed):
        name_length, length = _PART.unpack_from(packed, at)
        name_at = at + _PART.size
        at = name_at + name_length + length
        name = packed[name_at : name_at + name_length].decode()
        sums[name] = decode_distributions(packed[at - length : at])
    return sums
