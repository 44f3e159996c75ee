"""Requests that carry a key: the same one, sent again, finds its job (RULES 6.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from datasets_app.errors import KeyReused
from datasets_app.models import Dataset, Job, JobKey


@dataclass(frozen=True)
class AskedOnce:
    """Who asks for what with which key. `body_sha256` is the digest of all that was sent."""

    user: Any
    dataset: Dataset
    kind: str
    key: str
    body_sha256: bytes


def find_asked(once: AskedOnce | None) -> Job | None:
    """Return the job that was asked for with this key, None if it is new.

    Raises
    ------
    KeyReused
        The key came with another body before.
    """
    found = _find(once) if once is not None else None
    return None if found is None else found.job


def note_asked(once: AskedOnce | None, job: Job) -> None:
    """Keep which job answers a key, in the transaction that asks for it.

    Raises
    ------
    KeyTaken
        Another request with the same key was quicker; the second waits here for the first.
    """
    if once is None:
        return
    try:
        with transaction.atomic():
            JobKey.objects.create(
                user=once.user,
                dataset=once.dataset,
                kind=once.kind,
                key=once.key,
                body_sha256=once.body_sha256,
                job=job,
            )
    except IntegrityError:
        raise KeyTaken from None


class KeyTaken(Exception):
    """Another request with the same key was quicker: what this one began must be undone."""


def _find(once: AskedOnce) -> JobKey | None:
    found = (
        JobKey.objects.select_related("job__dataset")
        .filter(user=once.user, dataset=once.dataset, kind=once.kind, key=once.key)
        .first()
    )
    if found is not None and found.body_sha256 != once.body_sha256:
        raise KeyReused(once.key)
    return found
