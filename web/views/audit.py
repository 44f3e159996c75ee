"""What happened: who did what, when, from where and with which token."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from people_app.audit import ObjectName
from people_app.audit_listing import visible_events, with_people_and_proofs
from people_app.models import AuditEvent, AuditProof, AuditSeal
from web.administering import frame_of, get_dataset_to_administer
from web.audit_filter import Asked, AuditFilterForm, asked_of
from web.audit_names import tell_events
from web.audit_words import AREAS, AREAS_OF_DATASETS

_EVENTS_PER_PAGE = 50
_MOST_WAITING_COUNTED = 10_000
_MOST_DIGITS = 18


class SealState(NamedTuple):
    """How far a log is sealed; without a number it is that of all lines together."""

    number: int | None
    sealed_at: datetime | None
    waiting: int


@login_required
@never_cache
@require_safe
def show_audit(request: HttpRequest) -> HttpResponse:
    """Show all events that the user may see, newest first; `?after=ID` goes on.

    That is everything for superusers; for others what they did, and what happened to what
    they answer for.
    """
    visible = Dataset.objects.visible_to(request.user)
    form = AuditFilterForm(request.GET, areas=list(AREAS), datasets=visible)
    context = _events(request, form, None)
    context["seals"] = _seal_state(None) if request.user.is_superuser else None
    return render(request, "web/audit.html", context)


@login_required
@never_cache
@require_safe
def show_dataset_audit(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what happened to a dataset and to what belongs to it, newest first."""
    dataset = get_dataset_to_administer(request, slug)
    form = AuditFilterForm(request.GET, areas=AREAS_OF_DATASETS, datasets=None)
    context = _events(request, form, dataset)
    context |= {
        **frame_of(dataset),
        "seals": _seal_state(ObjectName(DATASET_KIND, str(dataset.pk))),
    }
    return render(request, "web/dataset_audit.html", context)


def _events(request: HttpRequest, form: AuditFilterForm, home: Dataset | None) -> dict[str, Any]:
    asked = asked_of(form, home) if form.is_valid() else Asked(dataset=home)
    shown: list[AuditEvent] = []
    following = None
    if form.is_valid():
        rows = asked.select(with_people_and_proofs(visible_events(request.user)))
        after = request.GET.get("after", "")
        if after.isascii() and after.isdigit() and len(after) <= _MOST_DIGITS:
            rows = rows.filter(pk__lt=int(after))
        found = list(rows.order_by("-pk")[: _EVENTS_PER_PAGE + 1])
        shown = found[:_EVENTS_PER_PAGE]
        following = shown[-1].pk if len(found) > len(shown) else None
    line = ObjectName(DATASET_KIND, str(home.pk)) if home is not None else None
    return {
        "form": form,
        "is_filtered": any(value for name, value in asked._asdict().items() if name != "dataset")
        or (home is None and asked.dataset is not None),
        "events": tell_events(request, shown, line),
        "following": following,
        "export_url": asked.export_url,
        "query": _query(request),
    }


def _query(request: HttpRequest) -> str:
    """Return what was asked for, to be asked again of older events."""
    query = request.GET.copy()
    query.pop("after", None)
    return query.urlencode()


def _seal_state(line: ObjectName | None) -> SealState:
    """Return how far a line is sealed, None for all of them; two queries."""
    seals = AuditSeal.objects.order_by("-pk")
    waiting = AuditProof.objects.filter(seal__isnull=True)
    if line is not None:
        seals = seals.filter(line_kind=line.kind, line_id=line.id).order_by("-number")
        waiting = waiting.filter(event__line_kind=line.kind, event__line_id=line.id)
    last = seals.first()
    return SealState(
        number=last.number if last is not None and line is not None else None,
        sealed_at=last.sealed_at if last is not None else None,
        waiting=waiting[:_MOST_WAITING_COUNTED].count(),
    )
