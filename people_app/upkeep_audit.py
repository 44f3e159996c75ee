"""Upkeep of the store in the audit log: what was deleted and when, what was found broken."""

from __future__ import annotations

from django.db import transaction

from people_app.audit import ObjectName, record
from store_app.upkeep import Upkeep, listen

KIND = "store"


def register() -> None:
    """Write it down from now on."""
    listen(_record)


@transaction.atomic
def _record(upkeep: Upkeep) -> None:
    target = ObjectName(KIND, upkeep.subject)
    record(None, f"{KIND}.{upkeep.verb}", target, **upkeep.facts)
