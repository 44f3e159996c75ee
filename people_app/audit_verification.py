"""Find what is no longer as it was recorded: altered, removed, inserted or re-ordered events.

Every event has a proof, its digest from the moment when it was recorded; every seal attests
the proofs of a batch and the seal before it. Whoever can write to the database could compute
all of it again: against them help heads (the last seal of each line) that were kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef

from people_app.audit_form import event_digest, seal_digest
from people_app.models import AuditEvent, AuditProof, AuditSeal

ALTERED, REMOVED, INSERTED = "altered", "removed", "inserted"
REORDERED, SEAL_BROKEN, HEAD_LOST = "reordered", "seal_broken", "head_lost"

_SEALS_AT_ONCE = 20
_EVENTS_AT_ONCE = 2_000

Watch = Callable[[int], None]


class Finding(NamedTuple):
    """Something that is not as it was recorded; `event` is None where no single one is meant."""

    kind: str
    event: int | None
    line: str
    seal: int | None
    detail: str


class Head(NamedTuple):
    """The last seal of a line: who keeps it elsewhere can prove later that nothing is lost."""

    line: str
    number: int
    digest: str


@dataclass
class AuditReport:
    """What a verification saw."""

    events: int = 0
    seals: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)


class _Proof(NamedTuple):
    event_id: int
    digest: bytes
    seal_id: int | None


def verify_audit(kept: Sequence[Head] = (), watch: Watch = lambda events: None) -> AuditReport:
    """Read the whole log and say what is wrong with it; constant memory.

    Parameters
    ----------
    kept
        Heads of an earlier report: each must be in its line still.
    watch
        Called with the number of events that were read.
    """
    report = AuditReport()
    wanted = {(head.line, head.number): head for head in kept}
    for seals in _batches(_iter_seals(), _SEALS_AT_ONCE):
        proofs = _proofs_of(seals)
        for seal in seals:
            _verify_seal(report, seal, proofs.get(seal.pk, []))
            head = wanted.get((_line(seal), seal.number))
            if head is not None and head.digest == seal.digest.hex():
                del wanted[(head.line, head.number)]
        watch(report.events)
    _verify_unsealed(report)
    _find_inserted(report)
    for head in wanted.values():
        detail = f"seal {head.number} is not the one that was kept"
        report.findings.append(Finding(HEAD_LOST, None, head.line, head.number, detail))
    return report


def _iter_seals() -> Iterator[AuditSeal]:
    order = ("line_kind", "line_id", "number")
    return AuditSeal.objects.order_by(*order).iterator(chunk_size=_SEALS_AT_ONCE)


def _proofs_of(seals: Sequence[AuditSeal]) -> dict[int, list[_Proof]]:
    rows = AuditProof.objects.filter(seal__in=seals).order_by("seal_id", "pk")
    found = [
        _Proof(pk, bytes(digest), seal)
        for pk, digest, seal in rows.values_list("pk", "digest", "seal_id")
    ]
    return {seal: list(own) for seal, own in groupby(found, key=lambda proof: proof.seal_id)}


def _verify_seal(report: AuditReport, seal: AuditSeal, proofs: list[_Proof]) -> None:
    line = _line(seal)
    before = report.heads[-1] if report.heads and report.heads[-1].line == line else None
    for detail in _seal_faults(seal, proofs, before):
        report.findings.append(Finding(SEAL_BROKEN, None, line, seal.number, detail))
    _verify_events(report, proofs, seal, line)
    report.seals += 1
    head = Head(line, seal.number, seal.digest.hex())
    if before is not None:
        report.heads[-1] = head
    else:
        report.heads.append(head)


def _seal_faults(seal: AuditSeal, proofs: list[_Proof], before: Head | None) -> Iterator[str]:
    expected = before.number + 1 if before else 1
    if seal.number != expected:
        yield f"seal {expected} is missing before it"
    elif (seal.previous.hex() if seal.previous else None) != (before.digest if before else None):
        yield "it does not follow the seal before it"
    if len(proofs) != seal.count:
        yield f"it attests {seal.count} events, and {len(proofs)} have it"
    elif seal_digest(seal, [(proof.event_id, proof.digest) for proof in proofs]) != seal.digest:
        yield (
            f"its digest is not that of its {seal.count} events "
            f"({seal.first_event} to {seal.last_event})"
        )


def _verify_events(
    report: AuditReport, proofs: Sequence[_Proof], seal: AuditSeal | None, line: str
) -> None:
    events = AuditEvent.objects.in_bulk([proof.event_id for proof in proofs])
    number = seal.number if seal else None
    altered: dict[int, bytes] = {}
    for proof in proofs:
        event = events.get(proof.event_id)
        own_line = _line(event) if event is not None and seal is None else line
        if event is None:
            detail = "it was recorded, and is not there"
            report.findings.append(Finding(REMOVED, proof.event_id, own_line, number, detail))
        elif event_digest(event) != proof.digest:
            altered[proof.event_id] = proof.digest
    for event_id in altered:
        event = events[event_id]
        origin = _origin_of(event, altered)
        own_line = _line(event) if seal is None else line
        if origin is None:
            detail = "it is not what was recorded"
            report.findings.append(Finding(ALTERED, event_id, own_line, number, detail))
        else:
            detail = f"it stands where event {event_id} was recorded, and was recorded as {origin}"
            report.findings.append(Finding(REORDERED, event_id, own_line, number, detail))
    report.events += len(proofs)


def _origin_of(event: AuditEvent, altered: dict[int, bytes]) -> int | None:
    """Return as which other event this one was recorded: rows that changed their places."""
    own = event.pk
    try:
        for other, digest in altered.items():
            event.pk = other
            if other != own and event_digest(event) == digest:
                return other
        return None
    finally:
        event.pk = own


def _verify_unsealed(report: AuditReport) -> None:
    rows = AuditProof.objects.filter(seal__isnull=True).order_by("pk")
    found = (
        _Proof(pk, bytes(digest), None)
        for pk, digest in rows.values_list("pk", "digest").iterator(chunk_size=_EVENTS_AT_ONCE)
    )
    for proofs in _batches(found, _EVENTS_AT_ONCE):
        _verify_events(report, proofs, None, "")
        report.unsealed += len(proofs)


def _find_inserted(report: AuditReport) -> None:
    proof = AuditProof.objects.filter(event=OuterRef("pk"))
    strange = AuditEvent.objects.filter(~Exists(proof)).order_by("pk")
    for event in strange.iterator(chunk_size=_EVENTS_AT_ONCE):
        detail = "nothing proves that it was recorded"
        report.findings.append(Finding(INSERTED, event.pk, _line(event), None, detail))


def _line(row: Any) -> str:
    return f"{row.line_kind}:{row.line_id}" if row.line_id else str(row.line_kind)


def _batches(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
