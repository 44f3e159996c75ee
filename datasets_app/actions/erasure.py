"""Erase what an image shows, for good: a legal duty (RULES 7.3).

History stays: versions keep their ids, and go on naming digests whose bytes are gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db import transaction

from datasets_app.entries import Entry, decode_entry
from datasets_app.errors import HistoryError, NotFound
from datasets_app.models import Change, Dataset, DatasetBlob, Image
from datasets_app.numbering import names_of
from labels_app.models import TaxonomyPicture
from people_app.audit import record
from people_app.models import User
from store_app.crash import crash_point
from store_app.erasure import ErasureReport, destroy_erased, mark_erased

_ROWS_AT_ONCE = 2_000


class UsedElsewhere(HistoryError):
    """Bytes that are to be erased belong to other images too, which would lose them."""

    code = "used_elsewhere"
    status = 409

    def __init__(self, name: str, users: tuple[str, ...]) -> None:
        listed = "; ".join(users[:10]) + (f"; {len(users) - 10} more" if len(users) > 10 else "")
        super().__init__(
            f"the bytes of {name} are also those of: {listed}", name=name, users=list(users)
        )
        self.name, self.users = name, users


class ErasurePlan(NamedTuple):
    """What would be erased of an image, and who else would lose it (`streets: b.png: image`)."""

    dataset: Dataset
    name: str
    photographs: tuple[bytes, ...]
    labels: tuple[bytes, ...]
    users: tuple[str, ...]


def plan_erasure(dataset: Dataset, name: str, *, labels: bool = False) -> ErasurePlan:
    """Find the bytes of every photograph that an image ever had, and on request of its labels.

    Reads the change log of each dataset that holds one of them.

    Raises
    ------
    NotFound
        The dataset never had such an image, or nothing of it that could be erased.
    """
    image = Image.objects.filter(dataset=dataset, name=name).first()
    if image is None:
        raise NotFound("image", name)
    changes = Change.objects.filter(dataset=dataset, image_no=image.image_no)
    entries = [
        decode_entry(bytes(data))
        for sides in changes.values_list("old_entry", "new_entry")
        for data in sides
        if data is not None
    ]
    photographs = {entry.image for entry in entries if entry.image is not None}
    drawn = {entry.label for entry in entries if entry.label is not None} if labels else set()
    if not photographs | drawn:
        raise NotFound("photograph", name)
    users = tuple(_iter_users(image, frozenset(photographs | drawn)))
    return ErasurePlan(dataset, name, tuple(sorted(photographs)), tuple(sorted(drawn)), users)


def erase_image(
    plan: ErasurePlan, *, reason: str, actor: User, accept_users: bool = False
) -> ErasureReport:
    """Erase what `plan_erasure` found, from every file of the store, and say so in the audit log.

    Archives are not opened: backups keep what they hold, uploads and exports for up to 30 days.

    Raises
    ------
    UsedElsewhere
        Other images use the bytes, and `accept_users` does not say that they may lose them.
    ObjectCorrupt, ObjectMissing
        As `destroy_erased` says; the next collection of garbage tries again.
    """
    if plan.users and not accept_users:
        raise UsedElsewhere(plan.name, plan.users)
    digests = (*plan.photographs, *plan.labels)
    with transaction.atomic():
        mark_erased(digests, reason=reason)
        record(
            actor,
            "image.erased",
            plan.dataset,
            image=plan.name,
            reason=reason,
            photographs=plan.photographs,
            labels=plan.labels,
            also=plan.users,
        )
    crash_point("erasure_before_bytes")
    return destroy_erased(digests)


def _iter_users(image: Image, digests: frozenset[bytes]) -> Iterator[str]:
    """Yield who else uses any of these bytes."""
    holders = DatasetBlob.objects.filter(digest__in=digests).values_list("dataset", flat=True)
    for dataset in Dataset.objects.filter(pk__in=set(holders)).order_by("slug"):
        own = image.image_no if dataset.pk == image.dataset_id else None
        uses = sorted(_uses_in(dataset, digests, own))
        names = names_of(dataset.pk, {image_no for image_no, _ in uses})
        for image_no, part in uses:
            yield f"{dataset.slug}: {names.get(image_no, f'image {image_no}')}: {part}"
    pictures = TaxonomyPicture.objects.filter(digest__in=digests).select_related("taxonomy")
    for picture in pictures.order_by("pk"):
        yield f"taxonomy {picture.taxonomy.slug}: picture"


def _uses_in(dataset: Dataset, digests: frozenset[bytes], own: int | None) -> set[tuple[int, str]]:
    """Return (image number, part) of the uses in one dataset, other than by the image itself."""
    uses: set[tuple[int, str]] = set()
    changes = Change.objects.filter(dataset=dataset, new_entry__isnull=False)
    rows = changes.values_list("image_no", "new_entry")
    for image_no, data in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        entry = decode_entry(bytes(data))
        uses.update(
            (image_no, part)
            for part, digest in _parts(entry)
            if digest in digests and image_no != own
        )
    return uses


def _parts(entry: Entry) -> Iterator[tuple[str, bytes | None]]:
    yield "image", entry.image
    yield "label", entry.label
    yield "attributes", entry.attributes
