"""What a page of the audit log is asked for, as the API's export is asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import get_script_prefix

from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from people_app.audit_form import moment
from people_app.audit_listing import select_events
from people_app.models import AuditEvent
from web.audit_words import AREAS

_DATE = forms.DateInput({"type": "date"}, format="%Y-%m-%d")
_EXPORT = "api/v1/audit/export"


class AuditFilterForm(forms.Form):
    """Who, what, on what, when. Both dates are inside, and are days of UTC."""

    actor = forms.CharField(max_length=150, required=False, label="Who")
    verb = forms.CharField(max_length=80, required=False, label="What")
    object = forms.CharField(
        max_length=120, required=False, label="On what", widget=forms.TextInput()
    )
    since = forms.DateField(required=False, label="From", widget=_DATE)
    until = forms.DateField(required=False, label="To", widget=_DATE)
    dataset = forms.CharField(max_length=100, required=False, label="In the dataset")
    token = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any, *, areas: Sequence[str], datasets: QuerySet[Dataset] | None
    ) -> None:
        super().__init__(data, auto_id="filter-%s")
        self._datasets = datasets
        if datasets is None:  # the page is one of a dataset already
            del self.fields["dataset"]
        menu = [("", "anything"), *((area, AREAS[area]) for area in areas)]
        chosen = data.get("verb", "")
        if chosen and chosen not in areas:
            menu.append((chosen, AREAS.get(chosen, chosen)))
        self.fields["verb"].widget = forms.Select(choices=menu)
        self.fields["actor"].widget.attrs |= {"autocomplete": "off", "autocapitalize": "none"}
        self.fields["object"].widget.attrs |= {"placeholder": "job, or job:ID"}

    def clean_dataset(self) -> Dataset | None:
        """Return the dataset of a slug; what the reader may not see is not there."""
        slug = self.cleaned_data["dataset"]
        if not slug or self._datasets is None:
            return None
        dataset = self._datasets.filter(slug=slug).first()
        if dataset is None:
            raise ValidationError(f"There is no dataset “{slug}”, or it is not shared with you.")
        return dataset

    def clean(self) -> dict[str, Any]:
        """Refuse a time that ends before it begins."""
        values: dict[str, Any] = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            self.add_error("until", ValidationError("It is before the day where it begins."))
        return values


class Asked(NamedTuple):
    """Which events a valid form asks for."""

    actor: str | None = None
    verb: str | None = None
    object: str | None = None
    dataset: Dataset | None = None
    token: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def select(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Keep those events."""
        kind, _, object_id = (self.object or "").partition(":")
        return select_events(
            events,
            actor=self.actor,
            verb=self.verb,
            token=self.token,
            object_kind=kind or None,
            object_id=object_id or None,
            line=(DATASET_KIND, str(self.dataset.pk)) if self.dataset is not None else None,
            since=self.since,
            until=self.until,
        )

    @property
    def export_url(self) -> str:
        """Where the API writes all of them as one file."""
        asked: dict[str, Any] = {name: value for name, value in self._asdict().items() if value}
        asked |= {name: moment(at) for name in ("since", "until") if (at := asked.get(name))}
        query = urlencode(asked)  # a dataset is written as its slug
        return f"{get_script_prefix()}{_EXPORT}?{query}"


def asked_of(form: AuditFilterForm, home: Dataset | None) -> Asked:
    """Return what a form asks for; `home` is the dataset whose page it is."""
    values = form.cleaned_data
    until = values.get("until")
    return Asked(
        actor=values.get("actor") or None,
        verb=values.get("verb") or None,
        object=values.get("object") or None,
        dataset=home or values.get("dataset"),
        token=values.get("token") or None,
        since=_start_of(values.get("since")),
        until=_start_of(until + timedelta(days=1)) if until and until < date.max else None,
    )


def _start_of(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, UTC) if day else None
