"""Chain what was recorded: batches of events under seals that hold each other.

Writers never wait for this. An event gets its proof (its digest) in its own transaction; the
sealer looks for proofs without a seal, whatever their ids are. PostgreSQL gives out ids before
it commits, so an event with a low id may become visible after the sealer has passed: it is
then simply in a later batch. No horizon, no clock and no order of ids is relied on.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from people_app.audit import ObjectName
from people_app.audit_form import seal_digest
from people_app.models import AuditProof, AuditSeal

# So few that SQLite takes them as parameters and a transaction is short.
EVENTS_PER_SEAL = 500


class Sealed(NamedTuple):
    """What a run did."""

    seals: int
    events: int


class _Overtaken(Exception):
    """Another sealer took the same events."""


def seal_events() -> Sealed:
    """Seal every event that is visible now and has no seal; return how many.

    Runs beside writers and beside other sealers. An event that was removed before it was
    sealed stays without a seal, and `verify_audit` names it.
    """
    seals = events = 0
    for line in _open_lines():
        while count := _seal_batch(line):
            seals, events = seals + 1, events + count
    return Sealed(seals, events)


def _open_lines() -> list[ObjectName]:
    unsealed = AuditProof.objects.filter(seal__isnull=True)
    pairs = unsealed.values_list("event__line_kind", "event__line_id").distinct()
    return sorted(ObjectName(kind, line_id) for kind, line_id in pairs)


def _seal_batch(line: ObjectName) -> int:
    """Seal up to `EVENTS_PER_SEAL` events of a line; 0 when none wait, or another is at it."""
    try:
        with transaction.atomic():
            return _add_seal(line)
    except (IntegrityError, _Overtaken):
        return 0


def _add_seal(line: ObjectName) -> int:
    # In this order: who read the events before the last seal could chain them twice.
    last = (
        AuditSeal.objects.filter(line_kind=line.kind, line_id=line.id).order_by("-number").first()
    )
    waiting = AuditProof.objects.filter(
        seal__isnull=True, event__line_kind=line.kind, event__line_id=line.id
    )
    proofs = [
        (event_id, bytes(digest))
        for event_id, digest in waiting.order_by("pk").values_list("pk", "digest")[:EVENTS_PER_SEAL]
    ]
    if not proofs:
        return 0
    seal = AuditSeal(
        line_kind=line.kind,
        line_id=line.id,
        number=last.number + 1 if last else 1,
        previous=last.digest if last else None,
        first_event=proofs[0][0],
        last_event=proofs[-1][0],
        count=len(proofs),
        sealed_at=timezone.now(),
    )
    seal.digest = seal_digest(seal, proofs)
    seal.save()
    ids = [event_id for event_id, _ in proofs]
    taken = AuditProof.objects.filter(pk__in=ids, seal__isnull=True).update(seal=seal)
    if taken != len(ids):
        raise _Overtaken
    return taken
