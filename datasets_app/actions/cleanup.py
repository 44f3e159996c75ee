"""Remove what interrupted commits left behind."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from datasets_app.models import Change, ChangeSet, IdempotencyKey

UNFINISHED_AFTER = timedelta(days=1)
KEYS_KEPT = timedelta(days=7)  # RULES 6.7 asks for 24 hours at least


def drop_unfinished_change_sets(older_than: timedelta = UNFINISHED_AFTER) -> int:
    """Delete the change sets that no version names; return how many.

    `older_than` must be longer than any commit takes: a set that is being written is not
    named yet either.
    """
    left = ChangeSet.objects.filter(
        version__isnull=True, created_at__lt=timezone.now() - older_than
    )
    dropped = 0
    for key in list(left.values_list("pk", flat=True)):
        with transaction.atomic():
            Change.objects.filter(change_set=key).delete()
            dropped += ChangeSet.objects.filter(pk=key, version__isnull=True).delete()[0]
    return dropped


def drop_old_keys(older_than: timedelta = KEYS_KEPT) -> int:
    """Delete idempotency keys that no client can still be waiting on; return how many."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - older_than).delete()[0]
