"""The bytes of audit events and seals, from which their digests are made.

Frozen: another form gets another number, and this one keeps its readers. Anybody can compute
them again from an export, which holds every member that is used here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from panoptic.canonical_json import dump_canonical
from panoptic.errors import PanopticError

EVENT_FORM = "tessera-audit-event 1"
SEAL_FORM = "tessera-audit-seal 1"

_EXACT = 2**53  # beyond it JSON numbers lose digits on their way through some readers


def event_bytes(event: Any) -> bytes:
    """Return the canonical JSON (RFC 8785) of an event.

    Raises
    ------
    PanopticError
        Its facts are no values that `record` writes: somebody altered them.
    """
    return dump_canonical(
        {
            "form": EVENT_FORM,
            "id": event.pk,
            "at": moment(event.at),
            "actor": event.actor_id,
            "token": [event.token_id, event.token_name],
            "address": event.address,
            "request": event.request_id,
            "verb": event.verb,
            "object": [event.object_kind, event.object_id],
            "line": [event.line_kind, event.line_id],
            "facts": event.facts,
        }
    )


def event_digest(event: Any) -> bytes | None:
    """Return the sha256 of an event, None for one that has no canonical form."""
    try:
        return hashlib.sha256(event_bytes(event)).digest()
    except PanopticError:
        return None


def seal_bytes(seal: Any, proofs: Iterable[tuple[int, bytes]]) -> bytes:
    """Return what a seal attests: the line, the seal before it, and its events by id.

    `proofs` are ids and digests of events in ascending order of ids. The form, the header
    and each event take one line.
    """
    header = dump_canonical(
        {
            "line": [seal.line_kind, seal.line_id],
            "number": seal.number,
            "previous": seal.previous.hex() if seal.previous is not None else None,
            "first": seal.first_event,
            "last": seal.last_event,
            "count": seal.count,
            "at": moment(seal.sealed_at),
        }
    )
    lines = (f"{event_id} {digest.hex()}\n" for event_id, digest in proofs)
    return f"{SEAL_FORM}\n{header.decode()}\n{''.join(lines)}".encode()


def seal_digest(seal: Any, proofs: Iterable[tuple[int, bytes]]) -> bytes:
    """Return the sha256 of a seal."""
    return hashlib.sha256(seal_bytes(seal, proofs)).digest()


def moment(at: datetime) -> str:
    """Return a time as text: UTC, microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def plain_number(value: int | float) -> Any:
    """Return a number that both databases give back as it was; text for any other."""
    return value if -_EXACT < value < _EXACT else str(value)


def plain_text(text: str) -> str:
    """Return text that both databases store: no NUL, no half of a surrogate pair."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def plain_date(value: date) -> str:
    """Return a date or a time as text."""
    return value.isoformat()
